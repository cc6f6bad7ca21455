// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { deniedError } from '../errors/errors.ts';
import { hashAlgorithm, type NamedKey } from '../sigstore/public-key.ts';

/** Type of referrer and layer of a signature that is not in the transparency log yet. It is our own, so that no verifier takes it for a finished signature: cosign looks at the layer alone. */
export const PENDING_ARTIFACT_TYPE = 'application/vnd.tekton-supply-chain.pending-bundle.v0.3+json';

/** Annotation of a pending referrer with the signer's public key (base64 of the SubjectPublicKeyInfo), which the log entry needs and the bundle does not hold. */
export const PUBLIC_KEY_ANNOTATION = 'dev.tekton-supply-chain.public-key';

/** The key that a pending referrer names as its signer's. It is a claim: check that it made the signature. Throws denied PENDING_INVALID. */
export function pendingKey(piece: { digest: string; manifest: { annotations?: Record<string, string> | undefined } | undefined }): NamedKey {
  const der = Buffer.from(piece.manifest?.annotations?.[PUBLIC_KEY_ANNOTATION] ?? '', 'base64');
  try {
    const key = createPublicKey({ key: der, format: 'der', type: 'spki' });
    hashAlgorithm(key, 'the key that it names');
    return { name: `the key of ${piece.digest}`, key };
  } catch (cause) {
    throw deniedError('PENDING_INVALID', `the pending signature ${piece.digest} does not name a public key of its signer that is supported`, { cause });
  }
}
