// SPDX-License-Identifier: Apache-2.0
import { createPrivateKey, createPublicKey, generateKeyPairSync, type KeyObject, randomBytes, scrypt } from 'node:crypto';
import { promisify } from 'node:util';
import { xsalsa20poly1305 } from '@noble/ciphers/salsa.js';
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';

const PEM_TYPES = ['ENCRYPTED SIGSTORE PRIVATE KEY', 'ENCRYPTED COSIGN PRIVATE KEY'] as const;
const MAX_PEM_LENGTH = 64 * 1024;
const KEY_LENGTH = 32;
const SALT_LENGTH = 32;
const NONCE_LENGTH = 24;

/** The scrypt settings that go-securesystemslib accepts (encrypted/encrypted.go); any other is refused, since a key file could demand any amount of work. */
const SCRYPT_SETTINGS = [
  { N: 32768, r: 8, p: 1 },
  { N: 65536, r: 8, p: 1 },
  { N: 131072, r: 8, p: 1 },
] as const;
const WRITE_SETTINGS = SCRYPT_SETTINGS[1];

const Base64 = z.string().transform((text) => Buffer.from(text, 'base64'));
const EncryptedKey = z.object({
  kdf: z.object({ name: z.literal('scrypt'), params: z.object({ N: z.number(), r: z.number(), p: z.number() }), salt: Base64 }),
  cipher: z.object({ name: z.literal('nacl/secretbox'), nonce: Base64.refine((nonce) => nonce.length === NONCE_LENGTH, 'nonce must have 24 bytes') }),
  ciphertext: Base64,
});

const deriveKey = promisify<string, Buffer, number, { N: number; r: number; p: number; maxmem: number }, Buffer>(scrypt);

/**
 * The private key out of an encrypted cosign key file (PEM around JSON: scrypt, then XSalsa20-Poly1305, then PKCS#8).
 * `what` names the file in messages. Throws input KEY_INVALID for any other file, KEY_PASSWORD_WRONG when the password does not open it.
 */
export async function decryptCosignKey(pem: string, password: string, what: string): Promise<KeyObject> {
  const encrypted = parseEncryptedKey(pem, what);
  const { N, r, p } = encrypted.kdf.params;
  if (!SCRYPT_SETTINGS.some((known) => known.N === N && known.r === r && known.p === p)) {
    throw inputError('KEY_INVALID', `${what} asks for scrypt with N=${N}, r=${r}, p=${p}, which cosign does not write`);
  }
  const key = await deriveKey(password, encrypted.kdf.salt, KEY_LENGTH, { N, r, p, maxmem: 256 * N * r });
  let der: Uint8Array;
  try {
    der = xsalsa20poly1305(key, encrypted.cipher.nonce).decrypt(encrypted.ciphertext);
  } catch (cause) {
    throw inputError('KEY_PASSWORD_WRONG', `the password does not open ${what}`, { cause });
  }
  try {
    return createPrivateKey({ key: Buffer.from(der), format: 'der', type: 'pkcs8' });
  } catch (cause) {
    throw inputError('KEY_INVALID', `${what} opens, and what is inside is not a PKCS#8 private key`, { cause });
  }
}

function parseEncryptedKey(pem: string, what: string): z.infer<typeof EncryptedKey> {
  const match = pem.length > MAX_PEM_LENGTH ? null : /-----BEGIN ([A-Z0-9 ]+)-----([A-Za-z0-9+/=\s]+)-----END \1-----/.exec(pem);
  const type = match?.[1];
  if (!type || !(PEM_TYPES as readonly string[]).includes(type)) {
    throw inputError('KEY_INVALID', `${what} is ${type ? `a PEM file of type "${type}"` : 'not a PEM file'}, not an encrypted cosign key`, {
      hint: 'make a key with "cosign generate-key-pair", or bring an existing one into that form with "cosign import-key-pair"',
    });
  }
  try {
    return EncryptedKey.parse(JSON.parse(Buffer.from(match[2] ?? '', 'base64').toString('utf8')));
  } catch (cause) {
    throw inputError('KEY_INVALID', `${what} does not hold what cosign writes into a key file`, { cause });
  }
}

/** A key pair in files: the private half encrypted as `cosign generate-key-pair` does today, the public half as SPKI PEM. */
export type KeyPairPem = { privatePem: string; publicPem: string };

const EC = (namedCurve: string) => (): KeyObject => generateKeyPairSync('ec', { namedCurve }).privateKey;
const RSA = (modulusLength: number) => (): KeyObject => generateKeyPairSync('rsa', { modulusLength }).privateKey;

/** The keys that can be made, by the names that cosign gives them (`--signing-algorithm`) without their hash algorithm. */
export const NEW_KEYS = {
  'ecdsa-p256': EC('P-256'),
  'ecdsa-p384': EC('P-384'),
  'ecdsa-p521': EC('P-521'),
  'rsa-2048': RSA(2048),
  'rsa-3072': RSA(3072),
  'rsa-4096': RSA(4096),
  ed25519: (): KeyObject => generateKeyPairSync('ed25519').privateKey,
} as const satisfies Record<string, () => KeyObject>;

/** A new key pair, P-256 unless another type is asked for. */
export async function generateCosignKey(password: string, type: keyof typeof NEW_KEYS = 'ecdsa-p256'): Promise<KeyPairPem> {
  return encryptCosignKey(NEW_KEYS[type](), password);
}

/** A private key as cosign keeps it; so `cosign import-key-pair` writes it. */
export async function encryptCosignKey(privateKey: KeyObject, password: string): Promise<KeyPairPem> {
  const salt = randomBytes(SALT_LENGTH);
  const nonce = randomBytes(NONCE_LENGTH);
  const { N, r, p } = WRITE_SETTINGS;
  const key = await deriveKey(password, salt, KEY_LENGTH, { N, r, p, maxmem: 256 * N * r });
  const ciphertext = xsalsa20poly1305(key, nonce).encrypt(privateKey.export({ format: 'der', type: 'pkcs8' }));
  const body = {
    kdf: { name: 'scrypt', params: { N, r, p }, salt: salt.toString('base64') },
    cipher: { name: 'nacl/secretbox', nonce: nonce.toString('base64') },
    ciphertext: Buffer.from(ciphertext).toString('base64'),
  };
  const lines =
    Buffer.from(JSON.stringify(body))
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    privatePem: `-----BEGIN ${PEM_TYPES[0]}-----\n${lines.join('\n')}\n-----END ${PEM_TYPES[0]}-----\n`,
    publicPem: createPublicKey(privateKey).export({ format: 'pem', type: 'spki' }).toString(),
  };
}
