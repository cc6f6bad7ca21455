// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { asStepError, StepError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { ensureDebianTools } from '../../peers/debian-tools.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from './component.ts';
import { startInOrder } from './order.ts';

/** What `status` says of the last start. */
export type StartNote = { seconds: number; at: string };

/**
 * Brings up the components, which stand in the order of their needs: installs and builds what they lack, then starts those that can start side by side.
 * One line a component. Throws the first StepError of a component, with its name in front.
 */
export async function bringUp(bed: Bed, components: readonly Component[]): Promise<void> {
  const { log } = bed;
  await ensureDebianTools(Object.assign({}, ...components.map(({ programs }) => programs ?? {})), log);
  for (const peer of new Set(components.flatMap(({ peers = [] }) => peers))) await ensurePeer(peer, { log: quietUnlessBuilding(log) });
  await startInOrder(components, async (component) => {
    const started = performance.now();
    try {
      await component.up(bed);
    } catch (thrown) {
      const { kind, code, message, hint } = asStepError(thrown);
      throw new StepError(kind, code, `component ${component.name}: ${message}`, { cause: thrown, ...(hint !== undefined && { hint }) });
    }
    const seconds = Math.round((performance.now() - started) / 100) / 10;
    const note: StartNote = { seconds, at: new Date().toISOString() };
    await writeAtomic(join(await bed.dir('components'), `${component.name}.json`), JSON.stringify(note));
    log(`${component.name.padEnd(26)}${seconds.toFixed(1).padStart(6)} s`);
  });
}

/** What Go says of each package that it downloads is no news; that it builds is. */
function quietUnlessBuilding(log: (line: string) => void): (line: string) => void {
  return (line) => {
    if (!line.startsWith('go: downloading ')) log(line);
  };
}
