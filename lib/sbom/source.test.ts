// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { silentLogger } from '../log/log.ts';
import type { SourceCatalogue } from './model.ts';
import { catalogueSource } from './source.ts';

const lock = (packages: object): string => JSON.stringify({ lockfileVersion: 3, packages });

let dir: string;
beforeEach(async () => {
  dir = await mkdtemp(join(tmpdir(), 'source-'));
});
afterEach(() => rm(dir, { recursive: true }));

async function catalogue(files: Record<string, string>, limits = {}): Promise<SourceCatalogue> {
  for (const [path, content] of Object.entries(files)) {
    await mkdir(dirname(join(dir, path)), { recursive: true });
    await writeFile(join(dir, path), content);
  }
  return catalogueSource({ dir, log: silentLogger, limits });
}

describe('catalogueSource', () => {
  it('reads lock files and go.mod, not installed trees', async () => {
    const found = await catalogue({
      'package.json': '{"dependencies":{"a":"1"}}',
      'package-lock.json': lock({ '': {}, 'node_modules/a': { version: '1.0.0' } }),
      'node_modules/a/package-lock.json': lock({ 'node_modules/hidden': { version: '1.0.0' } }),
      '.git/package-lock.json': lock({ 'node_modules/hidden': { version: '1.0.0' } }),
      'tool/go.mod': 'module example.com/tool\ngo 1.22\nrequire example.com/dep v1.0.0\n',
    });
    expect(found.packages.map((one) => one.purl)).toEqual(['pkg:golang/example.com/dep@v1.0.0', 'pkg:golang/example.com/tool', 'pkg:npm/a@1.0.0']);
    expect(found.unknowns).toEqual([]);
  });

  it('prefers npm-shrinkwrap.json', async () => {
    const found = await catalogue({
      'npm-shrinkwrap.json': lock({ 'node_modules/a': { version: '2.0.0' } }),
      'package-lock.json': lock({ 'node_modules/a': { version: '1.0.0' } }),
    });
    expect(found.packages.map((one) => one.version)).toEqual(['2.0.0']);
  });

  it('knows that a workspace is pinned by the lock file above', async () => {
    const found = await catalogue({ 'package-lock.json': lock({ '': {}, 'packages/w': {} }), 'packages/w/package.json': '{"devDependencies":{"a":"1"}}' });
    expect(found.unknowns).toEqual([]);
  });

  it.each<[string, Record<string, string>, string]>([
    ['dependencies without a lock file', { 'x/package.json': '{"dependencies":{"a":"1"}}' }, 'no lock file'],
    ['a lock file of pnpm', { 'pnpm-lock.yaml': '' }, 'not read'],
    ['Python requirements', { 'requirements-dev.txt': '' }, 'Python'],
    ['a Cargo.lock', { 'rust/Cargo.lock': '' }, 'Rust'],
    ['Git submodules', { '.gitmodules': '' }, 'submodules'],
    ['a broken lock file', { 'package-lock.json': '{' }, 'cannot be read: SyntaxError'],
    ['an old go.mod', { 'go.mod': 'module m.example\nrequire a.example v1.0.0\n' }, 'indirect'],
  ])('is not complete with %s', async (_, files, reason) => {
    expect((await catalogue(files)).unknowns.map((one) => one.reason)).toEqual([expect.stringContaining(reason)]);
  });

  it('does not follow a link out of the folder', async () => {
    await symlink('/etc/hostname', join(dir, 'package-lock.json'));
    await symlink('/', join(dir, 'root'));
    expect(await catalogue({})).toMatchObject({
      packages: [],
      files: 2,
      unknowns: [{ path: 'package-lock.json', reason: expect.stringContaining('not followed') }],
    });
  });

  it.each([{ files: 2 }, { depth: 1 }])('refuses more than %j', async (limits) => {
    await expect(catalogue({ 'a/b/c': '', d: '' }, limits)).rejects.toMatchObject({ code: 'SOURCE_OVER_LIMIT' });
  });

  it('says so when the folder is not there', async () => {
    await expect(catalogueSource({ dir: join(dir, 'absent'), log: silentLogger })).rejects.toMatchObject({ kind: 'input', code: 'SOURCE_UNREADABLE' });
  });

  it('stops when time is up', async () => {
    await writeFile(join(dir, 'x'), '');
    await expect(catalogueSource({ dir, log: silentLogger, signal: AbortSignal.abort() })).rejects.toMatchObject({ kind: 'transient', code: 'ABORTED' });
  });
});
