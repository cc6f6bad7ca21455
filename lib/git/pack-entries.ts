// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { refusedError } from '../errors/errors.ts';
import { deltaSizes } from './delta.ts';

export type PackLimits = { maxObjects: number; maxObjectBytes: number; maxInflatedBytes: number };
/** An object as it stands in a pack: its type number, where it begins, and for a delta what it is based on (`offset` in the same pack, or an object id). */
export type PackEntry = { offset: number; type: number; content: Buffer; base?: { offset: number } | { oid: string } };
type Cursor = { at: number };

const OFS_DELTA = 6;
const REF_DELTA = 7;

/**
 * The objects of a pack, inflated, deltas as they are (Git documentation, "pack-format"). Checked are signature, version, the checksum at the end, and that no object, and all
 * together, become larger than the limits, deltas by the size that they claim. Throws refused GIT_ANSWER_INVALID or REPOSITORY_TOO_LARGE.
 */
export function* packEntries(pack: Buffer, limits: PackLimits, what: string): Generator<PackEntry> {
  const broken = (why: string, cause?: unknown): Error => brokenPack(what, why, cause);
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) throw broken('it has no header of version 2');
  const content = pack.subarray(0, -20);
  if (!createHash('sha1').update(content).digest().equals(pack.subarray(-20))) throw broken('its checksum does not match');
  const count = content.readUInt32BE(8);
  if (count > limits.maxObjects) throw tooLarge(what, `${count} objects, more than ${limits.maxObjects}`);
  const cursor = { at: 12 };
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    const offset = cursor.at;
    const { type, size } = readHeader(content, cursor);
    if (size > limits.maxObjectBytes) throw tooLarge(what, `an object of ${size} bytes`);
    const base = readBase(content, cursor, type, offset);
    const inflated = inflate(content, cursor, size, (why, cause) => broken(`object ${index + 1} of ${count} ${why}`, cause));
    const becomes = base === undefined ? size : deltaSizes(inflated).target;
    if (becomes > limits.maxObjectBytes) throw tooLarge(what, `an object of ${becomes} bytes`);
    total += becomes;
    if (total > limits.maxInflatedBytes) throw tooLarge(what, `more than ${limits.maxInflatedBytes} bytes of content`);
    yield { offset, type, content: inflated, ...(base && { base }) };
  }
  if (cursor.at !== content.length) throw broken('bytes follow the last object');
}

type Inflated = { buffer: Buffer; engine: { bytesWritten: number } };

function inflate(content: Buffer, cursor: Cursor, size: number, broken: (why: string, cause?: unknown) => Error): Buffer {
  let inflated: Buffer;
  try {
    const { buffer, engine } = inflateSync(content.subarray(cursor.at), { info: true, maxOutputLength: Math.max(size, 1) }) as unknown as Inflated;
    inflated = buffer;
    cursor.at += engine.bytesWritten;
  } catch (cause) {
    throw broken('cannot be unpacked', cause);
  }
  if (inflated.length !== size) throw broken('has another length than it says');
  return inflated;
}

function readHeader(bytes: Buffer, cursor: Cursor): { type: number; size: number } {
  let byte = bytes[cursor.at++] ?? 0;
  const type = (byte >> 4) & 7;
  let size = byte & 15;
  for (let factor = 16; byte & 0x80; factor *= 128) {
    byte = bytes[cursor.at++] ?? 0;
    size += (byte & 0x7f) * factor;
  }
  return { type, size };
}

function readBase(bytes: Buffer, cursor: Cursor, type: number, offset: number): PackEntry['base'] {
  if (type === REF_DELTA) {
    cursor.at += 20;
    return { oid: bytes.toString('hex', cursor.at - 20, cursor.at) };
  }
  if (type !== OFS_DELTA) return undefined;
  let byte = bytes[cursor.at++] ?? 0;
  let back = byte & 0x7f;
  while (byte & 0x80) {
    byte = bytes[cursor.at++] ?? 0;
    back = (back + 1) * 128 + (byte & 0x7f);
  }
  return { offset: offset - back };
}

/** The error of a pack that cannot be read. */
export function brokenPack(what: string, why: string, cause?: unknown): Error {
  return refusedError('GIT_ANSWER_INVALID', `cannot ${what}: the pack is damaged (${why})`, { cause });
}

function tooLarge(what: string, why: string): Error {
  return refusedError('REPOSITORY_TOO_LARGE', `cannot ${what}: it holds ${why}`);
}
