// SPDX-License-Identifier: Apache-2.0
import { StepError, transientError } from '../../lib/errors/errors.ts';
import { backoffMs } from '../../lib/http/backoff.ts';
import { type Change, commitPlan, type Done, planAt } from './change.ts';
import { checkReplaces, checkUnchanged, describeSite, type Plan } from './plan.ts';

const RACE_WAIT = { attempts: 10, baseMs: 200, capMs: 2000 };
/** After these nobody knows whether the push was taken, and the branch itself tells. */
const UNKNOWN_END = new Set(['HTTP_UNREACHABLE', 'HTTP_SERVER_ERROR']);
const MAX_UNKNOWN = 3;
const MAX_LOGGED = 10;

/**
 * Commits on the newest state of the branch and pushes. When somebody else was faster, the edit is made anew on what they left (never merged), up to ten times with full jitter.
 * Throws transient PUSH_RACE after that, denied VALUE_NEWER or VALUE_CHANGED, and what planning and pushing throw.
 */
export async function pushChange(change: Change): Promise<Done> {
  const { repository, branch, log, sleep, random } = change;
  let first: Plan | undefined;
  let sent: string | undefined;
  let unknown = 0;
  for (let attempt = 1; ; attempt += 1) {
    const head = await repository.fetch(branch);
    const plan = await planAt(change, head);
    if (plan.changes.length === 0) return { commit: head, branch, changed: sent !== undefined && (head === sent || unknown > 0), pullRequestUrl: '' };
    checkReplaces(plan, change.replaces);
    if (first !== undefined && change.replaces !== 'any') checkUnchanged(first, plan);
    if (first === undefined) logPlan(change, plan);
    first ??= plan;
    sent = await commitPlan(change, head, plan);
    try {
      await repository.push(sent, branch, head);
      return { commit: sent, branch, changed: true, pullRequestUrl: '' };
    } catch (error) {
      if (!(error instanceof StepError)) throw error;
      if (UNKNOWN_END.has(error.code)) unknown += 1;
      else if (error.code !== 'PUSH_RACE') throw error;
      if (unknown >= MAX_UNKNOWN) throw error;
      if (attempt >= RACE_WAIT.attempts) throw lost(error, attempt);
      log.warn(`push again: ${error.message}`, { attempt });
    }
    await sleep(backoffMs(RACE_WAIT, attempt, random));
  }
}

function lost(error: StepError, attempts: number): StepError {
  return transientError('PUSH_RACE', `${error.message} (${attempts} times in a row)`, { cause: error });
}

/** One line for each value that changes. */
export function logPlan({ log }: Pick<Change, 'log'>, { changes }: Plan): void {
  for (const site of changes.slice(0, MAX_LOGGED)) log.info(describeSite(site));
  if (changes.length > MAX_LOGGED) log.info(`and ${changes.length - MAX_LOGGED} more`);
}
