// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject, verify } from 'node:crypto';
import { inputError } from '../errors/errors.ts';
import { type DsseBundle, signedBytes } from './bundle.ts';
import { hashAlgorithm } from './public-key.ts';

/**
 * Whether the key made the signature of the bundle, over its signed bytes or, where these are not at hand, over their digest. Throws input KEY_UNSUPPORTED, and ARTIFACT_NEEDED for a key
 * whose signatures take another hash than SHA-256 of an artifact that is known by that alone.
 */
export function isSignedBy(bundle: DsseBundle, key: KeyObject, what: string): boolean {
  const hash = hashAlgorithm(key, what);
  if (!bundle.digestOnly) return verify(hash, signedBytes(bundle), key, bundle.signature);
  if (hash !== 'sha256') throw artifactNeeded(hash ?? 'the whole message');
  return bundle.digestOnly.isSignedBy(key, bundle.signature);
}

/** The digest of the bytes that the signature covers; `hash` as node:crypto calls it. Throws input ARTIFACT_NEEDED where the bytes are not at hand and it is not SHA-256. */
export function signedDigest(bundle: DsseBundle, hash: string): Buffer {
  if (!bundle.digestOnly) return createHash(hash).update(signedBytes(bundle)).digest();
  if (hash !== 'sha256') throw artifactNeeded(hash);
  return bundle.digestOnly.sha256;
}

function artifactNeeded(hash: string): Error {
  return inputError('ARTIFACT_NEEDED', `the signature is over ${hash} of the artifact, of which the SHA-256 alone was given`, {
    hint: 'give the file in place of its digest',
  });
}
