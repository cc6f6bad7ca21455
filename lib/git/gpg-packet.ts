// SPDX-License-Identifier: Apache-2.0
import { type SshReader, sshReader } from './ssh-wire.ts';

/** A packet of OpenPGP, or a subpacket of a signature: its type and its content. */
export type Packet = { tag: number; body: Buffer };

/** Reads the data types of RFC 9580 section 3; a read past the end throws a RangeError. */
export type PgpReader = Pick<SshReader, 'take' | 'uint32' | 'rest'> & {
  byte(): number;
  uint16(): number;
  /** The bytes of a multiprecision integer, without leading zeros. */
  mpi(): Buffer;
};

export function pgpReader(bytes: Buffer): PgpReader {
  const { take, uint32, rest } = sshReader(bytes);
  const uint16 = (): number => take(2).readUInt16BE();
  return { take, uint32, rest, uint16, byte: () => take(1).readUInt8(), mpi: () => take(Math.ceil(uint16() / 8)) };
}

/** The packets one after the other (RFC 9580 section 4.2, both formats). A RangeError for one that ends too early or whose length is not told at its beginning. */
export function readPackets(bytes: Buffer): Packet[] {
  const packets: Packet[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const reader = pgpReader(rest);
    const head = reader.byte();
    if ((head & 0x80) === 0) throw new RangeError('no packet begins there');
    const isNew = (head & 0x40) !== 0;
    const length = isNew ? newLength(reader) : oldLength(reader, head & 3);
    packets.push({ tag: isNew ? head & 0x3f : (head >> 2) & 0xf, body: reader.take(length) });
    rest = reader.rest();
  }
  return packets;
}

function oldLength(reader: PgpReader, kind: number): number {
  if (kind === 3) throw new RangeError('the length of a packet is not told');
  return [reader.byte, reader.uint16, reader.uint32][kind]?.() ?? 0;
}

function newLength(reader: PgpReader): number {
  const first = reader.byte();
  if (first < 192) return first;
  if (first < 224) return ((first - 192) << 8) + reader.byte() + 192;
  if (first < 255) throw new RangeError('the length of a packet is not told');
  return reader.uint32();
}

/** The subpackets of a signature (RFC 9580 section 5.2.3.7). */
export function readSubpackets(area: Buffer): Packet[] {
  const found: Packet[] = [];
  for (let rest = area; rest.length > 0; ) {
    const reader = pgpReader(rest);
    const first = reader.byte();
    const length = first < 192 ? first : first < 255 ? ((first - 192) << 8) + reader.byte() + 192 : reader.uint32();
    const content = reader.take(length);
    // The highest bit says that a reader must know the type; the types that matter here are known.
    if (content.length > 0) found.push({ tag: content.readUInt8() & 0x7f, body: content.subarray(1) });
    rest = reader.rest();
  }
  return found;
}

/** A packet of less than 64 KiB with a length of two bytes, in the format that every program reads. */
export function writePacket(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(0x80 | (tag << 2) | 1), uint16(body.length), body]);
}

/** A subpacket of at most 190 bytes. */
export function writeSubpacket(tag: number, body: Buffer): Buffer {
  return Buffer.concat([Buffer.of(body.length + 1, tag), body]);
}

/** A multiprecision integer from big-endian bytes. */
export function writeMpi(bytes: Uint8Array): Buffer {
  let from = 0;
  while (from < bytes.length && bytes[from] === 0) from += 1;
  const digits = bytes.subarray(from);
  return Buffer.concat([uint16(digits.length * 8 - (digits.length === 0 ? 0 : Math.clz32(digits[0] ?? 0) - 24)), digits]);
}

export function uint16(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16BE(value);
  return bytes;
}

export function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
