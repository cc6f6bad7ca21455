// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { homedir } from 'node:os';
import { isAbsolute, join } from 'node:path';
import { inputError } from '../../../lib/errors/errors.ts';

/** Node address of the bed: RFC 1918, so that clients take plain HTTP without being told, and routed nowhere. */
export const NODE_ADDRESS = '172.31.255.1';

/** Where one bed keeps what it has. All paths are absolute. */
export type BedPlace = {
  root: string;
  /** `<name>.log` of each daemon, `<name>.previous.log` of its run before. */
  logs: string;
  /** One JSON file a daemon. */
  records: string;
  /** Admin kubeconfig. */
  kubeconfig: string;
  /** Value of `BED_MARK` in the environment of every daemon, by which `down` finds processes that no record names. */
  mark: string;
};

/** A Unix socket's path may have 107 bytes, and containerd's and kubelet's lie up to 45 below the root. */
const LONGEST_ROOT = 60;

/** The place of the bed of this user: `$XDG_STATE_HOME` or `~/.local/state`, `tekton-supply-chain/bed`. Nothing is made. Throws input BED_PLACE_INVALID. */
export function bedPlace(env: Readonly<Record<string, string | undefined>>): BedPlace {
  const root = join(env['XDG_STATE_HOME'] || join(homedir(), '.local', 'state'), 'tekton-supply-chain', 'bed');
  if (!isAbsolute(root) || root.length > LONGEST_ROOT) {
    throw inputError('BED_PLACE_INVALID', `the bed cannot keep its state in ${root}: the path must be absolute and at most ${LONGEST_ROOT} long`, {
      hint: 'set XDG_STATE_HOME to a short absolute path',
    });
  }
  return {
    root,
    logs: join(root, 'logs'),
    records: join(root, 'daemons'),
    kubeconfig: join(root, 'kubeconfig'),
    mark: markOf(root),
  };
}

/** Tells the beds of one machine apart, of which all but one run in network namespaces of their own. */
export function markOf(root: string): string {
  return createHash('sha256').update(root).digest('hex').slice(0, 16);
}
