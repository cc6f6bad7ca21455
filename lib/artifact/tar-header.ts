// SPDX-License-Identifier: Apache-2.0

export const BLOCK_SIZE = 512;
/** Most bytes of one pax or GNU long-name header that are kept. */
export const MAX_EXTENSION_BYTES = 1024 * 1024;

export type TarEntryKind = 'file' | 'sparse' | 'link' | 'symlink' | 'directory' | 'long-name' | 'long-link' | 'pax' | 'global-pax' | 'other';
export type TarHeader = {
  name: string;
  kind: TarEntryKind;
  /** Bytes of content that follow. */
  size: number;
  linkName: string;
  mode: number;
  /** A GNU sparse header goes on in the next block. */
  continued: boolean;
};
/** What pax and GNU long-name headers say about the next entry. */
export type TarExtension = { path?: string; link?: string; size?: number };

const KINDS: Record<string, TarEntryKind> = {
  '0': 'file',
  '\0': 'file',
  '7': 'file',
  '1': 'link',
  '2': 'symlink',
  '5': 'directory',
  S: 'sparse',
  L: 'long-name',
  K: 'long-link',
  x: 'pax',
  g: 'global-pax',
};

/** Reads one header block (POSIX ustar and GNU tar); `'end'` for a block of zeros, `'bad'` when the checksum or the size is wrong. */
export function readTarHeader(block: Buffer): TarHeader | 'end' | 'bad' {
  if (block.every((byte) => byte === 0)) return 'end';
  let sum = 8 * 0x20;
  for (let at = 0; at < BLOCK_SIZE; at++) if (at < 148 || at >= 156) sum += block[at] ?? 0;
  if (octal(block, 148, 8) !== sum) return 'bad';
  const size = number(block, 124, 12);
  if (!Number.isSafeInteger(size) || size < 0) return 'bad';
  const isPosix = block.toString('latin1', 257, 263) === 'ustar\0';
  const prefix = isPosix ? text(block, 345, 155) : '';
  const name = text(block, 0, 100);
  const kind = KINDS[String.fromCharCode(block[156] ?? 0)] ?? 'other';
  const hasContent = kind !== 'link' && kind !== 'symlink' && kind !== 'directory';
  return {
    name: prefix === '' ? name : `${prefix}/${name}`,
    kind,
    size: hasContent ? size : 0,
    linkName: text(block, 157, 100),
    mode: octal(block, 100, 8) || 0,
    continued: kind === 'sparse' && block[482] === 1,
  };
}

export function isExtension(kind: TarEntryKind): boolean {
  return kind === 'pax' || kind === 'long-name' || kind === 'long-link';
}

/** What the content of an extension header says; undefined when it is malformed. */
export function readTarExtension(kind: TarEntryKind, content: Buffer): TarExtension | undefined {
  const plain = content.toString('utf8').replace(/\0.*$/s, '');
  if (kind === 'long-name') return { path: plain };
  if (kind === 'long-link') return { link: plain };
  const records = readPaxRecords(content);
  if (records === undefined) return undefined;
  const [path, link, size] = [records.get('GNU.sparse.name') ?? records.get('path'), records.get('linkpath'), records.get('size')];
  if (size !== undefined && !/^\d{1,15}$/.test(size)) return undefined;
  return { ...(path !== undefined && { path }), ...(link !== undefined && { link }), ...(size !== undefined && { size: Number(size) }) };
}

/** Records of a pax extended header (POSIX.1-2024, pax): `<length> <key>=<value>\n`. Undefined when the lengths do not add up. */
function readPaxRecords(bytes: Buffer): Map<string, string> | undefined {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const blank = bytes.indexOf(0x20, at);
    const length = blank < 0 ? Number.NaN : Number(bytes.toString('latin1', at, blank));
    if (!Number.isInteger(length) || length <= blank - at || at + length > bytes.length || bytes[at + length - 1] !== 0x0a) return undefined;
    const record = bytes.toString('utf8', blank + 1, at + length - 1);
    const equals = record.indexOf('=');
    if (equals <= 0) return undefined;
    records.set(record.slice(0, equals), record.slice(equals + 1));
    at += length;
  }
  return records;
}

/** Bytes after the content up to the next block. */
export function padding(size: number): number {
  return (BLOCK_SIZE - (size % BLOCK_SIZE)) % BLOCK_SIZE;
}

function text(block: Buffer, start: number, length: number): string {
  const end = block.indexOf(0, start);
  return block.toString('utf8', start, end < 0 || end > start + length ? start + length : end);
}

function octal(block: Buffer, start: number, length: number): number {
  const digits = block
    .toString('latin1', start, start + length)
    .replace(/[\0 ]+$/, '')
    .trim();
  return /^[0-7]+$/.test(digits) ? Number.parseInt(digits, 8) : digits === '' ? 0 : Number.NaN;
}

/** Octal, or GNU's base-256 for sizes of 8 GiB and more. */
function number(block: Buffer, start: number, length: number): number {
  const first = block[start] ?? 0;
  if ((first & 0x80) === 0) return octal(block, start, length);
  let value = first & 0x7f;
  for (let at = start + 1; at < start + length; at++) value = value * 256 + (block[at] ?? 0);
  return value;
}
