// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { inputError } from '../errors/errors.ts';
import { hashAlgorithm } from './public-key.ts';

/** What `cosign import-key-pair` reads: PKCS#8, PKCS#1 and SEC1 (cosign pkg/cosign/keys.go, ImportKeyPair). */
const PEM_TYPE = /^-----BEGIN ((?:RSA |EC )?PRIVATE KEY)-----\r?$/m;
const ENCRYPTED = /^(?:-----BEGIN ENCRYPTED PRIVATE KEY-----|Proc-Type: 4,ENCRYPTED)\r?$/m;

/** The private key of a PEM file in the clear; `what` names it in messages. Throws input KEY_INVALID or KEY_UNSUPPORTED. */
export function importPrivateKey(pem: string, what: string): KeyObject {
  if (ENCRYPTED.test(pem)) {
    throw inputError('KEY_INVALID', `${what} is encrypted`, {
      hint: 'decrypt it first, for example with "openssl pkey -in FILE -out OTHER", and remove that file afterwards',
    });
  }
  if (!PEM_TYPE.test(pem)) throw inputError('KEY_INVALID', `${what} is no private key in PEM form (PKCS#8, PKCS#1 or SEC1)`);
  let privateKey: KeyObject;
  try {
    privateKey = createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw inputError('KEY_INVALID', `${what} says that it is a private key, and is none`, { cause });
  }
  hashAlgorithm(createPublicKey(privateKey), what);
  return privateKey;
}
