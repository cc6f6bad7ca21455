// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { apkFiles, cataloguePackagesOfApk, readApkInstalled } from './apk.ts';

const INSTALLED = `C:Q1abc=
P:musl
V:1.2.5-r0
A:x86_64
T:the musl c library
U:https://musl.libc.org/
L:MIT
o:musl
m:Timo <timo@example.org>
c:0123abcd
p:so:libc.musl-x86_64.so.1=1
F:lib
R:ld-musl-x86_64.so.1
a:0:0:755

P:busybox
V:1.36.1-r29
A:x86_64
L:GPL-2.0-only
D:so:libc.musl-x86_64.so.1 !uutils /bin/sh missing
p:cmd:ash=1.36.1 /bin/sh
F:bin
R:busybox
F:
R:linuxrc
`;

describe('apk', () => {
  const installed = readApkInstalled(INSTALLED);
  const distribution = { id: 'alpine', versionId: '3.20.1' };

  it('reads packages and draws edges over provided tokens', () => {
    const { packages, unknowns } = cataloguePackagesOfApk({
      sources: [{ location: { path: 'lib/apk/db/installed' }, records: installed.records }],
      distribution,
    });
    expect(packages.map((one) => one.purl)).toEqual([
      'pkg:apk/alpine/musl@1.2.5-r0?arch=x86_64&distro=alpine-3.20.1',
      'pkg:apk/alpine/busybox@1.36.1-r29?arch=x86_64&distro=alpine-3.20.1',
    ]);
    expect(packages[1]?.dependsOn).toEqual([packages[0]?.purl, packages[1]?.purl]);
    expect(packages[0]).toMatchObject({ licenses: ['MIT'], supplier: 'Timo <timo@example.org>', homepage: 'https://musl.libc.org/' });
    expect(unknowns).toEqual([]);
  });

  it('lists the files that packages own', () => {
    expect([...apkFiles(INSTALLED)]).toEqual([
      { path: 'lib/ld-musl-x86_64.so.1', owner: 'musl' },
      { path: 'bin/busybox', owner: 'busybox' },
      { path: 'linuxrc', owner: 'busybox' },
    ]);
  });

  it.each(['P:x\nA:x86_64\n', 'V:1\n', 'P:a b\nV:1\n'])('reports the entry %j', (text) => {
    expect(readApkInstalled(text)).toMatchObject({ records: [], problems: [expect.any(String)] });
  });

  it('says so when no os-release names the distribution', () => {
    expect(cataloguePackagesOfApk({ sources: [{ location: { path: 'x' }, records: installed.records }] }).unknowns).toHaveLength(1);
  });
});
