// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { Signer } from '../../lib/attest/signer.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { certifyNewKey } from '../../lib/sigstore/fulcio.ts';
import { readIdentityToken, WELL_KNOWN_TOKEN_FOLDER } from '../../lib/sigstore/identity-token.ts';
import { openSigningKey } from '../../lib/sigstore/signing-key.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

/**
 * Who signs: the key in the workspace signing-key, or else whoever the token is for: in the workspace identity-token, or where cosign expects it.
 * Throws input SIGNER_UNCLEAR, SIGNING_SERVICE_MISSING, IDENTITY_TOKEN_MISSING, IDENTITY_TOKEN_INVALID, KEY_MISSING, KEY_INVALID, KEY_PASSWORD_WRONG or KEY_UNSUPPORTED.
 */
export async function openSigner(
  { params, workspaces }: Inputs<typeof spec>,
  { http, now }: Pick<StepDeps, 'http' | 'now'>,
  fulcio: string | undefined,
  wellKnownFolder = WELL_KNOWN_TOKEN_FOLDER,
): Promise<Signer> {
  const { 'signing-key': keyFolder, 'identity-token': tokenFolder } = workspaces;
  const file = params['identity-token'];
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
