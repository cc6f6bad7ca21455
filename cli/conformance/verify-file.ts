// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded, readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { type Artifact, MAX_BUNDLE_BYTES } from '../../lib/sigstore/artifact-bundle.ts';
import { parsePublicKey } from '../../lib/sigstore/public-key.ts';
import { type ExpectedSigner, verifyArtifactBundle } from '../../lib/sigstore/verify-artifact.ts';
import type { VerifiedBundle } from '../../lib/sigstore/verify-bundle.ts';
import { readTrustedRoot, type TrustSource } from './trust.ts';

/** What `verify-bundle` was asked; names are those of the protocol. */
export type VerifyQuestion = TrustSource & {
  bundle: string;
  'certificate-identity': string | undefined;
  'certificate-oidc-issuer': string | undefined;
  key: string | undefined;
  /** A file, or `sha256:<64 hex digits>` where there is no such file. */
  artifact: string;
};

/** Largest artifact that is read; of a larger one the digest can be given. */
const MAX_ARTIFACT_BYTES = 1024 * 1024 * 1024;
const MAX_KEY_BYTES = 64 * 1024;
const DIGEST = /^sha256:([0-9a-fA-F]{64})$/;

/** Verifies as the sigstore-conformance protocol says (docs/cli_protocol.md there, "Verify"). Throws input SIGNER_UNCLEAR, and what reading the files and `verifyArtifactBundle` throw. */
export async function verifyFile(question: VerifyQuestion): Promise<VerifiedBundle> {
  const expected = await expectedSigner(question);
  const trust = await readTrustedRoot(question);
  const bundle = await readBounded(question.bundle, MAX_BUNDLE_BYTES, 'bundle');
  return verifyArtifactBundle(bundle, await readArtifact(question.artifact), expected, trust, `the bundle ${question.bundle}`);
}

async function expectedSigner({ key, 'certificate-identity': subject, 'certificate-oidc-issuer': issuer }: VerifyQuestion): Promise<ExpectedSigner> {
  if (key !== undefined) {
    if (subject !== undefined || issuer !== undefined)
      throw inputError('SIGNER_UNCLEAR', 'both a key and a certificate identity were given; one of them has to have signed');
    const pem = await readBounded(key, MAX_KEY_BYTES, 'public key');
    return { key: { name: key, key: parsePublicKey(pem.toString('utf8'), `the file ${key}`) } };
  }
  if (!subject || !issuer) throw inputError('SIGNER_UNCLEAR', 'who has to have signed: --key, or --certificate-identity and --certificate-oidc-issuer');
  return { identity: { name: subject, subject, issuer } };
}

async function readArtifact(artifact: string): Promise<Artifact> {
  const [, hex] = DIGEST.exec(artifact) ?? [];
  if (hex === undefined) return { bytes: await readBounded(artifact, MAX_ARTIFACT_BYTES, 'artifact') };
  const bytes = await readBoundedIfPresent(artifact, MAX_ARTIFACT_BYTES, 'artifact');
  return bytes ? { bytes } : { sha256: Buffer.from(hex, 'hex') };
}
