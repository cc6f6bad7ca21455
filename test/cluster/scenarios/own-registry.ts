// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';
import { freePorts } from '../host-process.ts';

/** A registry that a scenario may kill; what it holds outlives it. The daemon is the bed's, so that `down` finds one that a killed run has left. */
export type OwnRegistry = {
  url: string;
  kill(): Promise<void>;
  start(): Promise<void>;
  /** Ends it and deletes what it holds. */
  remove(): Promise<void>;
};

/** The registry of the bed once more, with the referrers API, on 127.0.0.1. `name` is that of its daemon: one that runs already is replaced. */
export async function startOwnRegistry(bed: Bed, name: string): Promise<OwnRegistry> {
  const { registry: command } = await ensurePeer('bed', bed);
  const dir = await mkdtemp(join(tmpdir(), `${name}-`));
  const [port] = (await freePorts(1)) as [number];
  const url = `http://127.0.0.1:${port}`;
  const start = (): Promise<void> =>
    bed.daemon({ name, command, args: [`-address=127.0.0.1:${port}`, `-dir=${dir}`, '-referrers'], isReady: async () => (await fetch(`${url}/v2/`)).ok });
  await start();
  return {
    url,
    start,
    // No grace: SIGKILL, as when a machine goes down.
    kill: () => bed.stop(name, 0),
    async remove() {
      await bed.stop(name);
      await rm(dir, { recursive: true, force: true });
    },
  };
}
