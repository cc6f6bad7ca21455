// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readFile, rm, rmdir } from 'node:fs/promises';
import { dirname } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { bugError } from '../../../lib/errors/errors.ts';
import { podCgroup, removeCgroup } from './cgroup.ts';
import { must, run } from './commands.ts';
import type { Bed, Component } from './component.ts';
import { BED_MARK, listRecords } from './daemon.ts';
import { restoreSettings } from './kernel.ts';
import { mountsBelow } from './leftovers.ts';
import { isAlive, listProcesses, signal } from './process-table.ts';
import type { BedPlace } from './state.ts';
import { removeForeignFiles } from './system-files.ts';

const GONE_MS = 30_000;

/**
 * Ends and removes all that a bed is and left on the machine; the same way whether it stands, or was killed in the middle of anything. Nothing of it is kept, so
 * nothing is asked to end well. Harmless when there is nothing. Throws StepError bug `PROCESSES_REMAIN`, and what unmounting says.
 */
export async function takeDown(place: BedPlace, bed: Bed, components: readonly Component[]): Promise<void> {
  await endAll(place);
  await unmountAll(place);
  for (const component of components.toReversed()) await component.clean?.(bed);
  await removeCgroup(place.root);
  await removeForeignFiles(place);
  await restoreSettings(place.root);
  await rm(place.root, { recursive: true, force: true });
  // Of the project, not of the bed alone.
  await rmdir(dirname(place.root)).catch(() => undefined);
}

/** Also what a process starts while it is being killed, hence again until there is none. */
async function endAll(place: BedPlace): Promise<void> {
  const deadline = performance.now() + GONE_MS;
  for (;;) {
    const pids = await ownPids(place);
    if (pids.size === 0) return;
    if (performance.now() > deadline) throw bugError('PROCESSES_REMAIN', `processes ${[...pids].join(', ')} do not end`);
    for (const pid of pids) signal(pid, 'SIGKILL');
    await sleep(50);
  }
}

/** By record, by mark in the environment (daemons and what they started), and by control group (pods). */
async function ownPids(place: BedPlace): Promise<Set<number>> {
  const pids = new Set<number>();
  for (const record of await listRecords(place)) if (await isAlive(record)) pids.add(record.pid);
  for (const { pid, env, cgroups } of await listProcesses()) {
    if (env.includes(`${BED_MARK}=${place.mark}`) || cgroups.some((line) => line.includes(`:/${podCgroup(place.root)}/`))) pids.add(pid);
  }
  return pids;
}

async function unmountAll({ root }: BedPlace): Promise<void> {
  const mounted = async (): Promise<string[]> => mountsBelow(await readFile('/proc/self/mountinfo', 'utf8'), root);
  const points = await mounted();
  if (points.length === 0) return;
  await run('umount', points);
  // A process that is just ending can still hold one.
  const left = await mounted();
  if (left.length > 0) await must('umount', ['--lazy', ...left]);
  if (existsSync(root) && (await mounted()).length > 0) throw bugError('MOUNTS_REMAIN', `something stays mounted below ${root}`);
}
