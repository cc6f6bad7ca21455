// SPDX-License-Identifier: Apache-2.0
import type { TarFile } from '../../lib/artifact/write-tar.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { withParents } from '../builder/copy-files.ts';
import type { DebianPackage } from './debian-package.ts';

export const CA_BUNDLE = 'etc/ssl/certs/ca-certificates.crt';
/** The user "nonroot" of distroless images. */
export const NONROOT = 65532;

const PASSWD = `root:x:0:0:root:/root:/sbin/nologin
nobody:x:65534:65534:nobody:/nonexistent:/sbin/nologin
nonroot:x:${NONROOT}:${NONROOT}:nonroot:/home/nonroot:/sbin/nologin
`;
const GROUP = `root:x:0:
nobody:x:65534:
nonroot:x:${NONROOT}:
`;
const NSSWITCH = `passwd: files
group: files
hosts: files dns
`;

/**
 * The lower layer of the local base: the run-time files of the Debian packages, laid out as in a distroless image. Each package has its control file and
 * MD5 sums under var/lib/dpkg/status.d, where SBOM tools look; the certificates stand in one bundle, as update-ca-certificates would write it.
 * Throws input BASE_FILE_CONFLICT when two packages bring the same file, BASE_INCOMPLETE without certificates.
 */
export function debianLayer(packages: readonly DebianPackage[]): TarFile[] {
  const files = new Map<string, TarFile>();
  const add = (file: TarFile): void => {
    if (files.has(file.path)) throw inputError('BASE_FILE_CONFLICT', `two Debian packages bring /${file.path}`);
    files.set(file.path, file);
  };
  const certificates: TarFile[] = [];
  for (const { name, control, md5sums, files: own } of packages) {
    for (const file of own) if (file.path.startsWith('usr/share/ca-certificates/')) certificates.push(file);
    for (const file of own) if (!file.path.startsWith('usr/share/ca-certificates/')) add(file);
    add({ path: `var/lib/dpkg/status.d/${name}`, content: control });
    add({ path: `var/lib/dpkg/status.d/${name}.md5sums`, content: md5sums });
  }
  add({ path: CA_BUNDLE, content: caBundle(certificates) });
  for (const file of skeleton()) add(file);
  return withParents([...files.values()]);
}

function caBundle(certificates: readonly TarFile[]): string {
  const texts = certificates.toSorted((a, b) => (a.path < b.path ? -1 : 1)).flatMap((file) => ('content' in file ? [file.content.toString().trimEnd()] : []));
  if (texts.length === 0) throw inputError('BASE_INCOMPLETE', 'the package ca-certificates brings no certificates');
  return texts.map((text) => `${text}\n`).join('');
}

function skeleton(): TarFile[] {
  const folders = ['dev', 'proc', 'run', 'sys'].map((path): TarFile => ({ path, type: 'directory' }));
  return [
    ...folders,
    { path: 'root', type: 'directory', mode: 0o700 },
    { path: 'tmp', type: 'directory', mode: 0o1777 },
    { path: 'var/tmp', type: 'directory', mode: 0o1777 },
    { path: 'home/nonroot', type: 'directory', mode: 0o700, owner: { uid: NONROOT, gid: NONROOT } },
    { path: 'etc/passwd', content: PASSWD },
    { path: 'etc/group', content: GROUP },
    { path: 'etc/nsswitch.conf', content: NSSWITCH },
  ];
}
