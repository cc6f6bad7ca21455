// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, randomBytes, scryptSync } from 'node:crypto';
import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';

export const PASSWORD = 'seven-green-herons';

/** The scrypt settings of older cosign versions: half the work for each of the many steps that open the key. */
const SCRYPT = { N: 32768, r: 8, p: 1 };

/** Writes `cosign.key`, `cosign.password` and `cosign.pub` of a new P-256 key. */
export async function writeLightKey(folders: { key: string; publicKey: string }): Promise<void> {
  const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const [salt, nonce] = [randomBytes(32), randomBytes(24)];
  const secret = scryptSync(PASSWORD, salt, 32, { ...SCRYPT, maxmem: 256 * SCRYPT.N * SCRYPT.r });
  const ciphertext = xsalsa20poly1305(secret, nonce).encrypt(privateKey.export({ format: 'der', type: 'pkcs8' }));
  const encrypted = {
    kdf: { name: 'scrypt', params: SCRYPT, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  };
  const [label, body] = ['ENCRYPTED SIGSTORE PRIVATE KEY', Buffer.from(JSON.stringify(encrypted)).toString('base64')];
  await writeFile(join(folders.key, 'cosign.key'), `-----BEGIN ${label}-----\n${body}\n-----END ${label}-----\n`);
  await writeFile(join(folders.key, 'cosign.password'), `${PASSWORD}\n`);
  await writeFile(join(folders.publicKey, 'cosign.pub'), createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }));
}
