// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createElfReader, type ElfFacts, isLoadableElf } from './elf.ts';
import { cataloguePackagesOfGo, parseGoBuildInfo } from './go-buildinfo.ts';
import { catalogueGoMod, readGoMod } from './go-mod.ts';
import { elfFile, goBinary } from './test-elf.ts';

const MODULES = [
  'path\texample.com/app',
  'mod\texample.com/app\t(devel)\t',
  'dep\tgithub.com/BurntSushi/toml\tv1.3.2\th1:abc=',
  'dep\tgithub.com/old/fork\tv1.0.0',
  '=>\tgithub.com/new/fork\tv1.1.0\th1:def=',
  'dep\texample.com/local\tv0.0.0',
  '=>\t./local\t',
  'build\tvcs.revision=0123abc',
  'build\t-ldflags="-s -w"',
  '',
].join('\n');

function read(file: Buffer, chunkSize: number): ElfFacts {
  const reader = createElfReader();
  for (let at = 0; at < file.length; at += chunkSize) reader.push(file.subarray(at, at + chunkSize));
  return reader.end();
}

describe('createElfReader', () => {
  it.each([1, 13, 16, 500, 1 << 20])('finds build information in chunks of %i bytes', (chunkSize) => {
    const { go } = read(goBinary('go1.22.1', MODULES, 1000), chunkSize);
    expect(go?.goVersion).toBe('go1.22.1');
    expect(go?.modules.map((one) => `${one.path}@${one.version}`)).toEqual([
      'github.com/BurntSushi/toml@v1.3.2',
      'github.com/new/fork@v1.1.0',
      'example.com/local@',
    ]);
  });

  it('passes over the magic as a string constant and finds the real one behind it', () => {
    const decoy = Buffer.concat([elfFile(64), Buffer.alloc(7), Buffer.from('\xff Go buildinf:', 'latin1'), Buffer.alloc(43)]);
    const file = Buffer.concat([
      decoy,
      Buffer.from('\xff Go buildinf:\x08\x02', 'latin1'),
      Buffer.alloc(16),
      Buffer.alloc(16, 0xff),
      goBinary('go1.20', MODULES, 0),
    ]);
    expect(file.length % 16).toBe(goBinary('go1.20', MODULES, 0).length % 16);
    expect(read(file, 100).go?.goVersion).toBe('go1.20');
  });

  it('finds nothing in an ordinary program', () => expect(read(elfFile(5000), 512)).toEqual({}));

  const hidden: [string, Buffer, string][] = [
    ['a Go binary without build information', Buffer.concat([elfFile(64), Buffer.from('\xff Go build ID: "abc"', 'latin1')]), 'without build information'],
    [
      'a Go note of an external linker',
      Buffer.concat([elfFile(64), Buffer.from([4, 0, 0, 0, 8, 0, 0, 0, 4, 0, 0, 0, 0x47, 0x6f, 0, 0])]),
      'without build information',
    ],
    ['the form before Go 1.18', Buffer.concat([elfFile(64), Buffer.from('\xff Go buildinf:\x08\x00', 'latin1'), Buffer.alloc(32)]), 'before Go 1.18'],
    ['a packed file', Buffer.concat([elfFile(64), Buffer.from('UPX!')]), 'UPX'],
    ['build information that is cut off', goBinary('go1.22.1', MODULES, 0).subarray(0, -40), 'without build information'],
    [
      'build information that claims 1 GiB',
      Buffer.concat([
        elfFile(64),
        Buffer.from('\xff Go buildinf:\x08\x02', 'latin1'),
        Buffer.alloc(16),
        Buffer.from([4]),
        Buffer.from('go1.'),
        Buffer.from([0x80, 0x80, 0x80, 0x80, 4]),
      ]),
      'without build information',
    ],
  ];
  it.each(hidden)('says what %s hides', (name, file, problem) => {
    const withId = name.startsWith('build') ? Buffer.concat([file, Buffer.from('Go build ID: "x"')]) : file;
    expect(read(withId, 77)).toEqual({ problem: expect.stringContaining(problem) });
  });

  it.each([
    ['an executable', elfFile(64), true],
    ['an object file', Buffer.concat([elfFile(16), Buffer.from([1, 0])]), false],
    ['a script', Buffer.from('#!/bin/sh\nexit 0\n    '), false],
    ['four bytes', Buffer.from('\x7fELF', 'latin1'), false],
  ])('%s is loadable: %s', (_, head, expected) => expect(isLoadableElf(head)).toBe(expected));
});

describe('cataloguePackagesOfGo', () => {
  it('lists main module, standard library and modules after replacement', () => {
    const info = parseGoBuildInfo('go1.22.1 X:boringcrypto', MODULES);
    const packages = info === undefined ? [] : cataloguePackagesOfGo(info, { path: 'app' });
    expect(packages.map((one) => [one.purl, one.version])).toEqual([
      ['pkg:golang/example.com/app', '(devel)'],
      ['pkg:golang/stdlib@1.22.1', '1.22.1'],
      ['pkg:golang/github.com/burntsushi/toml@v1.3.2', 'v1.3.2'],
      ['pkg:golang/github.com/new/fork@v1.1.0', 'v1.1.0'],
      ['pkg:golang/example.com/local', ''],
    ]);
    expect(packages[0]).toMatchObject({ dependsOn: packages.slice(1).map((one) => one.purl), properties: { 'go-vcs-revision': '0123abc' } });
    expect(packages[3]?.properties).toEqual({ 'go-sum': 'h1:def=', replaces: 'github.com/old/fork@v1.0.0' });
    expect(packages[4]?.properties).toEqual({ 'replaced-by': './local' });
  });

  it.each(['dep\t../x\0y\tv1', `dep\t${'a'.repeat(600)}\tv1`, 'dep\t\tv1'])('refuses the module line %j', (line) => {
    expect(parseGoBuildInfo('go1.22', line)).toBeUndefined();
  });
});

describe('go.mod', () => {
  const text = `module example.com/app // the app
go 1.22
require github.com/a/b v1.0.0
require (
\tgithub.com/c/d v2.0.0+incompatible // indirect
\t"github.com/e/f" v0.1.0
)
replace github.com/a/b => github.com/z/b v1.2.0
replace (
\tgithub.com/e/f v0.1.0 => ../f
)
exclude github.com/x/y v1.0.0
`;
  it('lists requirements after replacement', () => {
    const { packages, unknowns } = catalogueGoMod(readGoMod(text), 'go.mod');
    expect(packages.map((one) => [one.name, one.version, one.properties])).toEqual([
      ['example.com/app', '', { 'go-version': '1.22' }],
      ['github.com/z/b', 'v1.2.0', { replaces: 'github.com/a/b@v1.0.0' }],
      ['github.com/c/d', 'v2.0.0+incompatible', { indirect: 'true' }],
      ['github.com/e/f', '', { 'replaced-by': '../f' }],
    ]);
    expect(packages[0]?.dependsOn).toEqual([packages[1]?.purl, packages[3]?.purl]);
    expect(unknowns).toEqual([]);
  });

  it.each([
    ['a go.mod before Go 1.17', 'module m.example\ngo 1.16\nrequire a.example/b v1.0.0\n', 'indirect'],
    ['no module line', 'go 1.22\n', 'no module'],
    ['a require without version', 'module m.example\ngo 1.22\nrequire a.example/b\n', 'require'],
    ['a replace without arrow', 'module m.example\ngo 1.22\nreplace a.example/b v1\n', 'replace'],
  ])('reports %s', (_, mod, reason) => {
    expect(catalogueGoMod(readGoMod(mod), 'go.mod').unknowns).toEqual([{ path: 'go.mod', reason: expect.stringContaining(reason) }]);
  });
});
