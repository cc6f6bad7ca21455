// SPDX-License-Identifier: Apache-2.0
import { backoffMs } from '../../lib/http/backoff.ts';

export type WorkQueueOptions = {
  /** Does what has to be done for a key; may ask to be called again at a time (ms since the epoch). */
  handle: (key: string) => Promise<{ requeueAt?: number }>;
  concurrency: number;
  now: () => number;
  random: () => number;
  onError: (key: string, error: unknown, waitMs: number) => void;
};

export type WorkQueue = {
  /** Calls `handle` for the key as soon as a worker is free; asked for while it runs, it runs once more. */
  add: (key: string) => void;
  /** Drops what is planned for a key. */
  forget: (key: string) => void;
  /** Keys that wait for a worker. */
  depth: () => number;
  /** Starts nothing more and resolves when what runs has ended. */
  stop: () => Promise<void>;
};

const RETRY = { attempts: 0, baseMs: 500, capMs: 300_000 };
/** setTimeout takes no more than this; a gate that waits longer is looked at in between. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** A queue of keys without doubles: one worker a key at a time, a backoff of its own for a key that fails, and one timer a key. */
export function createWorkQueue(options: WorkQueueOptions): WorkQueue {
  const { handle, concurrency, now, random, onError } = options;
  const waiting = new Set<string>();
  const running = new Map<string, Promise<void>>();
  const again = new Set<string>();
  const timers = new Map<string, NodeJS.Timeout>();
  const failures = new Map<string, number>();
  let stopped = false;

  function add(key: string): void {
    if (stopped) return;
    clearTimer(key);
    if (running.has(key)) again.add(key);
    else waiting.add(key);
    startWorkers();
  }

  function startWorkers(): void {
    for (const key of waiting) {
      if (stopped || running.size >= concurrency) return;
      waiting.delete(key);
      running.set(key, work(key));
    }
  }

  async function work(key: string): Promise<void> {
    let next: number | undefined;
    try {
      next = (await handle(key)).requeueAt;
      failures.delete(key);
    } catch (error) {
      const count = (failures.get(key) ?? 0) + 1;
      failures.set(key, count);
      const wait = Math.max(50, backoffMs(RETRY, Math.min(count, 12), random));
      next = now() + wait;
      onError(key, error, wait);
    }
    running.delete(key);
    if (again.delete(key)) add(key);
    else if (next !== undefined) addAt(key, next);
    startWorkers();
  }

  function addAt(key: string, at: number): void {
    if (stopped) return;
    clearTimer(key);
    const timer = setTimeout(() => add(key), Math.min(MAX_TIMER_MS, Math.max(1, at - now())));
    timers.set(key, timer);
  }

  function clearTimer(key: string): void {
    clearTimeout(timers.get(key));
    timers.delete(key);
  }

  function forget(key: string): void {
    waiting.delete(key);
    again.delete(key);
    failures.delete(key);
    clearTimer(key);
  }

  async function stop(): Promise<void> {
    stopped = true;
    for (const key of [...timers.keys()]) clearTimer(key);
    waiting.clear();
    await Promise.all(running.values());
  }

  return { add, forget, depth: () => waiting.size, stop };
}
