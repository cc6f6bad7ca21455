// SPDX-License-Identifier: Apache-2.0
import { createHash, createPublicKey, type KeyObject } from 'node:crypto';
import { inputError } from '../errors/errors.ts';
import { fitsKey, KEY_DETAILS } from './hashedrekord.ts';

/** A public key under the name that a policy or command line gave it. */
export type NamedKey = { name: string; key: KeyObject };

const MAX_PEM_LENGTH = 64 * 1024;

/** A public key from PEM. Throws input KEY_INVALID, naming `what`, for anything else, and KEY_UNSUPPORTED for a key type that is not supported. */
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

/**
 * The hash algorithm that a signature of this key uses (cosign's default algorithms; RSA is PKCS#1 v1.5), null for Ed25519, which hashes by itself. What cosign and the logs make of each: docs/signing-keys.md.
 * Throws input KEY_UNSUPPORTED for a key type that is not supported.
 */
export function hashAlgorithm(key: KeyObject, what: string): string | null {
  const details = KEY_DETAILS.find((candidate) => fitsKey(candidate, key));
  if (details) return details.keyType === 'ed25519' ? null : details.hash;
  const { namedCurve, modulusLength } = key.asymmetricKeyDetails ?? {};
  const type = [key.asymmetricKeyType, namedCurve ?? modulusLength].filter(Boolean).join(' ');
  throw inputError(
    'KEY_UNSUPPORTED',
    `${what} is a key of type ${type}; supported are ECDSA P-256, P-384 and P-521, RSA of 2048, 3072 or 4096 bits, and Ed25519`,
    {
      hint: 'use the key type that "cosign generate-key-pair" makes by default',
    },
  );
}

const spkis = new WeakMap<KeyObject, Buffer>();

/** The SubjectPublicKeyInfo of the key in DER. It is asked for at every verification, so it is exported once. */
export function spkiDer(key: KeyObject): Buffer {
  const kept = spkis.get(key) ?? key.export({ format: 'der', type: 'spki' });
  spkis.set(key, kept);
  return kept;
}

/** The hint that sigstore-go puts beside a signature: base64 of the SHA-256 of the SubjectPublicKeyInfo. It helps to find a key and proves nothing. */
export function publicKeyHint(key: KeyObject): string {
  return createHash('sha256').update(spkiDer(key)).digest('base64');
}

/** `sha256:<hex>` of the SubjectPublicKeyInfo, the name of a key in evidence and verdicts. */
export function keyFingerprint(key: KeyObject): string {
  return `sha256:${createHash('sha256').update(spkiDer(key)).digest('hex')}`;
}
