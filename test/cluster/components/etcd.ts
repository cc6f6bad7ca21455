// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../peers/peers.ts';
import { etcdArgs } from '../api-server.ts';
import type { Component } from '../bed/component.ts';

export const ETCD_URL = 'http://127.0.0.1:2379';

/** The store of the API server, on loopback alone. */
export const etcd: Component = {
  name: 'etcd',
  groups: ['kubernetes'],
  needs: [],
  peers: ['etcd'],
  async up(bed) {
    const { etcd: command } = await ensurePeer('etcd', bed);
    await bed.daemon({ name: 'etcd', command, args: etcdArgs(await bed.dir('etcd'), ETCD_URL, 'http://127.0.0.1:2380'), isReady: isHealthy });
  },
  isReady: isHealthy,
};

async function isHealthy(): Promise<boolean> {
  return (await fetch(`${ETCD_URL}/health`, { signal: AbortSignal.timeout(1000) })).ok;
}
