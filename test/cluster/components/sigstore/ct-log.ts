// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { ensurePeer } from '../../../peers/peers.ts';
import type { Component } from '../../bed/component.ts';
import { answers, answersNow, sigstoreEndpoints } from './endpoints.ts';
import { trustFiles } from './trust-files.ts';

/** The certificate transparency log that Fulcio writes to: TesseraCT on a folder. Its origin has to parse as a URL, which host:port does not. */
export const ctLog: Component = {
  name: 'ct-log',
  groups: ['sigstore'],
  needs: ['sigstore-trust'],
  peers: ['tesseract'],
  async up(bed) {
    const peer = await ensurePeer('tesseract', bed);
    const files = trustFiles(bed.root);
    await bed.daemon({
      name: 'ct-log',
      command: peer['tesseract-posix'],
      args: [
        ...['--private_key', files.ctLog.key, '--origin', 'localhost', '--storage_dir', join(await bed.dir('ct-log'), 'log')],
        ...['--roots_pem_file', files.fulcio.certFile, '--ext_key_usages', 'CodeSigning'],
        ...['--http_endpoint', new URL(sigstoreEndpoints(bed.node).ctLog).host],
        // Small, because every keyless signature waits for a checkpoint of this log.
        ...['--checkpoint_interval', '100ms', '--batch_max_age', '10ms'],
      ],
      isReady: () => answers(rootsUrl(bed.node)),
    });
  },
  isReady: ({ node }) => answersNow(rootsUrl(node)),
};

function rootsUrl(node: string): string {
  return `${sigstoreEndpoints(node).ctLog}/ct/v1/get-roots`;
}
