// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../../peers/peers.ts';
import type { Component } from '../../bed/component.ts';
import { answers, answersNow, sigstoreEndpoints } from './endpoints.ts';
import { trustFiles } from './trust-files.ts';

/** The timestamp authority (RFC 3161) with a key file, so that its chain is the same after every start. */
export const tsa: Component = {
  name: 'tsa',
  groups: ['sigstore'],
  needs: ['node', 'sigstore-trust'],
  peers: ['timestamp-authority'],
  async up(bed) {
    const peer = await ensurePeer('timestamp-authority', bed);
    const files = trustFiles(bed.root).tsa;
    await bed.daemon({
      name: 'tsa',
      command: peer['timestamp-server'],
      args: ['-host', bed.node, '-port', '3004', '-file-signer-key-path', files.keyFile, '-certificate-chain-path', files.chain],
      isReady: () => answers(chainUrl(bed.node)),
    });
  },
  isReady: ({ node }) => answersNow(chainUrl(node)),
};

function chainUrl(node: string): string {
  return `${sigstoreEndpoints(node).tsa}/certchain`;
}
