// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, readFile, rm, stat, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { writeAtomic } from './atomic-write.ts';
import { readBounded, readBoundedIfPresent } from './bounded-read.ts';
import { joinInside, realInside } from './inside.ts';

let dir: string;

beforeAll(async () => {
  dir = await mkdtemp(join(tmpdir(), 'files-'));
  await mkdir(join(dir, 'root', 'sub'), { recursive: true });
  await writeFile(join(dir, 'root', 'sub', 'file'), 'inside');
  await writeFile(join(dir, 'outside'), '0123456789');
  await symlink(join(dir, 'outside'), join(dir, 'root', 'escape'));
  await symlink('sub/file', join(dir, 'root', 'alias'));
});

afterAll(() => rm(dir, { recursive: true, force: true }));

describe('readBounded', () => {
  test.each([10, 11, 1_000_000])('reads a file of 10 bytes with a limit of %i', async (limit) => {
    expect((await readBounded(join(dir, 'outside'), limit, 'test file')).toString()).toBe('0123456789');
  });

  test.each([
    ['outside', 9, 'FILE_TOO_LARGE'],
    ['nothing', 9, 'FILE_MISSING'],
    ['outside/below', 9, 'FILE_MISSING'],
    ['root', 9, 'FILE_UNREADABLE'],
  ])('%s with a limit of %i is %s', async (name, limit, code) => {
    await expect(readBounded(join(dir, name), limit, 'test file')).rejects.toMatchObject({ kind: 'input', code });
  });

  test('a file that claims no size is bounded while it is read', async () => {
    await expect(readBounded('/proc/self/maps', 16, 'test file')).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });

  test('only absence is undefined', async () => {
    expect(await readBoundedIfPresent(join(dir, 'nothing'), 9, 'test file')).toBeUndefined();
    await expect(readBoundedIfPresent(join(dir, 'outside'), 9, 'test file')).rejects.toMatchObject({ code: 'FILE_TOO_LARGE' });
  });
});

describe('writeAtomic', () => {
  test('makes folders, replaces content, sets the mode and leaves nothing behind', async () => {
    const path = join(dir, 'made', 'deep', 'file');
    await writeAtomic(path, 'one');
    await writeAtomic(path, Buffer.from('two'), { mode: 0o600 });
    expect(await readFile(path, 'utf8')).toBe('two');
    expect((await stat(path)).mode & 0o777).toBe(0o600);
    expect(await readdir(join(dir, 'made', 'deep'))).toEqual(['file']);
  });

  test('parallel writers leave one whole content', async () => {
    const path = join(dir, 'contended');
    const contents = Array.from({ length: 20 }, (_, at) => String(at).repeat(10_000));
    await Promise.all(contents.map((content) => writeAtomic(path, content)));
    expect(contents).toContain(await readFile(path, 'utf8'));
  });

  test('a failed write leaves the old content and no temporary file', async () => {
    const target = join(dir, 'occupied');
    await mkdir(join(target, 'child'), { recursive: true });
    await expect(writeAtomic(target, 'x')).rejects.toThrow();
    expect((await readdir(dir)).filter((name) => name.endsWith('.tmp'))).toEqual([]);
  });
});

describe('joinInside and realInside', () => {
  test.each(['a', 'a/b', './a', 'a//b', '..a/b'])('%s stays inside', (path) => {
    expect(joinInside('/root', path).startsWith('/root/')).toBe(true);
  });

  test.each(['', '..', '../a', 'a/../b', 'a/..', '/etc/passwd', 'a\0b', 'a\\..\\b', 'x'.repeat(5000)])('%j is refused', (path) => {
    expect(() => joinInside('/root', path)).toThrow(expect.objectContaining({ code: 'PATH_OUTSIDE' }));
  });

  test('links inside are followed', async () => {
    expect(await readFile(await realInside(join(dir, 'root'), 'alias'), 'utf8')).toBe('inside');
  });

  test.each([
    ['escape', 'PATH_OUTSIDE'],
    ['nothing', 'FILE_MISSING'],
  ])('%s is %s', async (path, code) => {
    await expect(realInside(join(dir, 'root'), path)).rejects.toMatchObject({ code });
  });
});
