// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { uniteByPurl } from '../model.ts';
import { isHiddenLock, isNpmPackageRoot } from './npm-installed.ts';
import { catalogueNpmLock, readNpmLock } from './npm-lock.ts';
import { integrityHashes, npmPurl, readNpmManifest } from './npm-package.ts';

const SHA512 = `sha512-${Buffer.alloc(64, 1).toString('base64')}`;

describe('isNpmPackageRoot', () => {
  it.each([
    'node_modules/a',
    'app/node_modules/@s/a',
    'app/node_modules/a/node_modules/b',
    'app/node_modules/.pnpm/a@1.0.0/node_modules/a',
    'app/node_modules/.store/a-npm-1.0.0/node_modules/a',
    'usr/share/nodejs/x/node_modules/y',
  ])('%s is one', (folder) => expect(isNpmPackageRoot(folder)).toBe(true));

  it.each([
    'app',
    'app/lib/a',
    'node_modules',
    'node_modules/@s',
    'node_modules/.bin',
    'node_modules/a/lib',
    'node_modules/resolve/test/node_modules/fixture',
    'my_node_modules/a',
    'node_modules/a/package.json/x',
  ])('%s is none', (folder) => expect(isNpmPackageRoot(folder)).toBe(false));

  it('tells the hidden lock file from others', () => {
    expect(isHiddenLock('app/node_modules/.package-lock.json')).toBe(true);
    expect(isHiddenLock('app/package-lock.json')).toBe(false);
  });
});

describe('readNpmManifest', () => {
  it('reads the forms of licence and author', () => {
    const json = {
      name: 'x',
      version: '1.0.0',
      licenses: [{ type: 'MIT' }, { type: 'BSD' }],
      author: { name: 'A', email: 'a@b.example' },
      dependencies: { y: '*' },
      peerDependencies: { z: '*' },
    };
    expect(readNpmManifest(`\ufeff${JSON.stringify(json)}`)).toMatchObject({ licenses: ['MIT', 'BSD'], author: 'A <a@b.example>', needs: ['y', 'z'] });
  });

  it.each([
    '{"type":"module"}',
    '{"name":"x"}',
    '{"name":"x","version":7}',
    '{"name":"../x/y/z","version":"1"}',
    '{"name":"a b","version":"1"}',
    `{"name":"x","version":"${'1'.repeat(300)}"}`,
    '[]',
    'null',
  ])('%s describes no package', (text) => expect(readNpmManifest(text)).toBeUndefined());

  it.each(['', '{"name":"x"', 'name: x'])('%j is not JSON', (text) => expect(() => readNpmManifest(text)).toThrow(SyntaxError));
});

describe('integrityHashes', () => {
  it('reads every algorithm of a known length', () => {
    expect(integrityHashes(`${SHA512} sha1-${Buffer.alloc(20).toString('base64')}`).map((one) => one.algorithm)).toEqual(['SHA-512', 'SHA-1']);
  });
  it.each([undefined, 7, '', 'sha512-', 'sha512-AAAA', 'md4-AAAA', 'nonsense'])('%j gives none', (text) => expect(integrityHashes(text)).toEqual([]));
});

function edges(text: string): Record<string, string[]> {
  const { packages } = catalogueNpmLock(readNpmLock(text), 'package-lock.json');
  return Object.fromEntries(uniteByPurl(packages).map((one) => [one.purl, one.dependsOn]));
}

describe('npm lock files', () => {
  const flat = (version: number): string =>
    JSON.stringify({
      name: 'app',
      version: '1.0.0',
      lockfileVersion: version,
      packages: {
        '': { name: 'app', version: '1.0.0', dependencies: { a: '^1' }, devDependencies: { d: '^1' } },
        'packages/w': { version: '0.1.0', dependencies: { b: '^2' } },
        'node_modules/w': { resolved: 'packages/w', link: true },
        'node_modules/a': { version: '1.0.0', integrity: SHA512, license: 'MIT', dependencies: { b: '^1', w: '*' }, peerDependencies: { absent: '*' } },
        'node_modules/b': { version: '2.0.0' },
        'node_modules/a/node_modules/b': { version: '1.0.0', optional: true },
        'node_modules/alias': { name: '@real/thing', version: '3.0.0', dev: true },
        'node_modules/d': { version: '1.0.0', dev: true, inBundle: true, resolved: 'git+ssh://git@host.example/d.git#0123abc' },
      },
    });

  it.each([2, 3])('resolves edges of lockfileVersion %i as Node does', (version) => {
    const b1 = npmPurl('b', '1.0.0');
    const d = npmPurl('d', '1.0.0', 'git+ssh://host.example/d.git@0123abc');
    expect(edges(flat(version))).toEqual({
      [npmPurl('app', '1.0.0')]: [npmPurl('a', '1.0.0'), d],
      [npmPurl('w', '0.1.0')]: [npmPurl('b', '2.0.0')],
      [npmPurl('a', '1.0.0')]: [b1, npmPurl('w', '0.1.0')],
      [npmPurl('b', '2.0.0')]: [],
      [b1]: [],
      [npmPurl('@real/thing', '3.0.0')]: [],
      [d]: [],
    });
  });

  it('keeps integrity, licence and flags', () => {
    const { packages } = catalogueNpmLock(readNpmLock(flat(3)), 'package-lock.json');
    expect(packages.find((one) => one.name === 'a')).toMatchObject({
      hashes: [{ algorithm: 'SHA-512', hex: '01'.repeat(64) }],
      licenses: ['MIT'],
      properties: {},
    });
    expect(packages.find((one) => one.name === 'd')?.properties).toEqual({ development: 'true', bundled: 'true' });
    expect(packages.find((one) => one.name === 'b' && one.version === '1.0.0')?.properties).toEqual({ optional: 'true' });
  });

  it('reads nested dependencies of lockfileVersion 1', () => {
    const nested = {
      name: 'app',
      version: '1.0.0',
      lockfileVersion: 1,
      dependencies: {
        a: { version: '1.0.0', requires: { b: '^1' }, dependencies: { b: { version: '1.0.0', requires: { c: '1' } } } },
        b: { version: '2.0.0', dev: true },
        c: { version: 'npm:@real/c@1.5.0' },
      },
    };
    expect(edges(JSON.stringify(nested))).toMatchObject({
      [npmPurl('a', '1.0.0')]: [npmPurl('b', '1.0.0')],
      [npmPurl('b', '1.0.0')]: [npmPurl('@real/c', '1.5.0')],
      [npmPurl('b', '2.0.0')]: [],
    });
  });

  it('counts what is development here and runtime there as runtime', () => {
    const lock = {
      lockfileVersion: 3,
      packages: { '': {}, 'node_modules/x': { version: '1.0.0', dev: true }, 'node_modules/y/node_modules/x': { version: '1.0.0' } },
    };
    const { packages } = catalogueNpmLock(readNpmLock(JSON.stringify(lock)), 'p');
    expect(uniteByPurl(packages)[0]?.properties).toEqual({});
  });

  const bad: [string, object][] = [
    ['an unknown lockfileVersion', { lockfileVersion: 9, packages: {} }],
    ['an entry without version', { lockfileVersion: 3, packages: { 'node_modules/a': {} } }],
    ['an entry with a bad name', { lockfileVersion: 3, packages: { 'node_modules/a': { name: '../../x', version: '1.0.0' } } }],
    ['deep nesting', { lockfileVersion: 1, dependencies: deep(150) }],
  ];
  it.each(bad)('reports %s', (_, json) => {
    expect(catalogueNpmLock(readNpmLock(JSON.stringify(json)), 'package-lock.json').unknowns).toHaveLength(1);
  });

  it.each(['', '{', '{"lockfileVersion":3,'])('%j is not JSON', (text) => expect(() => readNpmLock(text)).toThrow(SyntaxError));
});

function deep(levels: number): object {
  return levels === 0 ? {} : { a: { version: '1.0.0', dependencies: deep(levels - 1) } };
}
