// SPDX-License-Identifier: Apache-2.0
import { type GoBuildInfo, parseGoBuildInfo } from './go-buildinfo.ts';

/** What a pass over an ELF file finds. `problem` is set when the file hides what it holds. */
export type ElfFacts = { go?: GoBuildInfo; problem?: string };

export type ElfReader = { push(chunk: Buffer): void; end(): ElfFacts };

/** Bytes that `isLoadableElf` needs. */
export const ELF_HEAD_LENGTH = 18;

const ELF_MAGIC = Buffer.from('\x7fELF', 'latin1');
const BUILD_INFO_MAGIC = Buffer.from('\xff Go buildinf:', 'latin1');
const GO_BUILD_ID = 'Go build ID: "';
/** ELF note with owner "Go" and type 4, where external linkers keep the build id. */
const GO_BUILD_NOTE = Buffer.from([4, 0, 0, 0, 0x47, 0x6f, 0, 0]);
const ALIGNMENT = 16;
const HEADER_SIZE = 32;
const FLAG_INLINE_STRINGS = 2;
const MAX_VERSION_LENGTH = 128;
const MAX_MODULE_TEXT = 4 * 1024 * 1024;
/** The linker puts the build id at the very start of the text segment. */
const BUILD_ID_WINDOW = 64 * 1024;
const SENTINEL_LENGTH = 16;

/** Whether the file's first bytes are those of an ELF executable or shared object (elf(5), e_type ET_EXEC or ET_DYN): not an object file or core dump. */
export function isLoadableElf(head: Buffer): boolean {
  if (head.length < ELF_HEAD_LENGTH || !head.subarray(0, ELF_MAGIC.length).equals(ELF_MAGIC)) return false;
  const type = head[5] === 2 ? head.readUInt16BE(16) : head.readUInt16LE(16);
  return type === 2 || type === 3;
}

/**
 * Reads an ELF file chunk by chunk for Go build information in the form of Go 1.18 and later (debug/buildinfo, "inline strings": a header of
 * 32 bytes, 16-aligned in the file, then version and module text, each after its length as a varint). Memory stays at one chunk and the text.
 */
export function createElfReader(): ElfReader {
  let offset = 0;
  let carried: Buffer = Buffer.alloc(0);
  let pending: Buffer | undefined;
  let head: Buffer = Buffer.alloc(0);
  let oldForm = false;
  let info: GoBuildInfo | undefined;

  /** Tries the candidates in `data`, which starts at file offset `at`; leaves one that needs more bytes in `pending`. */
  const search = (data: Buffer, at: number, last: boolean): void => {
    for (let from = data.indexOf(BUILD_INFO_MAGIC); from >= 0; from = data.indexOf(BUILD_INFO_MAGIC, from + 1)) {
      if ((at + from) % ALIGNMENT !== 0) continue;
      const result = readCandidate(data.subarray(from));
      if (result === 'more' && !last) {
        pending = Buffer.from(data.subarray(from));
        return;
      }
      if (result === 'old') oldForm = true;
      if (typeof result === 'object') {
        info = result;
        return;
      }
    }
    carried = Buffer.from(data.subarray(Math.max(0, data.length - HEADER_SIZE)));
  };

  return {
    push(chunk) {
      if (head.length < BUILD_ID_WINDOW) head = Buffer.concat([head, chunk.subarray(0, BUILD_ID_WINDOW - head.length)]);
      if (info === undefined) {
        const before = pending ?? carried;
        pending = undefined;
        const data = before.length === 0 ? chunk : Buffer.concat([before, chunk]);
        search(data, offset - before.length, false);
      }
      offset += chunk.length;
    },
    end() {
      if (info === undefined && pending !== undefined) search(pending, offset - pending.length, true);
      if (info !== undefined) return { go: info };
      const problem = hiddenContent(head, oldForm);
      return problem === undefined ? {} : { problem };
    },
  };
}

function hiddenContent(head: Buffer, oldForm: boolean): string | undefined {
  if (oldForm) return 'Go binary with build information in the form before Go 1.18';
  if (head.includes(GO_BUILD_ID) || head.subarray(0, 4096).includes(GO_BUILD_NOTE)) return 'Go binary without build information';
  if (head.subarray(0, 1024).includes('UPX!')) return 'packed executable (UPX)';
  return undefined;
}

function readCandidate(data: Buffer): GoBuildInfo | 'more' | 'old' | 'none' {
  if (data.length < HEADER_SIZE + 1) return 'more';
  const pointerSize = data[14];
  const flags = data[15] ?? 0;
  if ((flags & FLAG_INLINE_STRINGS) === 0) return (pointerSize === 4 || pointerSize === 8) && flags <= 1 ? 'old' : 'none';
  const version = readString(data, HEADER_SIZE, MAX_VERSION_LENGTH);
  if (typeof version === 'string') return version;
  const goVersion = version.bytes.toString('utf8');
  if (!/^(?:go\d|devel )/.test(goVersion)) return 'none';
  const modules = readString(data, version.end, MAX_MODULE_TEXT);
  if (typeof modules === 'string') return modules;
  const text = modules.bytes.length >= 2 * SENTINEL_LENGTH ? modules.bytes.subarray(SENTINEL_LENGTH, -SENTINEL_LENGTH).toString('utf8') : '';
  return parseGoBuildInfo(goVersion, text) ?? 'none';
}

function readString(data: Buffer, start: number, limit: number): { bytes: Buffer; end: number } | 'more' | 'none' {
  let length = 0;
  for (let at = start, shift = 0; ; at++, shift += 7) {
    const byte = data[at];
    if (byte === undefined) return 'more';
    length += (byte & 0x7f) * 2 ** shift;
    if (length > limit || shift > 28) return 'none';
    if (byte >= 0x80) continue;
    const end = at + 1 + length;
    return end > data.length ? 'more' : { bytes: data.subarray(at + 1, end), end };
  }
}
