// SPDX-License-Identifier: Apache-2.0
import type { PeerImage } from '../bed/component.ts';

/** One static binary where ko puts it, which is where Tekton's manifests and pods look for it. */
export function goImage(peer: string, name: string, file: string): PeerImage {
  const path = `/ko-app/${name}`;
  return { name: `${peer}-${name}`, files: { [path]: file }, entrypoint: [path] };
}

/** The package, not the program: the package busybox brings one of the same name that needs libc beside it. */
export const SHELL_PROGRAMS = { '/var/lib/dpkg/info/busybox-static.list': 'busybox-static' };

/** Debian's static busybox as a shell with the applets in it. It needs no links to them: this shell runs its own before it looks at PATH. */
export const SHELL_IMAGE: PeerImage = {
  name: 'shell',
  files: { '/bin/sh': '/bin/busybox', '/bin/busybox': '/bin/busybox' },
  entrypoint: ['/bin/sh'],
};
