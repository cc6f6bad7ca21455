// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { digestHex, sha256Digest } from '../../lib/reference/digest.ts';
import { debianFiles, newestDebianLock } from './debian-files.ts';
import { DEBIAN_PACKAGES } from './debian-lock.ts';
import type { RunProgram } from './run-program.ts';

let cache: string;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'debian-'));
});
afterEach(() => rmSync(cache, { recursive: true }));

const sha256 = (text: string): string => digestHex(sha256Digest(text));
const PACKAGES = ['libc6', 'base-files'].map((name) => ({ name, version: '1:2', sha256: sha256(`${name} of arm64`) }));

type Mirror = { content?: (name: string, architecture: string) => string; update?: number; download?: { code: number; stderr: string } };

/** An apt-get that writes `NAME_VERSION_ARCHITECTURE.deb` into its working folder; `calls` gets what it is asked for. */
function aptGet({ content = (name, architecture) => `${name} of ${architecture}`, update = 0, download }: Mirror, calls: string[]): RunProgram {
  return async (program, args, { cwd = '' } = {}) => {
    const command = args.findIndex((arg) => arg === 'update' || arg === 'download');
    const architecture = /APT::Architecture=(\S+)/.exec(args.join(' '))?.[1] ?? '';
    calls.push(`${program} ${architecture} ${args.slice(command).join(' ')}`);
    if (args[command] === 'update') return { code: update, stdout: Buffer.alloc(0), stderr: update === 0 ? '' : 'E: Could not resolve the mirror' };
    if (download !== undefined) return { ...download, stdout: Buffer.alloc(0) };
    for (const wanted of args.slice(command + 1)) {
      const [name = '', version = '1:2'] = wanted.split('=');
      writeFileSync(join(cwd, `${name}_${encodeURIComponent(version)}_${architecture}.deb`), content(name, architecture));
    }
    return { code: 0, stdout: Buffer.alloc(0), stderr: '' };
  };
}

function fetch(mirror: Mirror, calls: string[] = []): Promise<string[]> {
  return debianFiles(PACKAGES, 'arm64', { cache, run: aptGet(mirror, calls), log: () => {} });
}

describe('debianFiles', () => {
  test('asks for exact versions of the architecture, once, and leaves no work folder', async () => {
    const calls: string[] = [];
    const files = await fetch({}, calls);
    expect(calls).toEqual(['apt-get arm64 update --error-on=any', 'apt-get arm64 download libc6=1:2 base-files=1:2']);
    expect(files.map((file) => readFileSync(file, 'utf8'))).toEqual(['libc6 of arm64', 'base-files of arm64']);
    expect(await fetch({}, calls)).toEqual(files);
    expect(calls).toHaveLength(2);
    expect(readdirSync(cache)).toEqual(['deb']);
  });

  test('fetches a damaged file again, and no other', async () => {
    const [libc = ''] = await fetch({});
    writeFileSync(libc, 'damaged');
    const calls: string[] = [];
    await fetch({}, calls);
    expect(calls[1]).toBe('apt-get arm64 download libc6=1:2');
    expect(readFileSync(libc, 'utf8')).toBe('libc6 of arm64');
  });

  test.each<[string, Mirror, string, string]>([
    [
      'a version that is gone',
      { download: { code: 100, stderr: "E: Version '1:2' for 'libc6' was not found" } },
      'BASE_LOCK_STALE',
      "Version '1:2' for 'libc6' was not found",
    ],
    ['a package that is gone', { download: { code: 100, stderr: 'E: Unable to locate package libc6' } }, 'BASE_LOCK_STALE', 'Unable to locate package libc6'],
    ['another content under the same version', { content: () => 'forged' }, 'BASE_LOCK_STALE', 'libc6 1:2 (arm64)'],
    ['a download that breaks', { download: { code: 100, stderr: 'E: Failed to fetch' } }, 'DEBIAN_UNREACHABLE', 'Failed to fetch'],
    [
      'an index that was not read: what is not found need not be gone',
      { update: 100, download: { code: 100, stderr: 'E: Unable to locate package libc6' } },
      'DEBIAN_UNREACHABLE',
      'Could not resolve the mirror',
    ],
  ])('%s', async (_what, mirror, code, message) => {
    await expect(fetch(mirror)).rejects.toThrow(expect.objectContaining({ code, message: expect.stringContaining(message) }));
    expect(readdirSync(cache)).toEqual(['deb']);
    expect(readdirSync(join(cache, 'deb'))).toEqual([]);
  });

  test('a source that does not answer does not matter when all packages are there', async () => {
    await expect(fetch({ update: 100 })).resolves.toHaveLength(2);
  });

  test('a machine without apt', async () => {
    const run: RunProgram = () => Promise.reject(new Error('spawn apt-get ENOENT'));
    await expect(debianFiles(PACKAGES, 'arm64', { cache, run, log: () => {} })).rejects.toThrow(
      expect.objectContaining({ code: 'APT_MISSING', hint: expect.stringContaining('--base') }),
    );
  });
});

test('newestDebianLock locks what the mirror has, and keeps the files', async () => {
  const calls: string[] = [];
  const options = { cache, run: aptGet({}, calls), log: () => {} };
  const lock = await newestDebianLock(options);
  expect(lock.amd64).toEqual(DEBIAN_PACKAGES.map((name) => ({ name, version: '1:2', sha256: sha256(`${name} of amd64`) })));
  expect(lock.arm64).toEqual(DEBIAN_PACKAGES.map((name) => ({ name, version: '1:2', sha256: sha256(`${name} of arm64`) })));
  calls.length = 0;
  await debianFiles(lock.arm64, 'arm64', options);
  expect(calls).toEqual([]);
});
