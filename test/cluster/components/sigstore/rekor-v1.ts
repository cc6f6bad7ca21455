// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../../peers/peers.ts';
import type { Component } from '../../bed/component.ts';
import { answers, answersNow, LOCAL, sigstoreEndpoints } from './endpoints.ts';
import { trustFiles } from './trust-files.ts';

const API = ['getLogInfo', 'getPublicKey', 'getLogProof', 'createLogEntry', 'getLogEntryByIndex', 'getLogEntryByUUID', 'searchLogQuery'];

/**
 * Rekor v1 without its search index: that would want Redis or MySQL, and either switch alone still does.
 * Its metrics go to port 2112 of every address, untold; that trillian holds that port on loopback is what keeps it from doing so, and it works on without.
 */
export const rekorV1: Component = {
  name: 'rekor-v1',
  groups: ['sigstore'],
  needs: ['node', 'sigstore-trust', 'trillian'],
  peers: ['rekor'],
  async up(bed) {
    const peer = await ensurePeer('rekor', bed);
    const [trillianHost = '', trillianPort = ''] = LOCAL.trillian.split(':');
    // It makes its tree when it starts and cannot go on with a Trillian that has been started anew, and so without that tree.
    if (!(await answersNow(logUrl(bed.node)))) await bed.stop('rekor-v1');
    await bed.daemon({
      name: 'rekor-v1',
      command: peer['rekor-server'],
      args: [
        ...['serve', '--log_type', 'prod', '--rekor_server.address', bed.node, '--port', '3000', '--rekor_server.hostname', bed.node],
        ...['--rekor_server.signer', trustFiles(bed.root).rekorV1.key],
        ...['--trillian_log_server.address', trillianHost, '--trillian_log_server.port', trillianPort, '--trillian_log_server.tlog_id', '0'],
        ...['--enable_retrieve_api=false', '--enabled_api_endpoints', API.join(',')],
      ],
      env: { HOME: await bed.dir('rekor-v1') },
      isReady: () => answers(logUrl(bed.node)),
    });
  },
  isReady: ({ node }) => answersNow(logUrl(node)),
};

function logUrl(node: string): string {
  return `${sigstoreEndpoints(node).rekorV1}/api/v1/log`;
}
