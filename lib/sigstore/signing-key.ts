// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';
import { decryptCosignKey } from './cosign-key.ts';
import { hashAlgorithm, type NamedKey } from './public-key.ts';

const MAX_KEY_FILE = 64 * 1024;
const MAX_PASSWORD_FILE = 4096;

/**
 * A key that can sign, wherever it is kept. `name` is what messages and evidence call it; `sign` gives the signature over a message,
 * made with the hash algorithm of the key (`hashAlgorithm`; ECDSA in DER, RSA by PKCS#1 v1.5).
 */
export type SigningKey = NamedKey & { sign(message: Buffer): Promise<Buffer> };

/** A signing key in the memory of this process. */
export type LocalKey = SigningKey & { privateKey: KeyObject };

/** The private key as signing key under a name. Throws input KEY_UNSUPPORTED for a key type that is not supported. */
export function localKey(name: string, privateKey: KeyObject): LocalKey {
  const key = createPublicKey(privateKey);
  const algorithm = hashAlgorithm(key, name);
  return { name, key, privateKey, sign: async (message) => sign(algorithm, message, privateKey) };
}

/**
 * Opens the key in a mounted Secret: one that cosign encrypted, or PKCS#8 in the clear, for which the Secret is the only protection. `keyFile` and `passwordFile` are paths below `folder`; a missing password file stands for the empty password, and one line break at its end is ignored.
 * Throws input KEY_MISSING, KEY_INVALID, KEY_PASSWORD_WRONG or KEY_UNSUPPORTED.
 */
export async function openSigningKey(folder: string, keyFile: string, passwordFile: string): Promise<LocalKey> {
  const pem = await readBoundedIfPresent(join(folder, keyFile), MAX_KEY_FILE, 'key file');
  if (!pem) {
    throw inputError('KEY_MISSING', `there is no file ${keyFile} in the workspace signing-key`, {
      hint: 'bind the workspace to the Secret with the key, or name the file with the param key',
    });
  }
  const password = (await readBoundedIfPresent(join(folder, passwordFile), MAX_PASSWORD_FILE, 'password file'))?.toString('utf8').replace(/\r?\n$/, '') ?? '';
  registerSecret(password);
  const what = `key file ${keyFile}`;
  return { ...localKey(what, await readPrivateKey(pem.toString('utf8'), password, what)), name: keyFile };
}

/**
 * The private key of a PEM file: one that cosign encrypted, or PKCS#8 in the clear. `what` names the file in messages.
 * Throws input KEY_INVALID or KEY_PASSWORD_WRONG.
 */
export async function readPrivateKey(pem: string, password: string, what: string): Promise<KeyObject> {
  if (!/^-----BEGIN PRIVATE KEY-----\r?$/m.test(pem)) return decryptCosignKey(pem, password, what);
  try {
    return createPrivateKey({ key: pem, format: 'pem' });
  } catch (cause) {
    throw inputError('KEY_INVALID', `${what} says that it is a PKCS#8 private key, and is none`, { cause });
  }
}
