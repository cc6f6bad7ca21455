// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { inflateSync } from 'node:zlib';
import { refusedError } from '../errors/errors.ts';

export type PackLimits = { maxObjects: number; maxObjectBytes: number; maxInflatedBytes: number };
type Cursor = { at: number };

const OFS_DELTA = 6;
const REF_DELTA = 7;

/**
 * Checks a pack (Git documentation, "pack-format") before isomorphic-git unpacks it: signature, version, the checksum at its end, and that no object, and all together, become larger
 * than the limits, deltas by the size that they claim. Throws refused GIT_ANSWER_INVALID or REPOSITORY_TOO_LARGE.
 */
export function checkPack(pack: Buffer, limits: PackLimits, what: string): void {
  const broken = (why: string, cause?: unknown): Error =>
    refusedError('GIT_ANSWER_INVALID', `cannot ${what}: the pack that the server sent is damaged (${why})`, { cause });
  if (pack.length < 32 || pack.toString('latin1', 0, 4) !== 'PACK' || pack.readUInt32BE(4) !== 2) throw broken('it has no header of version 2');
  const content = pack.subarray(0, -20);
  if (!createHash('sha1').update(content).digest().equals(pack.subarray(-20))) throw broken('its checksum does not match');
  const count = content.readUInt32BE(8);
  if (count > limits.maxObjects) throw tooLarge(what, `${count} objects, more than ${limits.maxObjects}`);
  const cursor = { at: 12 };
  let total = 0;
  for (let index = 0; index < count; index += 1) {
    const { type, size } = readHeader(content, cursor);
    if (size > limits.maxObjectBytes) throw tooLarge(what, `an object of ${size} bytes`);
    if (type === OFS_DELTA) skipVarint(content, cursor);
    if (type === REF_DELTA) cursor.at += 20;
    let inflated: Buffer;
    try {
      const { buffer, engine } = inflateSync(content.subarray(cursor.at), { info: true, maxOutputLength: Math.max(size, 1) }) as unknown as Inflated;
      inflated = buffer;
      cursor.at += engine.bytesWritten;
    } catch (cause) {
      throw broken(`object ${index + 1} of ${count} cannot be unpacked`, cause);
    }
    if (inflated.length !== size) throw broken(`object ${index + 1} of ${count} has another length than it says`);
    const becomes = type === OFS_DELTA || type === REF_DELTA ? deltaTarget(inflated) : size;
    if (becomes > limits.maxObjectBytes) throw tooLarge(what, `an object of ${becomes} bytes`);
    total += becomes;
    if (total > limits.maxInflatedBytes) throw tooLarge(what, `more than ${limits.maxInflatedBytes} bytes of content`);
  }
  if (cursor.at !== content.length) throw broken('bytes follow the last object');
}

type Inflated = { buffer: Buffer; engine: { bytesWritten: number } };

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

function skipVarint(bytes: Buffer, cursor: Cursor): void {
  while ((bytes[cursor.at++] ?? 0) & 0x80);
}

/** The size of what a delta makes, the second of the two numbers that it begins with. */
function deltaTarget(delta: Buffer): number {
  const cursor = { at: 0 };
  skipVarint(delta, cursor);
  let size = 0;
  for (let factor = 1; cursor.at < delta.length; factor *= 128) {
    const byte = delta[cursor.at++] ?? 0;
    size += (byte & 0x7f) * factor;
    if ((byte & 0x80) === 0) break;
  }
  return size;
}

function tooLarge(what: string, why: string): Error {
  return refusedError('REPOSITORY_TOO_LARGE', `cannot ${what}: it holds ${why}`);
}
