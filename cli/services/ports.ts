// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';

/** Starts a service on the port that its folder remembers, or on a free one when there is none or another program has taken it; the port is remembered, so that references stay valid from run to run. */
export async function startOnKeptPort<S extends { port: number }>(
  folder: string,
  start: (port: number) => Promise<S>,
): Promise<{ service: S; moved: boolean }> {
  const file = join(folder, 'port');
  const kept = Number((await readBoundedIfPresent(file, 16, 'port file'))?.toString('utf8').trim() ?? 0);
  const wanted = Number.isInteger(kept) && kept > 0 && kept < 65_536 ? kept : 0;
  try {
    const service = await start(wanted);
    if (service.port !== wanted) await writeAtomic(file, `${service.port}\n`);
    return { service, moved: false };
  } catch (error) {
    if (wanted === 0 || !(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
  }
  const service = await start(0);
  await writeAtomic(file, `${service.port}\n`);
  return { service, moved: true };
}
