// SPDX-License-Identifier: Apache-2.0
import type { PipelineTask } from './manifest.ts';
import type { TaskRunEnd } from './run-task.ts';

const UNITS = { h: 3_600_000, m: 60_000, s: 1000, ms: 1 } as const;
/** Node's timers end at once when they are given more. */
const MAX_TIMER_MS = 2 ** 31 - 1;

/** Milliseconds of a duration as Go writes it (`1h30m`, `90s`); 0 means no time-out, as in Tekton. */
export function parseTimeout(text: string): number {
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|h|m|s)/g)];
  return Math.min(
    parts.reduce((sum, [, amount, unit]) => sum + Number(amount) * UNITS[unit as keyof typeof UNITS], 0),
    MAX_TIMER_MS,
  );
}

/** One attempt of a task; `cancel` ends it. `number` counts from 0. */
export type Attempt = (number: number, cancel: AbortSignal) => Promise<TaskRunEnd>;

/**
 * Runs a task until it succeeds, is cancelled, or has used up its `retries`; each attempt has the whole `timeout` (Tekton docs/pipelines.md, "Using the retries field", "Configuring the failure timeout").
 * An attempt that the time-out ends has failed with reason TaskRunTimeout. `onRetry` hears of each failed attempt that another one follows.
 */
export async function runAttempts(
  use: Pick<PipelineTask, 'retries' | 'timeout'>,
  cancel: AbortSignal,
  attempt: Attempt,
  onRetry: (failed: TaskRunEnd, next: number) => void,
): Promise<TaskRunEnd & { retries?: number }> {
  for (let number = 0; ; number++) {
    const end = await withinTimeout(use.timeout, cancel, (signal) => attempt(number, signal));
    if (end.state !== 'Failed' || number >= (use.retries ?? 0) || cancel.aborted) return { ...end, ...(number > 0 && { retries: number }) };
    onRetry(end, number + 1);
  }
}

async function withinTimeout(timeout: string | undefined, cancel: AbortSignal, run: (signal: AbortSignal) => Promise<TaskRunEnd>): Promise<TaskRunEnd> {
  const milliseconds = timeout === undefined ? 0 : parseTimeout(timeout);
  if (milliseconds === 0) return run(cancel);
  const clock = new AbortController();
  const timer = setTimeout(() => clock.abort(), milliseconds);
  try {
    const end = await run(AbortSignal.any([cancel, clock.signal]));
    if (!clock.signal.aborted || cancel.aborted || end.state === 'Succeeded') return end;
    return { ...end, state: 'Failed', reason: 'TaskRunTimeout', message: `did not finish within ${timeout}` };
  } finally {
    clearTimeout(timer);
  }
}
