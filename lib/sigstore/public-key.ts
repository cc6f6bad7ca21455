// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { inputError } from '../errors/errors.ts';

/** A public key under the name that a policy or command line gave it. */
export type NamedKey = { name: string; key: KeyObject };

const MAX_PEM_LENGTH = 64 * 1024;

/** Key types that signing and verifying support today, and the hash that goes with each (cosign's default algorithms). */
const HASH_BY_CURVE: Record<string, string> = { prime256v1: 'sha256' };

/** A public key from PEM. Throws input KEY_INVALID, naming `what`, for anything else, and KEY_UNSUPPORTED for any but an EC P-256 key. */
export function parsePublicKey(pem: string, what: string): KeyObject {
  let key: KeyObject;
  try {
    if (pem.length > MAX_PEM_LENGTH || !pem.includes('-----BEGIN PUBLIC KEY-----')) throw new Error('there is no BEGIN PUBLIC KEY line');
    key = createPublicKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw inputError('KEY_INVALID', `${what} is not a public key in PEM form`, { cause, hint: 'give the file cosign.pub' });
  }
  hashAlgorithm(key, what);
  return key;
}

/** The hash algorithm that a signature of this key uses. Throws input KEY_UNSUPPORTED for a key type that is not supported. */
export function hashAlgorithm(key: KeyObject, what: string): string {
  const curve = key.asymmetricKeyDetails?.namedCurve;
  const hash = curve === undefined ? undefined : HASH_BY_CURVE[curve];
  if (hash !== undefined) return hash;
  throw inputError('KEY_UNSUPPORTED', `${what} is a key of type ${[key.asymmetricKeyType, curve].filter(Boolean).join(' ')}; only EC P-256 is supported`, {
    hint: 'use the key type that "cosign generate-key-pair" makes by default',
  });
}

/** The SubjectPublicKeyInfo of the key in DER. */
export function spkiDer(key: KeyObject): Buffer {
  return key.export({ format: 'der', type: 'spki' });
}

/** The hint that sigstore-go puts beside a signature: base64 of the SHA-256 of the SubjectPublicKeyInfo. It helps to find a key and proves nothing. */
export function publicKeyHint(key: KeyObject): string {
  return createHash('sha256').update(spkiDer(key)).digest('base64');
}

/** `sha256:<hex>` of the SubjectPublicKeyInfo, the name of a key in evidence and verdicts. */
export function keyFingerprint(key: KeyObject): string {
  return `sha256:${createHash('sha256').update(spkiDer(key)).digest('hex')}`;
}
