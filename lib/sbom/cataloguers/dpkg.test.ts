// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { readCopyright } from './copyright.ts';
import { cataloguePackagesOfDpkg, debPurl, readDpkgStatus } from './dpkg.ts';
import { distroQualifier, readOsRelease } from './os-release.ts';

const STATUS = `Package: app
Status: install ok installed
Maintainer: Jane Doe <jane@example.org>
Architecture: amd64
Source: app-src (1.0)
Version: 1:1.0+b1
Depends: libc6 (>= 2.36), mail-agent | postfix, python3:any
Pre-Depends: missing | libold
Description: an app
 in two lines
 Package: not-a-package
Homepage: https://app.example.org

Package: libc6
Status: install ok installed
Architecture: amd64
Version: 2.36-9

Package: postfix
Status: install ok unpacked
Architecture: amd64
Version: 3.7
Provides: mail-agent, smtp (= 3.7)

Package: python3
Status: install ok triggers-pending
Architecture: amd64
Version: 3.11

Package: newold
Status: install ok installed
Architecture: all
Version: 2
Provides: libold (= 2)

Package: removed
Status: deinstall ok config-files
Architecture: amd64
Version: 1

Package: never
Status: unknown ok not-installed
Architecture: amd64
`;

describe('readDpkgStatus', () => {
  it('reads what is on the disk and leaves out config-files and not-installed', () => {
    const { records, problems } = readDpkgStatus(STATUS);
    expect(records.map((one) => `${one.name} ${one.version} ${one.architecture}`)).toEqual([
      'app 1:1.0+b1 amd64',
      'libc6 2.36-9 amd64',
      'postfix 3.7 amd64',
      'python3 3.11 amd64',
      'newold 2 all',
    ]);
    expect(problems).toEqual([]);
    expect(records[0]).toMatchObject({ source: 'app-src@1.0', summary: 'an app', maintainer: 'Jane Doe <jane@example.org>' });
  });

  it('reads a status.d file, which has no Status line', () => {
    expect(readDpkgStatus('Package: base-files\nVersion: 12.4\nArchitecture: arm64\n').records).toHaveLength(1);
  });

  it.each([
    ['no version', 'Package: x\nStatus: install ok installed\n'],
    ['a name with a slash', 'Package: ../x\nVersion: 1\n'],
    ['a version with a blank', 'Package: x\nVersion: 1 2\n'],
    ['a half-installed package', 'Package: x\nVersion: 1\nStatus: install reinstreq half-installed\n'],
  ])('reports %s instead of passing it over', (_, text) => {
    expect(readDpkgStatus(text).problems).toHaveLength(1);
  });
});

describe('cataloguePackagesOfDpkg', () => {
  const distribution = { id: 'debian', versionId: '12' };
  const { records } = readDpkgStatus(STATUS);
  const input = { sources: [{ location: { path: 'var/lib/dpkg/status' }, records }], licenses: new Map([['app', ['MIT']]]) };

  it('draws edges to installed alternatives, then to providers', () => {
    const { packages, unknowns } = cataloguePackagesOfDpkg({ ...input, distribution });
    const app = packages.find((one) => one.name === 'app');
    const names = app?.dependsOn.map((to) => packages.find((one) => one.purl === to)?.name).sort();
    expect(names).toEqual(['libc6', 'newold', 'postfix', 'python3']);
    expect(app).toMatchObject({
      purl: 'pkg:deb/debian/app@1:1.0%2Bb1?arch=amd64&distro=debian-12',
      licenses: ['MIT'],
      supplier: 'Jane Doe <jane@example.org>',
    });
    expect(unknowns).toEqual([]);
  });

  it('says so when no os-release names the distribution', () => {
    expect(cataloguePackagesOfDpkg(input).unknowns).toEqual([{ path: 'etc/os-release', reason: expect.stringContaining('distribution') }]);
  });

  it('prefers the target of the same architecture', () => {
    const twice = readDpkgStatus(`${STATUS}\nPackage: libc6\nStatus: install ok installed\nArchitecture: i386\nVersion: 2.36-9\n`).records.reverse();
    const { packages } = cataloguePackagesOfDpkg({ sources: [{ location: { path: 's' }, records: twice }], distribution, licenses: new Map() });
    expect(packages.find((one) => one.name === 'app')?.dependsOn).toContain(debPurl({ name: 'libc6', version: '2.36-9', architecture: 'amd64' }, distribution));
  });
});

describe('readOsRelease', () => {
  it.each([
    ['ID=debian\nVERSION_ID="12"\nVERSION_CODENAME=bookworm\n', 'debian-12'],
    ["ID='alpine'\nVERSION_ID=3.20.1\n", 'alpine-3.20.1'],
    ['ID=debian\nVERSION_CODENAME=sid', 'debian-sid'],
    ['ID=arch', 'arch'],
  ])('%j is %s', (text, expected) => {
    const distribution = readOsRelease(text);
    expect(distribution && distroQualifier(distribution)).toBe(expected);
  });

  it.each(['', 'NAME=x', 'ID="a b"', 'ID='])('%j names no distribution', (text) => {
    expect(readOsRelease(text)).toBeUndefined();
  });
});

describe('readCopyright', () => {
  const head = 'Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n';
  it.each([
    [`${head}\nFiles: *\nLicense: GPL-2+\n text\n\nFiles: a\nLicense: Expat\n\nLicense: Apache-2.0\n only a text\n`, ['GPL-2.0-or-later', 'MIT']],
    [`${head}\nFiles: *\nLicense: GPL-3 or LGPL-2.1+, and Artistic\n`, ['GPL-3.0-only OR LGPL-2.1-or-later AND Artistic']],
    [`${head}\nFiles: *\nCopyright: me\n`, []],
  ])('reads DEP-5 text %#', (text, expected) => {
    expect(readCopyright(text)).toEqual(expected);
  });

  it('quotes nothing from a file in free form', () => {
    expect(readCopyright('This package is under the GPL.\nLicense: GPL-2\n')).toBeUndefined();
  });
});
