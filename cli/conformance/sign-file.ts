// SPDX-License-Identifier: Apache-2.0
import { openServices } from '../../lib/attest/open-services.ts';
import { signArtifact } from '../../lib/attest/sign-artifact.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import type { Http } from '../../lib/http/http.ts';
import { encodeBundle } from '../../lib/sigstore/bundle.ts';
import { parseIdentityToken } from '../../lib/sigstore/identity-token.ts';
import { checkNewBundle } from '../../lib/sigstore/new-bundle.ts';
import type { LogFinding } from '../../lib/sigstore/verify-log.ts';
import { readTrustedRoot, type TrustSource } from './trust.ts';

/** What `sign-bundle` was asked; names are those of the protocol. */
export type SignQuestion = TrustSource & {
  artifact: string;
  bundle: string;
  'identity-token': string;
  'signing-config': string | undefined;
  'in-toto': boolean;
};

const MAX_ARTIFACT_BYTES = 1024 * 1024 * 1024;
const MAX_CONFIG_BYTES = 4 * 1024 * 1024;

/**
 * Signs as the sigstore-conformance protocol says (docs/cli_protocol.md there, "Sign"), and writes the bundle when it verifies with the trusted root.
 * Throws input SIGNING_CONFIG_MISSING, IDENTITY_TOKEN_INVALID and what `readTrustedRoot`, `openServices`, `signArtifact` and `verifyBundle` throw.
 */
export async function signFile(question: SignQuestion, { http, now }: { http: Http; now: () => Date }): Promise<LogFinding> {
  const token = parseIdentityToken(question['identity-token'].trim(), '--identity-token', now());
  if (question['signing-config'] === undefined) {
    throw inputError('SIGNING_CONFIG_MISSING', 'no signing config says where to sign', {
      hint: 'give one with --signing-config; "supply-chain trust fetch" gets that of an instance, "cosign signing-config create" makes them',
    });
  }
  const trust = await readTrustedRoot(question);
  const config = (await readBounded(question['signing-config'], MAX_CONFIG_BYTES, 'signing config')).toString('utf8');
  const bytes = await readBounded(question.artifact, MAX_ARTIFACT_BYTES, 'file to sign');
  const services = openServices({ http, mode: 'now', url: undefined, config, trust, now: now() });
  const bundle = await signArtifact({ bytes, isStatement: question['in-toto'] }, services, { http, token, now: now() });
  const finding = checkNewBundle(bundle, undefined, trust, { logged: true }, 'the new signature');
  await writeAtomic(question.bundle, encodeBundle(bundle));
  return finding;
}
