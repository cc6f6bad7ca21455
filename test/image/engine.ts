// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findOnPath, startProcess, waitUntilReady } from '../cluster/host-process.ts';
import { DOCKER } from './debian-tools.ts';
import { runCommand } from './run-command.ts';

export type Engine = { socket: string; stop(): Promise<void> };

const START_MS = 60_000;
const STOP_MS = 20_000;

/**
 * A dockerd with socket, data and state in a temporary folder; it makes no bridge and no firewall rules, so it changes nothing outside of it and runs beside
 * another one. Needs root. `stop` ends it with all its containers and deletes the folder; if this process dies, it dies too.
 */
export async function startEngine(): Promise<Engine> {
  // A socket path may have 107 bytes.
  const folder = await mkdtemp(join(tmpdir(), 'engine-'));
  const [socket, logFile] = [join(folder, 'docker.sock'), join(folder, 'dockerd.log')];
  await mkdir(join(folder, 'data'));
  const server = startProcess({
    name: 'dockerd',
    command: findOnPath('dockerd') ?? '/usr/sbin/dockerd',
    args: [
      `--host=unix://${socket}`,
      `--data-root=${join(folder, 'data')}`,
      `--exec-root=${join(folder, 'exec')}`,
      `--pidfile=${join(folder, 'pid')}`,
      '--iptables=false',
      '--ip6tables=false',
      '--bridge=none',
    ],
    env: { HOME: folder },
    logFile,
  });
  const stop = async (): Promise<void> => {
    await server.stop(STOP_MS);
    await rm(folder, { recursive: true, force: true, maxRetries: 5, retryDelay: 200 });
  };
  try {
    await waitUntilReady(
      server,
      logFile,
      async () => existsSync(socket) && (await runCommand(DOCKER, ['-H', `unix://${socket}`, 'version'])).code === 0,
      START_MS,
    );
  } catch (error) {
    await stop();
    throw error;
  }
  return { socket, stop };
}
