// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { openKeyReference } from '../kms/key-reference.ts';
import { type PodKmsDeps, podKms } from '../kms/pod-kms.ts';
import { certifyNewKey } from '../sigstore/fulcio.ts';
import { readIdentityToken, WELL_KNOWN_TOKEN_FOLDER } from '../sigstore/identity-token.ts';
import { openSigningKey } from '../sigstore/signing-key.ts';
import type { Signer } from './signer.ts';

/** What the inputs of a step that signs say about who signs: names of files, and the folders that they lie in. */
export type SignerInputs = {
  params: { readonly key: string; readonly 'key-password': string; readonly 'key-ref'?: string | undefined; readonly 'identity-token': string };
  workspaces: { readonly 'signing-key': string | undefined; readonly 'identity-token': string | undefined };
};

/**
 * Who signs: the key that key-ref refers to, with its settings in the workspace signing-key; the key in that workspace; or else whoever the token is for: in the workspace identity-token, or where cosign expects it.
 * Throws input SIGNER_UNCLEAR, SIGNING_SERVICE_MISSING, IDENTITY_TOKEN_MISSING, IDENTITY_TOKEN_INVALID, KEY_MISSING, KEY_INVALID, KEY_PASSWORD_WRONG or KEY_UNSUPPORTED, and what `openKeyReference` throws.
 */
export async function openSigner(
  { params, workspaces }: SignerInputs,
  deps: PodKmsDeps,
  fulcio: string | undefined,
  wellKnownFolder = WELL_KNOWN_TOKEN_FOLDER,
): Promise<Signer> {
  const { 'signing-key': keyFolder, 'identity-token': tokenFolder } = workspaces;
  const { http, now } = deps;
  const file = params['identity-token'];
  const reference = params['key-ref'];
  if (reference !== undefined) {
    if (tokenFolder !== undefined) throw inputError('SIGNER_UNCLEAR', 'the param key-ref is given, and the workspace identity-token is bound');
    return openKeyReference(reference, podKms(deps, keyFolder));
  }
  if (keyFolder !== undefined) {
    if (tokenFolder !== undefined) throw inputError('SIGNER_UNCLEAR', 'both the workspaces signing-key and identity-token are bound');
    return openSigningKey(keyFolder, params.key, params['key-password']);
  }
  const folder = tokenFolder ?? wellKnownFolder;
  if (tokenFolder === undefined && !existsSync(join(folder, file))) {
    throw inputError('SIGNER_UNCLEAR', `neither the workspace signing-key nor identity-token is bound, and there is no ${join(folder, file)}`);
  }
  if (fulcio === undefined) throw inputError('SIGNING_SERVICE_MISSING', 'keyless signing needs a certificate authority, and no signing config names one');
  return {
    token: await readIdentityToken(folder, file, now()),
    // Read anew, because the first one may have expired by now.
    certify: async () => certifyNewKey({ http, url: fulcio, token: await readIdentityToken(folder, file, now()), now: now() }),
  };
}
