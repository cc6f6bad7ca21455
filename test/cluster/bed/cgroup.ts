// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdir, readdir, readFile, rmdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { markOf } from './state.ts';

const MOUNT = '/sys/fs/cgroup';

/** Control group under which all pods of the bed with this root run, in every hierarchy; by it `down` finds their processes. */
export function podCgroup(root: string): string {
  return `tekton-supply-chain-bed-${markOf(root)}`;
}

/** Makes the group that the kubelet expects to find, for cgroup v1 (a hierarchy a controller) and v2. */
export async function prepareCgroup(root: string): Promise<void> {
  const controllers = join(MOUNT, 'cgroup.controllers');
  if (existsSync(controllers)) {
    const enabled = (await readFile(controllers, 'utf8')).trim().split(' ');
    for (const name of enabled) await writeFile(join(MOUNT, 'cgroup.subtree_control'), `+${name}`);
  }
  for (const hierarchy of await hierarchies()) await mkdir(join(hierarchy, podCgroup(root)), { recursive: true });
}

/** Removes the group and all below it; they are empty of processes when this is called. */
export async function removeCgroup(root: string): Promise<void> {
  for (const hierarchy of await hierarchies()) await removeGroup(join(hierarchy, podCgroup(root)));
}

async function removeGroup(folder: string): Promise<void> {
  if (!existsSync(folder)) return;
  for (const entry of await readdir(folder, { withFileTypes: true })) if (entry.isDirectory()) await removeGroup(join(folder, entry.name));
  await rmdir(folder);
}

async function hierarchies(): Promise<string[]> {
  if (existsSync(join(MOUNT, 'cgroup.controllers'))) return [MOUNT];
  const entries = await readdir(MOUNT, { withFileTypes: true });
  return entries.filter((entry) => entry.isDirectory()).map(({ name }) => join(MOUNT, name));
}
