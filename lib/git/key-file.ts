// SPDX-License-Identifier: Apache-2.0
import type { JsonWebKey } from 'node:crypto';
import { inputError, type StepError } from '../errors/errors.ts';

/** Bytes of a key file, and of a file with its password. */
export const MAX_KEY_FILE: number = 64 * 1024;
export const MIN_RSA_BITS = 2048;

/** The errors of reading a private key; `what` names its file. */
export function keyInvalid(what: string, why: string, cause?: unknown): StepError {
  return inputError('KEY_INVALID', `${what} is not a key that can sign: ${why}`, { cause });
}

export function keyUnsupported(what: string, why: string): StepError {
  return inputError('KEY_UNSUPPORTED', `${what} ${why}, which is not supported`);
}

export function keyPasswordWrong(what: string, cause?: unknown): StepError {
  return inputError('KEY_PASSWORD_WRONG', `the password does not open ${what}`, { cause });
}

/** The numbers of an RSA key as big-endian bytes; `qi` is the inverse of `q` modulo `p`. */
export type RsaNumbers = Record<'n' | 'e' | 'd' | 'p' | 'q' | 'qi', Uint8Array>;

/** An RSA private key as a JSON Web Key (RFC 7518 section 6.3), which alone of the formats of node:crypto takes single numbers. */
export function rsaJwk(numbers: RsaNumbers): JsonWebKey {
  const { n, e, d, p, q, qi } = numbers;
  const [exponent, first, second] = [toBigInt(d), toBigInt(p), toBigInt(q)];
  const dp = toBytes(exponent % (first - 1n));
  const dq = toBytes(exponent % (second - 1n));
  const jwk = Object.entries({ n, e, d, p, q, qi, dp, dq }).map(([name, bytes]) => [name, toBytes(toBigInt(bytes)).toString('base64url')]);
  return { kty: 'RSA', ...Object.fromEntries(jwk) };
}

function toBigInt(bytes: Uint8Array): bigint {
  return BigInt(`0x${Buffer.from(bytes).toString('hex') || '0'}`);
}

/** Without leading zeros. */
function toBytes(value: bigint): Buffer {
  const hex = value.toString(16);
  return Buffer.from(hex.length % 2 === 0 ? hex : `0${hex}`, 'hex');
}
