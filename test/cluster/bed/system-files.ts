// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, readlink, rm, rmdir } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import type { BedPlace } from './state.ts';

/** Folders that containerd, kubelet and CNI plugins write to whatever their config says; each goes when nothing is left in it. */
const SHIM_SOCKETS = '/run/containerd/s';
const CONTAINER_LOGS = '/var/log/containers';
const CNI_RESULTS = '/var/lib/cni/results';
const KUBELET = '/var/lib/kubelet';
const MADE = [SHIM_SOCKETS, '/run/containerd', CONTAINER_LOGS, '/var/log/pods', CNI_RESULTS, '/var/lib/cni', join(KUBELET, 'device-plugins'), KUBELET];

/** Removes what those programs left outside of the bed's folder, and of other users of these folders nothing. */
export async function removeForeignFiles({ root }: BedPlace): Promise<void> {
  for (const folder of [SHIM_SOCKETS, join(KUBELET, 'device-plugins')]) {
    for (const file of await list(folder)) if (await isDeadSocket(file)) await rm(file, { force: true });
  }
  for (const link of await list(CONTAINER_LOGS)) if ((await targetOf(link)).startsWith(`${root}/`)) await rm(link, { force: true });
  for (const file of await list(CNI_RESULTS)) if ((await textOf(file)).includes(`${root}/`)) await rm(file, { force: true });
  for (const folder of MADE) await rmdir(folder).catch(ignoreInUse);
}

async function list(folder: string): Promise<string[]> {
  try {
    return (await readdir(folder)).map((name) => join(folder, name));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return [];
    throw error;
  }
}

/** A socket that nobody listens on any more; those of other network namespaces answer, too. */
function isDeadSocket(file: string): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(file);
    socket.once('connect', () => {
      socket.destroy();
      resolve(false);
    });
    socket.once('error', (error: NodeJS.ErrnoException) => resolve(error.code === 'ECONNREFUSED'));
  });
}

async function targetOf(link: string): Promise<string> {
  return unlessGone(readlink(link), ['EINVAL']);
}

function textOf(file: string): Promise<string> {
  return unlessGone(readFile(file, 'utf8'));
}

/** Other beds on the machine share these folders and tidy up, too: what has gone since it was listed is theirs. */
async function unlessGone(text: Promise<string>, also: readonly string[] = []): Promise<string> {
  try {
    return await text;
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || also.includes(code)) return '';
    throw error;
  }
}

function ignoreInUse(error: NodeJS.ErrnoException): void {
  if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error;
}
