// SPDX-License-Identifier: Apache-2.0
import { createDecipheriv, createPrivateKey, createPublicKey, type JsonWebKey, type KeyObject } from 'node:crypto';
import { bcryptPbkdf } from './bcrypt-pbkdf.ts';
import { keyInvalid, keyPasswordWrong, keyUnsupported, MAX_KEY_FILE, MIN_RSA_BITS, rsaJwk } from './key-file.ts';
import { type SshReader, sshMpint, sshReader, sshString } from './ssh-wire.ts';

/** A private key that SSH knows, with its public half as the wire has it (RFC 4253 section 6.6). */
export type SshKey = { type: string; privateKey: KeyObject; publicBlob: Buffer };

const MAGIC = 'openssh-key-v1\0';
const ARMOR = /-----BEGIN OPENSSH PRIVATE KEY-----\s([A-Za-z0-9+/=\s]+)-----END OPENSSH PRIVATE KEY-----/;
/** A key file may demand any number of rounds; "ssh-keygen -a" is 16 or 24 by default. */
const MAX_ROUNDS = 512;
const CURVES: Record<string, { crv: string; bytes: number }> = {
  nistp256: { crv: 'P-256', bytes: 32 },
  nistp384: { crv: 'P-384', bytes: 48 },
  nistp521: { crv: 'P-521', bytes: 66 },
};
const CIPHERS: Record<string, { name: string; key: number }> = {
  'aes256-ctr': { name: 'aes-256-ctr', key: 32 },
  'aes192-ctr': { name: 'aes-192-ctr', key: 24 },
  'aes128-ctr': { name: 'aes-128-ctr', key: 16 },
  'aes256-cbc': { name: 'aes-256-cbc', key: 32 },
};
const IV = 16;

/**
 * Reads an Ed25519, ECDSA or RSA key as ssh-keygen writes it (openssh-key-v1, PROTOCOL.key of OpenSSH; encrypted or not), or as PEM (PKCS#8, PKCS#1, SEC 1).
 * `what` names the file in messages. Throws input KEY_INVALID, KEY_UNSUPPORTED or KEY_PASSWORD_WRONG.
 */
export function parseSshKey(text: string, password: string, what: string): SshKey {
  if (text.length > MAX_KEY_FILE) throw keyInvalid(what, 'it is larger than 64 KiB');
  const armored = ARMOR.exec(text)?.[1];
  const privateKey = armored === undefined ? fromPem(text, password, what) : fromOpenSsh(Buffer.from(armored, 'base64'), password, what);
  return { privateKey, ...publicBlob(privateKey, what) };
}

function fromPem(text: string, password: string, what: string): KeyObject {
  if (!text.includes('PRIVATE KEY-----')) throw keyInvalid(what, 'it is not a private key');
  try {
    return createPrivateKey({ key: text, format: 'pem', ...(password !== '' && { passphrase: password }) });
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : '';
    if (/PASSPHRASE|BAD_DECRYPT|BAD_PASSWORD/.test(code) || /ENCRYPTED/.test(text)) throw keyPasswordWrong(what, cause);
    throw keyInvalid(what, 'it cannot be read as a PEM key', cause);
  }
}

function fromOpenSsh(bytes: Buffer, password: string, what: string): KeyObject {
  try {
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) throw keyInvalid(what, 'it does not begin as an OpenSSH key does');
    const reader = sshReader(bytes.subarray(MAGIC.length));
    const [cipher, kdf, kdfOptions, count] = [reader.text(), reader.text(), reader.string(), reader.uint32()];
    if (count !== 1) throw keyInvalid(what, `it holds ${count} keys`);
    reader.string();
    const content = decrypt(reader.string(), { cipher, kdf, kdfOptions, password, what });
    const fields = sshReader(content);
    const [check, again] = [fields.uint32(), fields.uint32()];
    if (check !== again) throw cipher === 'none' ? keyInvalid(what, 'its check numbers differ') : keyPasswordWrong(what);
    return createPrivateKey({ key: readKey(fields, what), format: 'jwk' });
  } catch (cause) {
    if (cause instanceof RangeError) throw keyInvalid(what, 'it ends too early', cause);
    if (cause instanceof TypeError) throw keyInvalid(what, 'its numbers are no key', cause);
    throw cause;
  }
}

type Encryption = { cipher: string; kdf: string; kdfOptions: Buffer; password: string; what: string };

function decrypt(content: Buffer, { cipher, kdf, kdfOptions, password, what }: Encryption): Buffer {
  if (cipher === 'none') return content;
  const known = CIPHERS[cipher];
  if (known === undefined || kdf !== 'bcrypt') {
    throw keyUnsupported(what, `is encrypted with ${cipher.slice(0, 40)} and ${kdf.slice(0, 40)}`);
  }
  if (password === '') throw keyPasswordWrong(what);
  const options = sshReader(kdfOptions);
  const [salt, rounds] = [options.string(), options.uint32()];
  if (rounds < 1 || rounds > MAX_ROUNDS || salt.length === 0) throw keyUnsupported(what, `asks for ${rounds} rounds of bcrypt, more than ${MAX_ROUNDS}`);
  const secret = bcryptPbkdf(Buffer.from(password), salt, rounds, known.key + IV);
  const decipher = createDecipheriv(known.name, secret.subarray(0, known.key), secret.subarray(known.key)).setAutoPadding(false);
  return Buffer.concat([decipher.update(content), decipher.final()]);
}

function readKey(fields: SshReader, what: string): JsonWebKey {
  const type = fields.text();
  if (type === 'ssh-ed25519') {
    const x = base64url(fields.string());
    return { kty: 'OKP', crv: 'Ed25519', x, d: base64url(fields.string().subarray(0, 32)) };
  }
  const curve = type.startsWith('ecdsa-sha2-') ? CURVES[fields.text()] : undefined;
  if (curve !== undefined) {
    const point = fields.string();
    const [x, y] = [point.subarray(1, 1 + curve.bytes), point.subarray(1 + curve.bytes)];
    return { kty: 'EC', crv: curve.crv, x: base64url(x), y: base64url(y), d: base64url(fixed(fields.string(), curve.bytes)) };
  }
  if (type !== 'ssh-rsa') throw keyUnsupported(what, `is of type ${type.slice(0, 60)}`);
  // In the order of the file.
  return rsaJwk({ n: fields.string(), e: fields.string(), d: fields.string(), qi: fields.string(), p: fields.string(), q: fields.string() });
}

function publicBlob(key: KeyObject, what: string): { type: string; publicBlob: Buffer } {
  const jwk = createPublicKey(key).export({ format: 'jwk' });
  const part = (name: 'x' | 'y' | 'n' | 'e'): Buffer => Buffer.from(String(jwk[name] ?? ''), 'base64url');
  const make = (type: string, ...parts: Buffer[]): { type: string; publicBlob: Buffer } => ({ type, publicBlob: Buffer.concat([sshString(type), ...parts]) });
  if (jwk.crv === 'Ed25519') return make('ssh-ed25519', sshString(part('x')));
  const [curve] = Object.entries(CURVES).find(([, { crv }]) => crv === jwk.crv) ?? [];
  if (curve !== undefined) return make(`ecdsa-sha2-${curve}`, sshString(curve), sshString(Buffer.concat([Buffer.of(4), part('x'), part('y')])));
  if (jwk.kty !== 'RSA') throw keyUnsupported(what, 'is neither Ed25519, ECDSA nor RSA');
  if (part('n').length * 8 < MIN_RSA_BITS) throw keyUnsupported(what, `is an RSA key of less than ${MIN_RSA_BITS} bits`);
  return make('ssh-rsa', sshMpint(part('e')), sshMpint(part('n')));
}

/** The number in exactly `length` bytes. */
function fixed(mpint: Buffer, length: number): Buffer {
  return Buffer.concat([Buffer.alloc(length), mpint]).subarray(-length);
}

function base64url(bytes: Buffer): string {
  return bytes.toString('base64url');
}
