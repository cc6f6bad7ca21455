// SPDX-License-Identifier: Apache-2.0
import { extract } from 'tar-stream';
import { describe, expect, it } from 'vitest';
import { createTarScanner } from './tar-scan.ts';
import { type TarFile, writeTar } from './write-tar.ts';

type Seen = { path: string; kind: string; target: string; content: string };

function scan(tar: Buffer, chunkSize: number): Seen[] {
  const seen: Seen[] = [];
  const scanner = createTarScanner('test tar', ({ path, kind, target }) => {
    const entry: Seen = { path, kind, target, content: '' };
    seen.push(entry);
    return {
      push: (chunk) => {
        entry.content += chunk.toString('latin1');
      },
      end() {},
    };
  });
  for (let at = 0; at < tar.length; at += chunkSize) scanner.push(tar.subarray(at, at + chunkSize));
  scanner.end();
  return seen;
}

async function scanWithTarStream(tar: Buffer): Promise<Seen[]> {
  const seen: Seen[] = [];
  const parser = extract();
  parser.end(tar);
  for await (const entry of parser) {
    const chunks: Buffer[] = [];
    for await (const chunk of entry) chunks.push(chunk as Buffer);
    seen.push({
      path: entry.header.name,
      kind: String(entry.header.type),
      target: entry.header.linkname ?? '',
      content: Buffer.concat(chunks).toString('latin1'),
    });
  }
  return seen;
}

const LONG = `${'deep/'.repeat(40)}file`;
const FILES: TarFile[] = [
  { path: 'dir', type: 'directory' },
  { path: 'dir/empty', content: '' },
  { path: 'dir/block', content: 'x'.repeat(512) },
  { path: 'dir/more', content: 'y'.repeat(1300), mode: 0o755 },
  { path: LONG, content: 'long' },
  { path: 'übung/ß', content: 'utf-8' },
  { path: 'link', type: 'symlink', target: LONG },
  { path: 'hard', type: 'link', target: 'dir/more' },
];
const TAR = writeTar(FILES);

/** The tar with one byte of the header of entry `file` changed and the checksum made right again. */
function patched(tar: Buffer, at: number, bytes: string): Buffer {
  const copy = Buffer.from(tar);
  copy.write(bytes, at, 'latin1');
  copy.fill(' ', 148, 156);
  const sum = copy.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  copy.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148, 'latin1');
  return copy;
}

describe('createTarScanner', () => {
  it.each([1, 7, 511, 512, 513, 1 << 20])('reads the same entries as tar-stream in chunks of %i bytes', async (chunkSize) => {
    const expected = (await scanWithTarStream(TAR)).map((one) => ({ ...one, path: one.path.replace(/\/$/, '') }));
    const seen = scan(TAR, chunkSize).map((one) => ({ ...one, path: one.path.replace(/\/$/, '') }));
    expect(seen).toEqual(expected);
    expect(seen).toHaveLength(FILES.length);
  });

  it('reads a GNU sparse header with its continuation blocks and the file after it', () => {
    const sparse = patched(writeTar([{ path: 'sparse', content: 'data' }]), 156, 'S');
    const header = patched(sparse.subarray(0, 512), 482, '\x01');
    const continuation = Buffer.alloc(512);
    const tar = Buffer.concat([header, continuation, sparse.subarray(512, 1024), writeTar([{ path: 'after', content: 'ok' }])]);
    expect(scan(tar, 100)).toMatchObject([
      { path: 'sparse', content: 'data' },
      { path: 'after', content: 'ok' },
    ]);
  });

  it('reads sizes in base 256', () => {
    const tar = patched(writeTar([{ path: 'big', content: 'abc' }]), 124, `\x80${'\0'.repeat(10)}\x03`);
    expect(scan(tar, 512)).toMatchObject([{ path: 'big', content: 'abc' }]);
  });

  const refused: [string, Buffer][] = [
    ['a tar cut inside a file', TAR.subarray(0, 512 * 3 + 100)],
    ['a tar cut inside a header', TAR.subarray(0, 700)],
    ['a wrong checksum', Buffer.concat([Buffer.from('X'), TAR.subarray(1)])],
    ['bytes that are no tar', Buffer.alloc(2048, 'nonsense')],
    ['an extended header over the limit', patched(writeTar([{ path: 'x', content: 'a' }]), 124, '77777777\0x').fill('x', 156, 157)],
    ['a negative base-256 size', patched(writeTar([{ path: 'x', content: 'a' }]), 124, '\xff'.repeat(12))],
  ];
  it.each(refused)('refuses %s', (name, tar) => {
    const input = name.startsWith('an extended') ? patched(tar, 0, 'x') : tar;
    expect(() => scan(input, 333)).toThrow(expect.objectContaining({ code: 'TAR_CORRUPT' }));
  });

  it('reads an end without zero blocks, as Go and containerd do', () => {
    expect(scan(TAR.subarray(0, -1024), 512)).toHaveLength(FILES.length);
  });
});
