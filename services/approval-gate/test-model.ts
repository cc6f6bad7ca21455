// SPDX-License-Identifier: Apache-2.0
import { ApprovalPolicy, type ApprovalVote } from './api.ts';

/** A policy as people may write it, and what the model knows of it. */
export type ModelPolicy = { text: object; valid: (requesters: readonly string[]) => boolean };

export const POLICIES: readonly ModelPolicy[] = [
  { text: { rules: [{ name: 'two', users: ['alice', 'bob', 'carol'], count: 2 }] }, valid: () => true },
  {
    text: {
      rules: [
        { name: 'sec', groups: ['security'], users: ['alice'] },
        { name: 'sre', users: ['bob', 'carol'] },
      ],
    },
    valid: () => true,
  },
  {
    text: { rules: [{ name: 'two', users: ['alice', 'bob', 'carol'], count: 2 }], excludeRequester: true, commentRequired: ['reject'] },
    valid: (requesters) => requesters.length > 0,
  },
  { text: { rules: [{ name: 'big', groups: ['security', 'sre'], count: 2 }], commentRequired: ['approve'] }, valid: () => true },
  { text: { rules: [] }, valid: () => false },
];

export const TIMEOUTS: readonly { text: string | undefined; seconds: number | null | 'invalid' }[] = [
  { text: undefined, seconds: null },
  { text: '0', seconds: null },
  { text: '3s', seconds: 3 },
  { text: '0h0m6s', seconds: 6 },
  { text: 'soon', seconds: 'invalid' },
];

/** What a CustomRun asks for, in the model's words. */
export type Ask = { policy: ModelPolicy | undefined; timeout: number | null | 'invalid'; retries: number; requesters: string[]; cancelled: boolean };

export type ModelState =
  | { phase: 'new' }
  | { phase: 'open'; attempt: number; since: number; timedOut: number; approvers: string[] }
  | { phase: 'ended'; decision: string; timedOut: number; approvers: string[] | undefined };

type Frozen = { policy: ApprovalPolicy; timeout: number | null; retries: number; requesters: string[] };

/**
 * The gate as a person would explain it, written another way than the code: second by second, who has said what by then. It knows nothing of
 * statuses, resource versions or order of votes within a second, and keeps its own memory.
 */
export type Model = { state: () => ModelState; look: (ask: Ask, votes: readonly ApprovalVote[], second: number) => void };

export function createModel(start: number, uid: string): Model {
  let state: ModelState = { phase: 'new' };
  let frozen: Frozen | undefined;

  function look(ask: Ask, votes: readonly ApprovalVote[], second: number): void {
    if (state.phase === 'ended') return;
    const timedOut = state.phase === 'open' ? state.timedOut : 0;
    if (ask.cancelled) {
      state = { phase: 'ended', decision: 'cancelled', timedOut, approvers: undefined };
    } else if (state.phase === 'new') {
      frozen = freeze(ask);
      state = frozen
        ? { phase: 'open', attempt: 1, since: second, timedOut: 0, approvers: [] }
        : { phase: 'ended', decision: 'invalid', timedOut: 0, approvers: [] };
    } else if (frozen) {
      state = step(state, frozen, votes, second);
    }
  }

  function step(
    open: ModelState & { phase: 'open' },
    { policy, timeout, retries, requesters }: Frozen,
    votes: readonly ApprovalVote[],
    second: number,
  ): ModelState {
    const end = timeout === null ? Number.POSITIVE_INFINITY : open.since + timeout;
    const cast = votes.filter((vote) => isFor(vote, uid, open.attempt) && timeOf(vote, start) < end);
    for (let at = 0; at <= second && at < end; at += 1) {
      const said = cast.filter((vote) => timeOf(vote, start) <= at && counts(vote, policy, requesters));
      const approvers = [...new Set(said.filter(({ spec }) => spec.decision === 'approve').map(({ spec }) => spec.user))];
      if (said.some(({ spec }) => spec.decision === 'reject')) return { phase: 'ended', decision: 'rejected', timedOut: open.timedOut, approvers: undefined };
      const met = policy.rules.every((rule) => approvers.filter((user) => names(said, user, rule)).length >= rule.count);
      if (met) return { phase: 'ended', decision: 'approved', timedOut: open.timedOut, approvers: undefined };
    }
    const approvers = [...new Set(cast.filter((vote) => counts(vote, policy, requesters)).map(({ spec }) => spec.user))].sort();
    if (second < end) return { ...open, approvers };
    if (open.attempt <= retries) return { phase: 'open', attempt: open.attempt + 1, since: second, timedOut: open.timedOut + 1, approvers: [] };
    return { phase: 'ended', decision: 'timed-out', timedOut: open.timedOut, approvers };
  }

  return { state: () => state, look };
}

function freeze({ policy, timeout, retries, requesters }: Ask): Frozen | undefined {
  if (!policy?.valid(requesters) || timeout === 'invalid') return undefined;
  return { policy: ApprovalPolicy.parse(policy.text), timeout, retries, requesters };
}

function timeOf(vote: ApprovalVote, start: number): number {
  return (Date.parse(vote.metadata.creationTimestamp) - start) / 1000;
}

function counts({ spec }: ApprovalVote, policy: ApprovalPolicy, requesters: readonly string[]): boolean {
  const named = policy.rules.some(({ users, groups }) => users.includes(spec.user) || groups.some((group) => spec.groups.includes(group)));
  const own = policy.excludeRequester && spec.decision === 'approve' && requesters.includes(spec.user);
  return named && !own && (spec.comment !== '' || !policy.commentRequired.includes(spec.decision));
}

/** Whether anything that the person said by then falls under the rule. */
function names(said: readonly ApprovalVote[], user: string, rule: ApprovalPolicy['rules'][number]): boolean {
  const groups = said.filter(({ spec }) => spec.user === user).flatMap(({ spec }) => spec.groups);
  return rule.users.includes(user) || rule.groups.some((group) => groups.includes(group));
}

function isFor({ spec }: ApprovalVote, uid: string, attempt: number): boolean {
  return spec.gateRef.uid === uid && spec.gateRef.attempt === attempt;
}
