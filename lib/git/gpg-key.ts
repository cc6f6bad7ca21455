// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { inputError, type StepError } from '../errors/errors.ts';
import { type SigningAlgorithm, signingAlgorithm } from './gpg-algorithm.ts';
import { readArmor } from './gpg-armor.ts';
import { readPackets } from './gpg-packet.ts';
import { isLongEnough, openSecret, readSecretPacket, type SecretPacket, secretPlace } from './gpg-secret.ts';
import { isRevoked, MAY_SIGN, newestSelfSignature, readSelfSignature, type SelfSignature } from './gpg-self-signature.ts';
import { keyInvalid, keyUnsupported, MAX_KEY_FILE, MIN_RSA_BITS } from './key-file.ts';

/** The key or subkey of an OpenPGP key that signs. */
export type GpgKey = { algorithmId: number; algorithm: SigningAlgorithm; fingerprint: Buffer; privateKey: KeyObject };

const TAG = { signature: 2, secretKey: 5, publicKey: 6, secretSubkey: 7, publicSubkey: 14 } as const;
const MAX_TOLD = 6;

type Part = { packet: SecretPacket; isPrimary: boolean; signatures: SelfSignature[] };
type Refusal = { why: string; unsupported?: true };
type Seconds = number;

/**
 * Reads what "gpg --export-secret-keys --armor" writes (OpenPGP version 4, RFC 9580 and 4880; encrypted with a passphrase or not), and opens the part of it that signs: as GnuPG does the newest
 * subkey that may sign, otherwise the primary key. `now` in seconds since 1970. `what` names the file in messages.
 * Throws input KEY_INVALID, KEY_UNSUPPORTED, KEY_UNUSABLE (expired, revoked, may not sign, not in the file) or KEY_PASSWORD_WRONG.
 */
export function parseGpgKey(text: string, password: string, { what, now }: { what: string; now: Seconds }): GpgKey {
  if (text.length > MAX_KEY_FILE) throw keyInvalid(what, 'it is larger than 64 KiB; export it with --export-options export-minimal');
  const { packet } = choose(readParts(readArmor(text, what), what), what, now);
  const { algorithm, privateKey } = openSecret(packet, password, what);
  return { algorithmId: packet.algorithm, algorithm, fingerprint: packet.fingerprint ?? Buffer.of(), privateKey };
}

/** Primary key and subkeys with what is said about each. */
function readParts(bytes: Buffer, what: string): Part[] {
  const parts: Part[] = [];
  let current: Part | undefined;
  try {
    for (const { tag, body } of readPackets(bytes)) {
      if (tag === TAG.publicKey || (tag === TAG.secretKey && parts.length > 0)) throw keyInvalid(what, 'it holds several keys; export one');
      if (tag === TAG.secretKey || tag === TAG.secretSubkey) {
        if (tag === TAG.secretSubkey && parts.length === 0) throw keyInvalid(what, 'it begins with a subkey');
        current = { packet: readSecretPacket(body, what), isPrimary: tag === TAG.secretKey, signatures: [] };
        parts.push(current);
      } else if (tag === TAG.publicSubkey) current = undefined;
      else if (tag === TAG.signature) current?.signatures.push(...present(readSelfSignature(body)));
    }
  } catch (cause) {
    if (cause instanceof RangeError) throw keyInvalid(what, 'it ends too early', cause);
    throw cause;
  }
  return parts;
}

function present<T>(value: T | undefined): T[] {
  return value === undefined ? [] : [value];
}

function choose(parts: readonly Part[], what: string, now: Seconds): Part {
  const [primary, ...others] = parts;
  if (primary === undefined) throw keyInvalid(what, 'there is no secret key in it');
  const owner = keyId(primary.packet);
  const whole = refusalOfWhole(primary, owner, now);
  if (whole !== undefined) throw unusable(what, [told(primary, whole)]);
  const subkeys = others.toSorted((a, b) => b.packet.created - a.packet.created);
  const refusals = [...subkeys, primary].map((part) => ({ part, refusal: refusalOf(part, owner, now) }));
  const chosen = refusals.find(({ refusal }) => refusal === undefined)?.part;
  if (chosen !== undefined) return chosen;
  const reasons = refusals.flatMap(({ part, refusal }) => (refusal === undefined ? [] : [told(part, refusal)]));
  if (refusals.some(({ refusal }) => refusal?.unsupported)) throw keyUnsupported(what, `cannot sign: ${list(reasons)}`);
  throw unusable(what, reasons);
}

/** Why nothing of the key may be used. */
function refusalOfWhole(primary: Part, owner: string, now: Seconds): Refusal | undefined {
  if (isRevoked(primary.signatures)) return { why: 'is revoked' };
  const said = newestSelfSignature(primary.signatures, true, owner);
  if (said === undefined) return { why: 'has no user id that it signed itself' };
  return refusalByTime(primary.packet, said, now);
}

/** Why this part of it does not sign. What a key may do comes first, so that a subkey for encryption is not told as being of an unsupported algorithm. */
function refusalOf({ packet, isPrimary, signatures }: Part, owner: string, now: Seconds): Refusal | undefined {
  const said = newestSelfSignature(signatures, isPrimary, owner);
  if (said === undefined) return { why: 'is not bound to the key' };
  if (said.flags !== undefined && (said.flags & MAY_SIGN) === 0) return { why: 'may not sign' };
  if (isRevoked(signatures)) return { why: 'is revoked' };
  const byTime = refusalByTime(packet, said, now);
  if (byTime !== undefined) return byTime;
  const place = secretPlace(packet);
  if (place !== 'here') return { why: place === 'card' ? 'is on a smart card' : 'is without its secret half' };
  if (signingAlgorithm(packet.algorithm, packet.fields) === undefined) return { why: `is of the algorithm ${packet.algorithmName}`, unsupported: true };
  return isLongEnough(packet) ? undefined : { why: `has less than ${MIN_RSA_BITS} bits`, unsupported: true };
}

function refusalByTime({ created }: SecretPacket, { keyExpiresAfter }: SelfSignature, now: Seconds): Refusal | undefined {
  if (created > now) return { why: `is made at ${date(created)}, which is yet to come` };
  const end = created + (keyExpiresAfter ?? Number.POSITIVE_INFINITY);
  return end <= now ? { why: `expired at ${date(end)}` } : undefined;
}

function date(seconds: Seconds): string {
  return new Date(seconds * 1000).toISOString().replace('.000Z', 'Z');
}

function keyId({ fingerprint }: SecretPacket): string {
  return fingerprint?.subarray(-8).toString('hex') ?? 'unknown';
}

function told({ packet, isPrimary }: Part, { why }: Refusal): string {
  return `the ${isPrimary ? 'primary key' : 'subkey'} ${keyId(packet).toUpperCase()} ${why}`;
}

function list(reasons: readonly string[]): string {
  const more = reasons.length > MAX_TOLD ? [`and ${reasons.length - MAX_TOLD} more`] : [];
  return [...reasons.slice(0, MAX_TOLD), ...more].join(', ');
}

function unusable(what: string, reasons: readonly string[]): StepError {
  return inputError('KEY_UNUSABLE', `${what} has no key that may sign now: ${list(reasons)}`);
}
