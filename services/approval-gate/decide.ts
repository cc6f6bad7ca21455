// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import type { ApprovalGate, ApprovalVote, Reason } from './api.ts';
import { type CustomRun, type CustomRunStatus, isCancelled, isDone, isOurs, succeededCondition, toTime } from './custom-run.ts';
import { type GateRequest, gateSource, type Problem, readRequest } from './gate-request.ts';
import { deadlineOf, type GateState, newState, readState } from './gate-state.ts';
import { archivedStatus, closedStatus, type Ending, endingMessage, type Outcome, openStatus, withTally } from './gate-status.ts';
import { type Tally, tallyVotes } from './tally.ts';

/** What one look at a gate is based on. */
export type Look = {
  run: CustomRun;
  /** The ApprovalGate that `customRef` names, as it is now; undefined when there is none. */
  gate: ApprovalGate | undefined;
  /** Votes of the namespace; those on other runs and attempts are passed over. */
  votes: readonly ApprovalVote[];
  /** Milliseconds since the epoch. */
  now: number;
};

export type Transition = 'opened' | 'counted' | 'retried' | Outcome;

/** What is to be done: nothing at all, a status to write, or to look again at `requeueAt` (ms since the epoch, when only a vote or an edit could change anything: never). */
export type Decision =
  | { kind: 'ignore'; why: 'not ours' | 'done' }
  | { kind: 'write'; transition: Transition; status: CustomRunStatus; requeueAt?: number }
  | { kind: 'wait'; requeueAt?: number };

/**
 * The whole meaning of a gate, without effects. In this order: not ours, done (left untouched), cancelled, invalid, timed out, rejected, approved,
 * wait. "Timed out" means that no vote before the deadline decided; a vote that came in time counts although the controller looked late.
 * Follows the CustomRun contract of Tekton Pipelines (docs/customruns.md; TEP-0114 cancel, TEP-0121 retries).
 */
export function decide(look: Look): Decision {
  const { run, now } = look;
  if (!isOurs(run)) return { kind: 'ignore', why: 'not ours' };
  if (isDone(run)) return { kind: 'ignore', why: 'done' };
  const isOpen = Boolean(run.status?.startTime);
  const state = readState(run.status);
  if (isCancelled(run)) return cancel(look, state);
  if (!isOpen) return open(look);
  if (!state)
    return close(look, undefined, undefined, invalid([{ reason: 'StateInvalid', message: 'status.extraFields is not what this controller wrote' }], now));
  const deadline = deadlineOf(run, state);
  const tally = tallyVotes({ ...state, run: run.metadata, deadline }, look.votes);
  if (tally.outcome === 'pending') return now >= deadline ? timeOut(look, state, tally, deadline) : wait(look, state, tally, deadline);
  const reason: Reason = tally.outcome === 'rejected' ? 'Rejected' : 'Approved';
  const message = endingMessage(run, state, tally, tally.outcome);
  return close(look, state, tally, { outcome: tally.outcome, reason, message, at: tally.decidedAt ?? toTime(now) });
}

function open({ run, gate, votes, now }: Look): Decision {
  const read = readRequest(run, gate);
  if ('problems' in read) return close({ run, gate, votes, now }, undefined, undefined, invalid(read.problems, now));
  const state = newState(read.request);
  const startTime = toTime(now);
  const status = openStatus(run, state, undefined, { reason: 'Started', startTime, now });
  return { kind: 'write', transition: 'opened', status, ...requeue(Date.parse(startTime) + (state.timeoutMs ?? Number.POSITIVE_INFINITY)) };
}

function cancel(look: Look, state: GateState | undefined): Decision {
  const { run, votes, now } = look;
  const tally = state && tallyVotes({ ...state, run: run.metadata, deadline: deadlineOf(run, state) }, votes);
  const message = run.spec.statusMessage || 'the CustomRun was cancelled';
  return close(look, state, tally, { outcome: 'cancelled', reason: 'CustomRunCancelled', message, at: toTime(now) });
}

function invalid(problems: readonly Problem[], now: number): Ending {
  const reason = problems[0]?.reason ?? 'PolicyInvalid';
  return { outcome: 'invalid', reason, message: problems.map(({ message }) => message).join('; '), at: toTime(now) };
}

function close({ run, now }: Look, state: GateState | undefined, tally: Tally | undefined, ending: Ending): Decision {
  return { kind: 'write', transition: ending.outcome, status: closedStatus(run, state, tally, ending, now) };
}

/** With a retry left the attempt goes into the history and the gate opens again with a clean sheet; votes name their attempt, so old ones do not count. */
function timeOut(look: Look, state: GateState, tally: Tally, deadline: number): Decision {
  const { run, now } = look;
  const ending: Ending = { outcome: 'timed-out', reason: 'CustomRunTimedOut', message: endingMessage(run, state, tally, 'timed-out'), at: toTime(deadline) };
  const closed = closedStatus(run, state, tally, ending, now);
  if (state.attempt > state.retries) return { kind: 'write', transition: 'timed-out', status: closed };
  const history = [...(run.status?.retriesStatus ?? []), archivedStatus(closed, withTally(state, tally))];
  const next = { ...state, attempt: state.attempt + 1 };
  const startTime = toTime(now);
  const status = openStatus(run, next, undefined, { reason: 'Retrying', startTime, now });
  return { kind: 'write', transition: 'retried', status: { ...status, retriesStatus: history }, ...requeue(Date.parse(startTime) + (state.timeoutMs ?? 0)) };
}

/** Nothing is decided: the status is brought up to date when that changes anything. */
function wait(look: Look, state: GateState, tally: Tally, deadline: number): Decision {
  const { run, now } = look;
  const before = succeededCondition(run)?.reason;
  const reason: Reason = tally.approvals.length > 0 ? 'Running' : before === 'Retrying' ? 'Retrying' : 'Started';
  const seen = { ...state, ignoredEdits: laterEdits(look, state) };
  const status = openStatus(run, seen, tally, { reason, startTime: run.status?.startTime ?? toTime(now), now });
  if (isDeepStrictEqual(status, run.status)) return { kind: 'wait', ...requeue(deadline) };
  return { kind: 'write', transition: 'counted', status, ...requeue(deadline) };
}

/** What of the request reads differently now than at opening. It is told in the status, and not followed. */
function laterEdits({ run, gate }: Look, state: GateState): string[] {
  if (run.spec.customRef && gate && gateSource(gate) === state.policySource && run.metadata.generation === 1) return [];
  const read = readRequest(run, gate);
  if ('problems' in read) return read.problems.slice(0, 5).map(({ message }) => message.slice(0, 200));
  const now = read.request;
  const words: Record<keyof GateRequest, string> = {
    policy: 'the policy',
    policySource: 'the source of the policy',
    requesters: 'the requester',
    description: 'param description',
    subject: 'param subject',
    timeoutMs: 'spec.timeout',
    retries: 'spec.retries',
  };
  const keys = (Object.keys(words) as (keyof GateRequest)[]).filter((key) => !isDeepStrictEqual(now[key], state[key]));
  return keys.map((key) => `${words[key]} was changed after the gate opened`);
}

function requeue(at: number): { requeueAt?: number } {
  return Number.isFinite(at) ? { requeueAt: at } : {};
}
