// SPDX-License-Identifier: Apache-2.0
import { pgpReader, readSubpackets } from './gpg-packet.ts';

/** What the owner of a key says about it or one of its subkeys. Times in seconds since 1970. */
export type SelfSignature = {
  type: number;
  created: number;
  /** Bits of RFC 9580 section 5.2.3.29, undefined where nothing is said. */
  flags: number | undefined;
  /** Seconds after the creation of the key; undefined for never. */
  keyExpiresAfter: number | undefined;
  /** Key ids in hex that the signature names as its maker. */
  issuers: string[];
};

export const MAY_SIGN = 0x02;
/** Over a user id, and over the key itself (RFC 9580 section 5.2.1). */
const CERTIFICATIONS = [0x10, 0x11, 0x12, 0x13, 0x1f];
const BINDING = 0x18;
const REVOCATIONS = [0x20, 0x28];

const SUBPACKET = { created: 2, keyExpires: 9, issuer: 16, flags: 27, issuerFingerprint: 33 } as const;

/** Reads a signature packet of version 4; undefined for another version. A RangeError when it ends too early. The signature itself is not verified: whoever can write the file can write a whole key. */
export function readSelfSignature(body: Buffer): SelfSignature | undefined {
  const reader = pgpReader(body);
  if (reader.byte() !== 4) return undefined;
  const type = reader.byte();
  reader.take(2);
  const hashed = readSubpackets(reader.take(reader.uint16()));
  const unhashed = readSubpackets(reader.take(reader.uint16()));
  const find = (tag: number): Buffer | undefined => hashed.find((one) => one.tag === tag)?.body;
  const seconds = (tag: number): number => (find(tag)?.length === 4 ? (find(tag)?.readUInt32BE() ?? 0) : 0);
  const issuers = [...hashed, ...unhashed].flatMap(({ tag, body: value }) => {
    if (tag === SUBPACKET.issuer && value.length === 8) return [value.toString('hex')];
    return tag === SUBPACKET.issuerFingerprint && value.length === 21 ? [value.subarray(13).toString('hex')] : [];
  });
  return { type, created: seconds(SUBPACKET.created), flags: find(SUBPACKET.flags)?.[0], keyExpiresAfter: seconds(SUBPACKET.keyExpires) || undefined, issuers };
}

/** Whether one of the signatures revokes the key: for good or not, and by whomever, nothing is signed with it any more. */
export function isRevoked(signatures: readonly SelfSignature[]): boolean {
  return signatures.some(({ type }) => REVOCATIONS.includes(type));
}

/** The signature that holds: the newest of the owner's own, the last of equally new ones. `primary` is the owner's key id in hex. */
export function newestSelfSignature(signatures: readonly SelfSignature[], isPrimary: boolean, primary: string): SelfSignature | undefined {
  return signatures
    .filter(({ type, issuers }) => (isPrimary ? CERTIFICATIONS.includes(type) : type === BINDING) && issuers.includes(primary))
    .toSorted((a, b) => a.created - b.created)
    .at(-1);
}
