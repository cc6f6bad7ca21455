// SPDX-License-Identifier: Apache-2.0

/** The start of an ELF executable and zeros, for tests: nothing runs it. */
export function elfFile(size: number): Buffer {
  const file = Buffer.alloc(size);
  file.write('\x7fELF\x02\x01\x01', 0, 'latin1');
  if (size >= 18) file.writeUInt16LE(2, 16);
  return file;
}

/** An ELF file with Go build information in the form of Go 1.18 and later, `at` bytes (made 16-aligned) into it. */
export function goBinary(goVersion: string, modules: string, at: number): Buffer {
  const start = Math.max(64, Math.ceil(at / 16) * 16);
  const sentinel = Buffer.alloc(16, 0x30);
  const text = Buffer.concat([sentinel, Buffer.from(modules), sentinel]);
  const header = Buffer.alloc(32);
  header.write('\xff Go buildinf:\x08\x02', 0, 'latin1');
  return Buffer.concat([elfFile(start), header, varint(goVersion.length), Buffer.from(goVersion), varint(text.length), text]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest >= 0x80; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
