// SPDX-License-Identifier: Apache-2.0
import { createDecipheriv, createHash, createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { StepError } from '../errors/errors.ts';
import { belongTogether, readPublicFields, type SigningAlgorithm, signingAlgorithm } from './gpg-algorithm.ts';
import { type PgpReader, pgpReader, uint16 } from './gpg-packet.ts';
import { keyInvalid, keyPasswordWrong, keyUnsupported, MIN_RSA_BITS } from './key-file.ts';

/** A primary key or subkey as its packet has it, not opened. `created` in seconds since 1970. */
export type SecretPacket = {
  created: number;
  algorithm: number;
  /** For messages, also where the algorithm is not supported. */
  algorithmName: string;
  /** 20 bytes; the last 8 are the key id. Undefined where the algorithm is not even known. */
  fingerprint: Buffer | undefined;
  fields: Buffer[];
  secret: Buffer;
};

/** Where the secret half is. */
export type SecretPlace = 'here' | 'elsewhere' | 'card';

const CIPHERS: Readonly<Record<number, { name: string; key: number }>> = {
  7: { name: 'aes-128-cfb', key: 16 },
  8: { name: 'aes-192-cfb', key: 24 },
  9: { name: 'aes-256-cfb', key: 32 },
};
const HASHES: Readonly<Record<number, string>> = { 2: 'sha1', 8: 'sha256', 9: 'sha384', 10: 'sha512', 11: 'sha224' };
const IV = 16;
const ITERATED = 3;
const GNU = 101;

/** Reads a secret key packet of version 4 (RFC 9580 section 5.5.3). Throws input KEY_UNSUPPORTED for another version; a RangeError when it ends too early. */
export function readSecretPacket(body: Buffer, what: string): SecretPacket {
  const reader = pgpReader(body);
  const version = reader.byte();
  if (version !== 4) throw keyUnsupported(what, `is an OpenPGP key of version ${version}`);
  const [created, algorithm] = [reader.uint32(), reader.byte()];
  const known = readPublicFields(algorithm, reader);
  const secret = reader.rest();
  const visible = body.subarray(0, body.length - secret.length);
  const fingerprint = createHash('sha1').update(Buffer.of(0x99)).update(uint16(visible.length)).update(visible).digest();
  return {
    created,
    algorithm,
    algorithmName: known?.name ?? `algorithm ${algorithm}`,
    fingerprint: known && fingerprint,
    fields: known?.fields ?? [],
    secret,
  };
}

/** Whether the packet has a secret half at all: GnuPG leaves it out of a primary key that is kept offline, or on a card. */
export function secretPlace({ secret }: SecretPacket): SecretPlace {
  const isGnu = [254, 255].includes(secret[0] ?? 0) && secret[2] === GNU && secret.toString('latin1', 4, 7) === 'GNU';
  return isGnu ? (secret[7] === 2 ? 'card' : 'elsewhere') : 'here';
}

export type OpenKey = { algorithm: SigningAlgorithm; privateKey: KeyObject };

/** Opens the secret half. Throws input KEY_PASSWORD_WRONG, KEY_UNSUPPORTED or KEY_INVALID. */
export function openSecret(packet: SecretPacket, password: string, what: string): OpenKey {
  const algorithm = signingAlgorithm(packet.algorithm, packet.fields);
  if (algorithm === undefined) throw keyUnsupported(what, `has a key of the algorithm ${packet.algorithmName}`);
  try {
    const jwk = algorithm.jwkOf(packet.fields, pgpReader(decrypt(packet.secret, password, what)));
    const privateKey = createPrivateKey({ key: jwk, format: 'jwk' });
    const publicKey = createPublicKey({ key: { kty: jwk.kty, crv: jwk.crv, x: jwk.x, n: jwk.n, e: jwk.e }, format: 'jwk' });
    if (!belongTogether(privateKey, publicKey)) throw keyInvalid(what, 'its secret half does not belong to its public one');
    return { algorithm, privateKey };
  } catch (cause) {
    // node:crypto says in errors of many kinds that numbers are no key.
    throw cause instanceof StepError ? cause : keyInvalid(what, 'its secret half cannot be read', cause);
  }
}

/** The secret fields without their checksum. */
function decrypt(secret: Buffer, password: string, what: string): Buffer {
  const reader = pgpReader(secret);
  const usage = reader.byte();
  if (usage === 0) return withoutSum(reader.rest(), () => keyInvalid(what, 'its checksum is wrong, it is damaged'));
  if (usage !== 254 && usage !== 255) throw keyUnsupported(what, `is protected in a way that GnuPG does not export (S2K usage ${usage})`);
  const cipherId = reader.byte();
  const cipher = CIPHERS[cipherId];
  if (cipher === undefined) throw keyUnsupported(what, `is encrypted with another cipher than AES (number ${cipherId})`);
  const key = stretch(reader, { password, length: cipher.key, what });
  const decipher = createDecipheriv(cipher.name, key, reader.take(IV));
  const plain = Buffer.concat([decipher.update(reader.rest()), decipher.final()]);
  if (usage === 255) return withoutSum(plain, () => keyPasswordWrong(what));
  const [fields, hash] = [plain.subarray(0, -20), plain.subarray(-20)];
  if (!createHash('sha1').update(fields).digest().equals(hash)) throw keyPasswordWrong(what);
  return fields;
}

function withoutSum(plain: Buffer, otherwise: () => StepError): Buffer {
  const fields = plain.subarray(0, -2);
  const sum = fields.reduce((total, byte) => (total + byte) & 0xffff, 0);
  if (plain.length < 2 || plain.readUInt16BE(plain.length - 2) !== sum) throw otherwise();
  return fields;
}

/** The key that a passphrase gives: iterated and salted (RFC 9580 section 3.7.1.3). The file says how often; the format allows for 65 MB of hashing at most. */
function stretch(reader: PgpReader, { password, length, what }: { password: string; length: number; what: string }): Buffer {
  const [kind, hashId] = [reader.byte(), reader.byte()];
  const hash = HASHES[hashId];
  if (kind !== ITERATED || hash === undefined) throw keyUnsupported(what, `makes a key of its password in a way of its own (S2K ${kind}, hash ${hashId})`);
  if (password === '') throw keyPasswordWrong(what);
  const text = Buffer.concat([reader.take(8), Buffer.from(password)]);
  const coded = reader.byte();
  const count = Math.max((16 + (coded & 15)) << ((coded >> 4) + 6), text.length);
  const block = Buffer.alloc(Math.ceil(16384 / text.length) * text.length, text);
  const parts: Buffer[] = [];
  for (let made = 0; made < length; made += parts.at(-1)?.length ?? length) {
    // Each further hash begins with one more zero byte.
    const running = createHash(hash).update(Buffer.alloc(parts.length));
    for (let left = count; left > 0; left -= block.length) running.update(left < block.length ? block.subarray(0, left) : block);
    parts.push(running.digest());
  }
  return Buffer.concat(parts).subarray(0, length);
}

/** Whether an RSA key is long enough; true for other algorithms. */
export function isLongEnough({ algorithm, fields }: SecretPacket): boolean {
  return ![1, 3].includes(algorithm) || (fields[0]?.length ?? 0) * 8 >= MIN_RSA_BITS;
}
