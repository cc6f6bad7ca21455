// SPDX-License-Identifier: Apache-2.0
import { constants, type JsonWebKey, type KeyObject, sign, verify } from 'node:crypto';
import { type PgpReader, writeMpi } from './gpg-packet.ts';
import { type RsaNumbers, rsaJwk } from './key-file.ts';

/** How the public part of a key is laid out: multiprecision integers, values with their length before them, so many bytes. */
type Field = 'mpi' | 'counted' | number;
type PublicShape = { name: string; fields: readonly Field[] };

/** The public-key algorithms of RFC 9580 section 9.1, with those that GnuPG and earlier RFCs have. */
const SHAPES: Readonly<Record<number, PublicShape>> = {
  1: { name: 'RSA', fields: ['mpi', 'mpi'] },
  2: { name: 'RSA for encryption', fields: ['mpi', 'mpi'] },
  3: { name: 'RSA for signatures', fields: ['mpi', 'mpi'] },
  16: { name: 'Elgamal', fields: ['mpi', 'mpi', 'mpi'] },
  17: { name: 'DSA', fields: ['mpi', 'mpi', 'mpi', 'mpi'] },
  18: { name: 'ECDH', fields: ['counted', 'mpi', 'counted'] },
  19: { name: 'ECDSA', fields: ['counted', 'mpi'] },
  22: { name: 'EdDSA', fields: ['counted', 'mpi'] },
  25: { name: 'X25519', fields: [32] },
  26: { name: 'X448', fields: [56] },
  27: { name: 'Ed25519', fields: [32] },
  28: { name: 'Ed448', fields: [57] },
};

/** Name and fields of the public part; undefined for an algorithm whose public part has no known end. */
export function readPublicFields(algorithm: number, reader: PgpReader): { name: string; fields: Buffer[] } | undefined {
  const shape = SHAPES[algorithm];
  if (shape === undefined) return undefined;
  const read = (field: Field): Buffer => (field === 'mpi' ? reader.mpi() : reader.take(field === 'counted' ? reader.byte() : field));
  return { name: shape.name, fields: shape.fields.map(read) };
}

/** What this suite signs with; `jwkOf` makes a key of its public fields and of the secret ones, which it reads. */
export type SigningAlgorithm = {
  label: string;
  jwkOf(fields: readonly Buffer[], secret: PgpReader): JsonWebKey;
  /** A signature as its packet holds it. */
  encode(signature: Buffer): Buffer;
};

/** 1.3.6.1.4.1.11591.15.1 */
const ED25519_CURVE = '2b06010401da470f01';

/** The algorithm of a key, undefined when it is not supported: RSA, Ed25519 as GnuPG writes it (22), Ed25519 of RFC 9580 (27). */
export function signingAlgorithm(algorithm: number, fields: readonly Buffer[]): SigningAlgorithm | undefined {
  const [first, second] = fields;
  if (algorithm === 1 || algorithm === 3) return RSA;
  if (algorithm === 22) return first?.toString('hex') === ED25519_CURVE && second?.length === 33 && second[0] === 0x40 ? EDDSA : undefined;
  return algorithm === 27 ? ED25519 : undefined;
}

const RSA: SigningAlgorithm = {
  label: 'rsa',
  jwkOf([n = Buffer.of(), e = Buffer.of()], secret) {
    // OpenPGP keeps the inverse of p modulo q, so p and q change places. In the order of the packet: d, p, q, u.
    const numbers: RsaNumbers = { n, e, d: secret.mpi(), q: secret.mpi(), p: secret.mpi(), qi: secret.mpi() };
    return rsaJwk(numbers);
  },
  encode: writeMpi,
};

const EDDSA: SigningAlgorithm = {
  label: 'ed25519',
  jwkOf: ([, point = Buffer.of()], secret) => edwardsJwk(point.subarray(1), secret.mpi()),
  encode: (signature) => Buffer.concat([writeMpi(signature.subarray(0, 32)), writeMpi(signature.subarray(32))]),
};

const ED25519: SigningAlgorithm = {
  label: 'ed25519',
  jwkOf: ([point = Buffer.of()], secret) => edwardsJwk(point, secret.take(32)),
  encode: (signature) => signature,
};

function edwardsJwk(x: Buffer, d: Buffer): JsonWebKey {
  const secret = Buffer.concat([Buffer.alloc(32), d]).subarray(-32);
  return { kty: 'OKP', crv: 'Ed25519', x: x.toString('base64url'), d: secret.toString('base64url') };
}

/** Signs the bytes with SHA-512 as RFC 9580 section 5.2.4 wants it: RSA over the data, Ed25519 over their digest, which `digest` is. */
export function rawSign(key: KeyObject, bytes: Buffer, digest: Buffer): Buffer {
  return key.asymmetricKeyType === 'rsa' ? sign('sha512', bytes, { key, padding: constants.RSA_PKCS1_PADDING }) : sign(null, digest, key);
}

/** Whether the public half takes what the private one signs. */
export function belongTogether(privateKey: KeyObject, publicKey: KeyObject): boolean {
  const probe = Buffer.from('probe');
  const hash = privateKey.asymmetricKeyType === 'rsa' ? 'sha512' : null;
  return verify(hash, probe, publicKey, sign(hash, probe, privateKey));
}
