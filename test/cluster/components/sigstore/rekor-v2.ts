// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { ensurePeer } from '../../../peers/peers.ts';
import type { Component } from '../../bed/component.ts';
import { answers, answersNow, LOCAL, sigstoreEndpoints } from './endpoints.ts';
import { FOLDER_SERVER, folderServerArgs } from './serve-folder.ts';
import { trustFiles } from './trust-files.ts';

/** Rekor v2 (POSIX) and, as a server of its own, the reading of its checkpoint and tiles, which it leaves to any static file server. */
export const rekorV2: Component = {
  name: 'rekor-v2',
  groups: ['sigstore'],
  needs: ['node', 'sigstore-trust'],
  peers: ['rekor-tiles'],
  daemons: ['rekor-v2', 'rekor-v2-tiles'],
  async up(bed) {
    const peer = await ensurePeer('rekor-tiles', bed);
    const storage = join(await bed.dir('rekor-v2'), 'log');
    await mkdir(storage, { recursive: true });
    const { rekorV2, rekorV2Tiles } = sigstoreEndpoints(bed.node);
    const [grpcHost = '', grpcPort = ''] = LOCAL.rekorV2Grpc.split(':');
    await bed.daemon({
      name: 'rekor-v2',
      command: peer['rekor-server-posix'],
      args: [
        ...['serve', '--http-address', bed.node, '--http-port', new URL(rekorV2).port, '--http-metrics-port', '2114'],
        ...['--grpc-address', grpcHost, '--grpc-port', grpcPort],
        // Goes onto the checkpoints; clients expect the host of the log's URL there.
        ...['--hostname', bed.node, '--storage-dir', storage, '--signer-filepath', trustFiles(bed.root).rekorV2.key],
        // The least that it takes; every entry waits for a checkpoint.
        ...['--checkpoint-interval', '100ms', '--batch-max-age', '10ms'],
      ],
      env: { HOME: storage },
      isReady: () => answers(`${rekorV2}/healthz`),
    });
    await bed.daemon({
      name: 'rekor-v2-tiles',
      command: process.execPath,
      args: [FOLDER_SERVER, ...folderServerArgs(storage, rekorV2Tiles)],
      isReady: () => answers(`${rekorV2Tiles}/checkpoint`),
    });
  },
  isReady: async ({ node }) => {
    const { rekorV2, rekorV2Tiles } = sigstoreEndpoints(node);
    return (await answersNow(`${rekorV2}/healthz`)) && (await answersNow(`${rekorV2Tiles}/checkpoint`));
  },
};
