// SPDX-License-Identifier: Apache-2.0
import { connect, createServer, type Server } from 'node:net';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import type { BedPlace } from './state.ts';

export type LockOptions = {
  /** What the holder is doing, e.g. `up`; told to those that wait. */
  doing: string;
  log: (line: string) => void;
  timeoutMs?: number;
};

/** A cold `up` builds peers for that long. */
const TIMEOUT_MS = 90 * 60_000;

/**
 * Runs the work while no other process works on this bed; waits for one that does. The lock is a socket name in the kernel's own (abstract) space, so it
 * goes with the process that holds it, however that ends. Throws StepError transient `BED_BUSY`.
 */
export async function withLock<T>({ mark }: BedPlace, { doing, log, timeoutMs = TIMEOUT_MS }: LockOptions, work: () => Promise<T>): Promise<T> {
  const name = `\0tekton-supply-chain-bed-${mark}`;
  const deadline = performance.now() + timeoutMs;
  let server = await tryListen(name, doing);
  if (server === undefined) log(`waiting for ${await holderOf(name)}`);
  while (server === undefined) {
    if (performance.now() >= deadline) throw transientError('BED_BUSY', `the bed is still in use by ${await holderOf(name)}`);
    await sleep(200);
    server = await tryListen(name, doing);
  }
  try {
    return await work();
  } finally {
    server.close();
  }
}

function tryListen(name: string, doing: string): Promise<Server | undefined> {
  return new Promise((resolve, reject) => {
    const server = createServer((socket) => {
      socket.on('error', () => undefined);
      socket.end(`"${doing}", process ${process.pid}`);
    });
    server.unref();
    server.once('error', (error: NodeJS.ErrnoException) => (error.code === 'EADDRINUSE' ? resolve(undefined) : reject(error)));
    server.listen(name, () => resolve(server));
  });
}

function holderOf(name: string): Promise<string> {
  return new Promise((resolve) => {
    let said = '';
    const socket = connect(name);
    socket.setEncoding('utf8').setTimeout(1000, () => socket.destroy());
    socket.on('data', (text: string) => {
      said += text;
    });
    socket.on('error', () => undefined);
    socket.on('close', () => resolve(said || 'another process'));
  });
}
