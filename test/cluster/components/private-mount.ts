// SPDX-License-Identifier: Apache-2.0

/** Program → Debian package that `inPrivateMount` needs. */
export const MOUNT_PROGRAMS = { unshare: 'util-linux', mount: 'mount', env: 'coreutils' };

export type PrivateMount = {
  /** File or folder of the bed. */
  source: string;
  /** Where the program finds it instead of what is there; it must exist. */
  target: string;
  cwd?: string;
};

/**
 * Command and arguments that run a program which sees `source` at `target`, and nobody else does: the mount is in a namespace of its own and ends with
 * the program. It stays one process, as all wrappers replace themselves.
 */
export function inPrivateMount({ source, target, cwd = '/' }: PrivateMount, program: readonly string[]): [string, ...string[]] {
  const script = 'mount --bind "$1" "$2"; shift 2; exec "$@"';
  return ['unshare', '--mount', '--propagation=private', '--', 'sh', '-ec', script, 'sh', source, target, 'env', `--chdir=${cwd}`, ...program];
}
