// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { type TarFile, writeTar } from '../../lib/artifact/write-tar.ts';
import { debianLayer } from './debian-layer.ts';
import { readDebianPackage } from './debian-package.ts';
import type { RunProgram } from './run-program.ts';

const CONTROL = 'Package: libc6\nVersion: 2.36-9\nArchitecture: amd64\n';
const SUMS = `${'0'.repeat(32)}  lib/x86_64-linux-gnu/libc.so.6\n${'1'.repeat(32)}  usr/share/man/man1/x.1.gz\n`;

/** A dpkg-deb that has one package. */
function dpkgDeb(files: TarFile[], control = CONTROL): RunProgram {
  return async (program, [what]) => {
    if (program !== 'dpkg-deb') throw new Error(`${program} is not there`);
    const parts =
      what === '--ctrl-tarfile'
        ? [
            { path: './control', content: control },
            { path: './md5sums', content: SUMS },
            { path: './postinst', content: '#!' },
          ]
        : files;
    return { code: 0, stdout: writeTar(parts), stderr: '' };
  };
}

describe('readDebianPackage', () => {
  test('keeps libraries, licences and certificates with their modes, and lists what it keeps', async () => {
    const run = dpkgDeb([
      { path: './lib/', type: 'directory' },
      { path: './lib/x86_64-linux-gnu/libc.so.6', content: 'elf', mode: 0o755 },
      { path: './lib64/ld.so', type: 'symlink', target: '/lib/x86_64-linux-gnu/ld.so' },
      { path: './usr/lib/x86_64-linux-gnu/gconv/X.so', content: 'x' },
      { path: './usr/lib/os-release', content: 'ID=debian' },
      { path: './usr/share/doc/libc6/copyright', content: 'MIT' },
      { path: './usr/share/doc/libc6/changelog.gz', content: 'x' },
      { path: './usr/share/doc/libgcc-s1', type: 'symlink', target: 'gcc-12-base' },
      { path: './usr/share/man/man1/x.1.gz', content: 'x' },
      { path: './usr/sbin/tool', content: 'x' },
      { path: './etc/passwd', content: 'x' },
    ]);
    const found = await readDebianPackage('libc6.deb', 'libc6', run);
    expect(found.files.map(({ path }) => path)).toEqual([
      'lib/x86_64-linux-gnu/libc.so.6',
      'lib64/ld.so',
      'usr/lib/os-release',
      'usr/share/doc/libc6/copyright',
      'usr/share/doc/libgcc-s1',
    ]);
    expect(found.files[0]).toMatchObject({ mode: 0o755 });
    expect(found).toMatchObject({ name: 'libc6', control: CONTROL, md5sums: `${'0'.repeat(32)}  lib/x86_64-linux-gnu/libc.so.6\n` });
  });

  test.each<[string, RunProgram, string]>([
    ['no dpkg-deb', () => Promise.reject(new Error('ENOENT')), 'DPKG_MISSING'],
    ['a file that dpkg-deb does not read', async () => ({ code: 2, stdout: Buffer.alloc(0), stderr: 'not a Debian archive' }), 'DEB_INVALID'],
    ['another package', dpkgDeb([], CONTROL.replace('libc6', 'libc5')), 'DEB_INVALID'],
    [
      'a tar that is cut off',
      async () => ({ code: 0, stdout: writeTar([{ path: 'control', content: 'x'.repeat(4000) }]).subarray(0, 2000), stderr: '' }),
      'TAR_UNREADABLE',
    ],
    ['a path that climbs', dpkgDeb([{ path: 'lib/../../etc/passwd', content: 'x' }]), 'TAR_UNREADABLE'],
    ['a hard link', dpkgDeb([{ path: 'lib/x', type: 'link', target: 'lib/y' }]), 'TAR_UNREADABLE'],
  ])('refuses %s', async (_what, run, code) => {
    await expect(readDebianPackage('libc6.deb', 'libc6', run)).rejects.toThrow(expect.objectContaining({ code }));
  });
});

describe('debianLayer', () => {
  const certificates = {
    name: 'ca-certificates',
    control: 'Package: ca-certificates\n',
    md5sums: '',
    files: [
      { path: 'usr/share/ca-certificates/mozilla/B.crt', content: 'cert B\n' },
      { path: 'usr/share/ca-certificates/mozilla/A.crt', content: 'cert A' },
    ],
  };
  const libc = { name: 'libc6', control: CONTROL, md5sums: SUMS, files: [{ path: 'lib/libc.so.6', content: 'elf', mode: 0o755 }] };

  test('is laid out as a distroless image', () => {
    const files = debianLayer([libc, certificates]);
    const paths = files.map(({ path }) => path);
    const byPath = new Map(files.map((file) => [file.path, file]));
    expect(byPath.get('etc/ssl/certs/ca-certificates.crt')).toMatchObject({ content: 'cert A\ncert B\n' });
    expect(paths.filter((path) => path.startsWith('usr/share/ca-certificates'))).toEqual([]);
    expect(byPath.get('var/lib/dpkg/status.d/libc6')).toMatchObject({ content: CONTROL });
    expect(byPath.get('var/lib/dpkg/status.d/libc6.md5sums')).toMatchObject({ content: SUMS });
    expect(byPath.get('home/nonroot')).toMatchObject({ type: 'directory', mode: 0o700, owner: { uid: 65532, gid: 65532 } });
    expect(byPath.get('tmp')).toMatchObject({ type: 'directory', mode: 0o1777 });
    expect(byPath.get('etc/passwd')).toMatchObject({ content: expect.stringMatching(/^nonroot:x:65532:65532:/m) });
    // A folder stands before what is in it.
    for (const [at, path] of paths.entries()) if (path.includes('/')) expect(paths.indexOf(path.slice(0, path.lastIndexOf('/')))).toBeLessThan(at);
    expect(new Set(paths).size).toBe(paths.length);
  });

  test.each([
    ['a file from two packages', [libc, certificates, { ...libc, name: 'libc5' }], 'BASE_FILE_CONFLICT'],
    ['a package that brings the users', [certificates, { ...libc, files: [{ path: 'etc/passwd', content: 'root::0:0' }] }], 'BASE_FILE_CONFLICT'],
    ['no certificates', [libc], 'BASE_INCOMPLETE'],
  ])('refuses %s', (_what, packages, code) => {
    expect(() => debianLayer(packages)).toThrow(expect.objectContaining({ code }));
  });
});
