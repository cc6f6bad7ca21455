// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import type { PeerName } from './peers.ts';

const PEERS = { newest: 'tekton', oldest: 'tekton-oldest' } as const satisfies Record<string, PeerName>;

/**
 * The peer that is Tekton Pipelines in this process: the newest LTS, or with the variable TEKTON=oldest the oldest line that is still maintained, whose
 * first version the catalog names as the least it needs. Throws input TEKTON_VERSION_UNKNOWN.
 */
export function tektonPeer(env: Readonly<Record<string, string | undefined>> = process.env): (typeof PEERS)[keyof typeof PEERS] {
  const wanted = env['TEKTON'] || 'newest';
  if (wanted === 'newest' || wanted === 'oldest') return PEERS[wanted];
  throw inputError('TEKTON_VERSION_UNKNOWN', `TEKTON is "${wanted}"`, { hint: `set it to ${Object.keys(PEERS).join(' or ')}, or leave it unset` });
}
