// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { rawSign } from './gpg-algorithm.ts';
import { armorSignature } from './gpg-armor.ts';
import type { GpgKey } from './gpg-key.ts';
import { uint16, uint32, writePacket, writeSubpacket } from './gpg-packet.ts';

const VERSION = 4;
const BINARY_DOCUMENT = 0x00;
const SHA512 = 10;
const TAG = 2;
const SUBPACKET = { created: 2, issuer: 16, issuerFingerprint: 33 } as const;

/** An armored detached signature of the message (RFC 9580 section 5.2.3, version 4 over a binary document), as "gpg --detach-sign" makes it. `now` in seconds since 1970. */
export function gpgSignature(key: GpgKey, message: string, now: number): string {
  const stated = Buffer.concat([
    writeSubpacket(SUBPACKET.issuerFingerprint, Buffer.concat([Buffer.of(VERSION), key.fingerprint])),
    writeSubpacket(SUBPACKET.created, uint32(now)),
  ]);
  const hashed = Buffer.concat([Buffer.of(VERSION, BINARY_DOCUMENT, key.algorithmId, SHA512), uint16(stated.length), stated]);
  const bytes = Buffer.concat([Buffer.from(message), hashed, Buffer.of(VERSION, 0xff), uint32(hashed.length)]);
  const digest = createHash('sha512').update(bytes).digest();
  const issuer = writeSubpacket(SUBPACKET.issuer, key.fingerprint.subarray(-8));
  const signature = key.algorithm.encode(rawSign(key.privateKey, bytes, digest));
  return armorSignature(writePacket(TAG, Buffer.concat([hashed, uint16(issuer.length), issuer, digest.subarray(0, 2), signature])));
}

/** The name under which GnuPG shows the key. */
export function gpgFingerprint({ fingerprint }: Pick<GpgKey, 'fingerprint'>): string {
  return fingerprint.toString('hex').toUpperCase();
}
