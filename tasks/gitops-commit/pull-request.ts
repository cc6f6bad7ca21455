// SPDX-License-Identifier: Apache-2.0
import { deniedError, refusedError, StepError } from '../../lib/errors/errors.ts';
import type { Forge, PullRequest } from '../../lib/forge/forge.ts';
import { backoffMs } from '../../lib/http/backoff.ts';
import { type Change, commitPlan, type Done, planAt, pullRequestBranch } from './change.ts';
import { allTrailers, commitSubject, isOurs, pullRequestBody } from './commit-text.ts';
import { checkReplaces, type Plan } from './plan.ts';
import { logPlan } from './push.ts';

const POLL_MS = { first: 1000, most: 15_000 };
const RACE_WAIT = { attempts: 4, baseMs: 500, capMs: 3000 };

/**
 * Proposes the change: one branch and one pull request for an image, its targets and its branch, however often the step runs. The commit is made anew when the branch below it has moved.
 * With `wait` it returns when people have merged. Throws denied VALUE_NEWER, VALUE_CHANGED or PULL_REQUEST_CLOSED, refused BRANCH_FOREIGN, and what planning, pushing and the forge throw.
 */
export async function proposeChange(change: Change, forge: Forge, wait: boolean): Promise<Done> {
  const { repository, branch: base, wanted, trailers, log } = change;
  const head = pullRequestBranch(change);
  const below = await repository.fetch(base);
  const plan = await planAt(change, below);
  const known = await forge.pullRequestsFrom(head, base);
  if (plan.changes.length === 0) {
    const merged = known.find(({ state }) => state === 'merged');
    return { commit: below, branch: base, changed: false, pullRequestUrl: merged?.url ?? '' };
  }
  checkReplaces(plan, change.replaces);
  const open = known.find(({ state }) => state === 'open');
  if (open === undefined && known[0]?.state === 'closed') throw closed(known[0]);
  const { commit, pushed } = await bringBranch(change, head, below, plan);
  const subject = commitSubject(wanted, change.subject);
  const pull = await forge.openPullRequest({ title: subject, body: pullRequestBody(plan, allTrailers(wanted, trailers)), head, base });
  log.info(`pull request ${pull.number} ${pull.action}`, { url: pull.url });
  const changed = pushed || pull.action !== 'kept';
  if (!wait) return { commit, branch: head, changed, pullRequestUrl: pull.url };
  const merged = await waitForMerge(change, forge, pull.number);
  return { commit: merged, branch: base, changed, pullRequestUrl: pull.url };
}

/** The branch with one commit of ours on top of `below`; left alone when it is that already. Another run for the same image may be doing the same. */
async function bringBranch(change: Change, head: string, below: string, plan: Plan): Promise<{ commit: string; pushed: boolean }> {
  const { repository, sleep, random } = change;
  logPlan(change, plan);
  for (let attempt = 1; ; attempt += 1) {
    const standing = (await repository.branches()).has(head) ? await repository.fetch(head) : undefined;
    if (standing !== undefined && (await isCurrent(change, head, standing, below))) return { commit: standing, pushed: false };
    const commit = await commitPlan(change, below, plan);
    try {
      await repository.push(commit, head, standing);
      return { commit, pushed: true };
    } catch (error) {
      if (!(error instanceof StepError) || error.code !== 'PUSH_RACE' || attempt >= RACE_WAIT.attempts) throw error;
    }
    await sleep(backoffMs(RACE_WAIT, attempt, random));
  }
}

async function isCurrent(change: Change, head: string, standing: string, below: string): Promise<boolean> {
  const { message, parents } = await change.repository.commit(standing);
  if (!isOurs(message)) throw refusedError('BRANCH_FOREIGN', `the newest commit of branch ${head}, ${standing.slice(0, 12)}, is not one of this step`);
  return parents[0] === below && (await planAt(change, standing)).changes.length === 0;
}

async function waitForMerge({ log, sleep }: Change, forge: Forge, number: number): Promise<string> {
  for (let round = 0; ; round += 1) {
    const pull = await forge.pullRequest(number);
    if (pull.state === 'merged') return pull.mergeCommit ?? pull.headSha;
    if (pull.state === 'closed') throw closed(pull);
    if (round === 0) log.progress(`waiting until pull request ${number} is merged`);
    await sleep(Math.min(POLL_MS.most, POLL_MS.first * 1.5 ** round));
  }
}

function closed({ url, number }: PullRequest): Error {
  return deniedError('PULL_REQUEST_CLOSED', `pull request ${number} for this image was closed without being merged: ${url}`);
}
