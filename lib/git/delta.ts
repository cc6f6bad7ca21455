// SPDX-License-Identifier: Apache-2.0

/** The sizes that a delta begins with, of what it is based on and of what it makes, and where its instructions start. */
export function deltaSizes(delta: Buffer): { source: number; target: number; at: number } {
  const cursor = { at: 0 };
  const source = readSize(delta, cursor);
  return { source, target: readSize(delta, cursor), at: cursor.at };
}

function readSize(delta: Buffer, cursor: { at: number }): number {
  let size = 0;
  for (let factor = 1; cursor.at < delta.length; factor *= 128) {
    const byte = delta[cursor.at++] ?? 0;
    size += (byte & 0x7f) * factor;
    if ((byte & 0x80) === 0) break;
  }
  return size;
}

/** Carries a delta out (Git documentation, "pack-format", "Deltified representation"); undefined when it does not fit its base or does not make what it claims. */
export function applyDelta(base: Buffer, delta: Buffer): Buffer | undefined {
  const { source, target, at: start } = deltaSizes(delta);
  if (source !== base.length) return undefined;
  const result = Buffer.alloc(target);
  let filled = 0;
  for (let at = start; at < delta.length; ) {
    const instruction = delta[at++] ?? 0;
    // Instruction 0 is reserved.
    if (instruction === 0) return undefined;
    const copy = (instruction & 0x80) === 0 ? { from: delta, offset: at, size: instruction, next: at + instruction } : readCopy(base, delta, instruction, at);
    at = copy.next;
    if (copy.offset + copy.size > copy.from.length || filled + copy.size > target) return undefined;
    filled += copy.from.copy(result, filled, copy.offset, copy.offset + copy.size);
  }
  return filled === target ? result : undefined;
}

/** Bits 0 to 3 say which bytes of the offset follow, bits 4 to 6 which of the size. */
function readCopy(base: Buffer, delta: Buffer, instruction: number, start: number): { from: Buffer; offset: number; size: number; next: number } {
  let at = start;
  const number = (firstBit: number, bytes: number): number => {
    let value = 0;
    for (let index = 0; index < bytes; index += 1) if (instruction & (1 << (firstBit + index))) value += (delta[at++] ?? 0) * 256 ** index;
    return value;
  };
  const offset = number(0, 4);
  const size = number(4, 3) || 0x10000;
  return { from: base, offset, size, next: at };
}
