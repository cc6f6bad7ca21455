// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, existsSync, openSync } from 'node:fs';
import { open } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { transientError } from '../../lib/errors/errors.ts';

export type HostProcess = {
  name: string;
  /** The running server's exit as text, or undefined while it runs. */
  ended: () => string | undefined;
  /** Ends it (SIGTERM, after `graceMs` SIGKILL) and waits for its exit; harmless when it is gone already. */
  stop: (graceMs?: number) => Promise<void>;
};

export type HostProcessOptions = { name: string; command: string; args: string[]; env?: NodeJS.ProcessEnv; logFile: string };

/**
 * Starts a server on this machine, its output in `logFile`. It cannot outlive this process: a normal exit kills it by handler,
 * a killed one by the kernel (`setpriv --pdeathsig`, where util-linux is on PATH).
 */
export function startProcess({ name, command, args, env = {}, logFile }: HostProcessOptions): HostProcess {
  const output = openSync(logFile, 'w');
  const setpriv = findOnPath('setpriv');
  const [file, allArgs] = setpriv ? [setpriv, ['--pdeathsig', 'KILL', '--', command, ...args]] : [command, args];
  const child = spawn(file, allArgs, { env: { PATH: process.env['PATH'], ...env }, stdio: ['ignore', output, output] });
  closeSync(output);

  let ended: string | undefined;
  const killNow = () => child.kill('SIGKILL');
  process.once('exit', killNow);
  const exited = new Promise<void>((resolve) => {
    const settle = (how: string) => {
      ended ??= how;
      process.removeListener('exit', killNow);
      resolve();
    };
    child.once('error', (error) => settle(error.message));
    child.once('exit', (code, signal) => settle(signal ?? `exit code ${code}`));
  });
  return { name, ended: () => ended, stop: (graceMs = defaultGraceMs) => stopChild(child, exited, graceMs) };
}

/** Short: all of a test server's state is thrown away, and kube-apiserver alone would drain for longer than a test run takes. */
const defaultGraceMs = 500;

async function stopChild(child: ChildProcess, exited: Promise<void>, graceMs: number): Promise<void> {
  child.kill('SIGTERM');
  const hard = setTimeout(() => child.kill('SIGKILL'), graceMs);
  await exited;
  clearTimeout(hard);
}

/**
 * Waits until `isReady` answers true; it is asked every 100 ms and may throw as long as the server is not up.
 * Throws StepError `PEER_NOT_READY` with the end of the server's log when the process ends or `timeoutMs` passes first.
 */
export async function waitUntilReady(server: HostProcess, logFile: string, isReady: () => Promise<boolean>, timeoutMs: number): Promise<void> {
  const deadline = performance.now() + timeoutMs;
  let lastError: unknown;
  while (performance.now() < deadline && server.ended() === undefined) {
    try {
      if (await isReady()) return;
    } catch (error) {
      lastError = error;
    }
    await sleep(100);
  }
  const why = server.ended() === undefined ? `did not answer within ${timeoutMs} ms` : `ended with ${server.ended()}`;
  throw transientError('PEER_NOT_READY', `${server.name} ${why}; its log ends with:\n${await readEnd(logFile)}`, { cause: lastError });
}

/** The last 4 KiB of a file. */
export async function readEnd(file: string): Promise<string> {
  const handle = await open(file);
  try {
    const { size } = await handle.stat();
    const length = Math.min(size, 4096);
    const { buffer } = await handle.read(Buffer.alloc(length), 0, length, size - length);
    return buffer.toString('utf8');
  } finally {
    await handle.close();
  }
}

/** Distinct TCP ports that were free on all addresses a moment ago; held open together so that none is given twice. */
export async function freePorts(count: number): Promise<number[]> {
  const servers = await Promise.all(Array.from({ length: count }, listenAnywhere));
  const ports = servers.map((server) => (server.address() as { port: number }).port);
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}

function listenAnywhere(): Promise<Server> {
  return new Promise((resolve, reject) => {
    const server = createServer();
    server.once('error', reject);
    server.listen(0, () => resolve(server));
  });
}

/** The absolute path of a program on PATH, or undefined. */
export function findOnPath(program: string): string | undefined {
  const folders = (process.env['PATH'] ?? '').split(delimiter).filter((folder) => folder !== '');
  return folders.map((folder) => join(folder, program)).find((path) => existsSync(path));
}
