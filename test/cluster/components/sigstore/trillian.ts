// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../../peers/peers.ts';
import type { Component } from '../../bed/component.ts';
import { answers, answersNow, LOCAL } from './endpoints.ts';

const METRICS_URL = `http://${LOCAL.trillianMetrics}/metrics`;

/** The Merkle tree behind Rekor v1, in memory. Its metrics stand on the port that Rekor v1 would otherwise open on every address (see rekor-v1.ts). */
export const trillian: Component = {
  name: 'trillian',
  groups: ['sigstore'],
  needs: [],
  peers: ['trillian'],
  async up(bed) {
    const peer = await ensurePeer('trillian', bed);
    await bed.daemon({
      name: 'trillian',
      command: peer['trillian-memory'],
      args: ['--logtostderr', '--rpc_endpoint', LOCAL.trillian, '--http_endpoint', LOCAL.trillianMetrics],
      isReady: () => answers(METRICS_URL),
    });
  },
  isReady: () => answersNow(METRICS_URL),
};
