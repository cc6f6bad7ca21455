// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { grafeasConfig } from '../../grafeas/reference-server.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';

const PORT = 8080;

/** The reference Grafeas server on the node's address; what it is told lies in a file, so that a restart forgets nothing. */
export const grafeas: Component = {
  name: 'grafeas',
  groups: ['delivery'],
  needs: ['node'],
  peers: ['grafeas'],
  isReady: (bed) => lists(bed).catch(() => false),
  async up(bed) {
    const { grafeas } = await ensurePeer('grafeas', bed);
    const dir = await bed.dir('grafeas');
    const database = join(dir, 'db');
    await mkdir(database, { recursive: true });
    const config = join(dir, 'config.yaml');
    await writeAtomic(config, grafeasConfig({ address: `${bed.node}:${PORT}`, storage: 'embedded', database }));
    await bed.daemon({ name: 'grafeas', command: grafeas, args: ['--config', config], isReady: () => lists(bed) });
  },
};

async function lists({ node }: Bed): Promise<boolean> {
  return (await fetch(`http://${node}:${PORT}/v1beta1/projects`, { signal: AbortSignal.timeout(2000) })).ok;
}
