// SPDX-License-Identifier: Apache-2.0
import type { Application } from '../../lib/argocd/application.ts';
import type { ArgoCd } from '../../lib/argocd/argocd.ts';
import type { Follower } from '../../lib/argocd/follow.ts';
import { type StepError, transientError } from '../../lib/errors/errors.ts';
import type { Logger } from '../../lib/log/log.ts';
import { unhealthyObjects } from './failures.ts';
import type { Goal } from './goal.ts';

/** One run of the step: what it wants, what it works with, and what it saw last. */
export type Effort = {
  argo: ArgoCd;
  follower: Follower;
  goal: Goal;
  settings: {
    prune: 'app' | 'true' | 'false';
    syncOptions: readonly string[];
    retries: number;
    foreign: 'wait' | 'terminate' | 'fail';
    window: 'fail' | 'wait';
    stableMs: number;
    revisionMs: number;
  };
  log: Logger;
  now: () => number;
  sleep: (ms: number) => Promise<void>;
  /** Milliseconds since the epoch; a little before the step's own deadline, so that there is time to say what was waited for. */
  deadline: number;
  /** The last state of the application, for messages and results. */
  app: Application;
  told: string;
};

/** Takes a state in as the last one, and logs what changed in a line. */
export function observe(effort: Effort, app: Application): Application {
  effort.app = app;
  effort.follower.seen(app);
  const { sync, health, operationState } = app.status ?? {};
  const line = `operation ${operationState?.phase || 'none'}, ${sync?.status || 'not compared'}, ${health?.status || 'health unknown'}`;
  if (line !== effort.told) effort.log.info(line);
  effort.told = line;
  return app;
}

/** Asks Argo CD to look at Git and cluster anew. */
export async function refresh(effort: Effort, how: 'normal' | 'hard' = 'normal'): Promise<Application> {
  return observe(effort, await effort.argo.refresh(how));
}

/** The next state, or undefined after `ms`. Throws transient WAIT_TIMEOUT at the deadline. */
export async function nextState(effort: Effort, ms: number, what: string): Promise<Application | undefined> {
  const left = effort.deadline - effort.now();
  if (left <= 0) throw timeoutError(effort, what);
  const app = await effort.follower.next(Math.max(1, Math.min(ms, left)));
  return app && observe(effort, app);
}

/** Waits `ms`. Throws transient WAIT_TIMEOUT when the deadline comes first. */
export async function pause(effort: Effort, ms: number, what: string): Promise<void> {
  const left = effort.deadline - effort.now();
  await effort.sleep(Math.max(0, Math.min(ms, left)));
  if (left <= ms) throw timeoutError(effort, what);
}

function timeoutError(effort: Effort, what: string): StepError {
  const { app } = effort;
  const waiting = unhealthyObjects(app, 'Progressing').slice(0, 5);
  const objects = waiting.map(({ resource, message }) => `\n  - ${resource}: ${message}`).join('');
  const said = app.status?.operationState?.message;
  return transientError(
    'WAIT_TIMEOUT',
    `application ${app.metadata.name} did not get there in the time of the param timeout; waited for ${what} (${effort.told})${said ? `: ${said.slice(0, 300)}` : ''}${objects}`,
  );
}
