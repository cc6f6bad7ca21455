// SPDX-License-Identifier: Apache-2.0
import type { ApprovalPolicy, ApprovalRule, ApprovalVote } from './api.ts';

/** The ballot: which attempt of which run is voted on, by which rules, and until when (ms since the epoch). */
export type Ballot = {
  run: { name: string; namespace: string; uid: string };
  attempt: number;
  policy: ApprovalPolicy;
  requesters: readonly string[];
  deadline: number;
};

/** A vote that counts. `at` is the time that the API server gave it. */
export type CountedVote = { user: string; at: string; comment: string; rules: string[]; vote: string };
/** A vote that does not count, and why. */
export type IgnoredVote = { vote: string; user: string; why: string };
export type RuleProgress = { rule: string; approvals: number; required: number };

export type Tally = {
  outcome: 'pending' | 'approved' | 'rejected';
  /** Time of the vote that decided. */
  decidedAt?: string;
  approvals: CountedVote[];
  rejection?: CountedVote;
  progress: RuleProgress[];
  ignored: IgnoredVote[];
};

/**
 * Counts the votes in the order in which the API server took them, and stops at the one that decides: what came later does not count, so the answer
 * is the same whether the controller looked in time or was down. Votes of the same second: rejections first, then by name. A person counts once
 * in every rule that names the person or one of the groups that the vote carries; several approvals of one person add up, none takes another back.
 */
export function tallyVotes(ballot: Ballot, votes: readonly ApprovalVote[]): Tally {
  const approvals = new Map<string, CountedVote>();
  const ignored: IgnoredVote[] = [];
  const tally = (outcome: Tally['outcome'], last?: CountedVote): Tally => ({
    outcome,
    ...(last && { decidedAt: last.at }),
    approvals: [...approvals.values()],
    ...(outcome === 'rejected' && last && { rejection: last }),
    progress: ballot.policy.rules.map((rule) => progressOf(rule, approvals)),
    ignored,
  });
  for (const vote of ballotOrder(ballot, votes)) {
    const { user, decision, comment } = vote.spec;
    const rules = ballot.policy.rules.filter((rule) => isNamed(rule, vote)).map(({ name }) => name);
    const why = reasonToIgnore(ballot, vote, rules);
    if (why !== undefined) {
      ignored.push({ vote: vote.metadata.name, user, why });
      continue;
    }
    const counted: CountedVote = { user, at: vote.metadata.creationTimestamp, comment, rules, vote: vote.metadata.name };
    if (decision === 'reject') return tally('rejected', counted);
    approvals.set(user, joined(approvals.get(user), counted));
    if (ballot.policy.rules.every((rule) => progressOf(rule, approvals).approvals >= rule.count)) return tally('approved', counted);
  }
  return tally('pending');
}

/** Whether a rule names the voter, directly or by a group. */
export function isNamed(rule: ApprovalRule, { spec }: Pick<ApprovalVote, 'spec'>): boolean {
  return rule.users.includes(spec.user) || spec.groups.some((group) => rule.groups.includes(group));
}

function ballotOrder({ run, attempt, deadline }: Ballot, votes: readonly ApprovalVote[]): ApprovalVote[] {
  return votes
    .filter(({ metadata, spec: { gateRef } }) => metadata.namespace === run.namespace && gateRef.uid === run.uid && gateRef.attempt === attempt)
    .map((vote) => ({ vote, at: Date.parse(vote.metadata.creationTimestamp) }))
    .filter(({ at }) => at < deadline)
    .sort((a, b) => a.at - b.at || rank(a.vote) - rank(b.vote) || (a.vote.metadata.name < b.vote.metadata.name ? -1 : 1))
    .map(({ vote }) => vote);
}

function rank({ spec }: ApprovalVote): number {
  return spec.decision === 'reject' ? 0 : 1;
}

function reasonToIgnore({ run, policy, requesters }: Ballot, { spec }: ApprovalVote, rules: readonly string[]): string | undefined {
  if (spec.gateRef.customRun !== run.name) return `names the CustomRun ${spec.gateRef.customRun}, and its uid is that of another one`;
  if (rules.length === 0) return 'no rule names the user or one of the groups of the vote';
  // The ban is on approving one's own request; stopping it is always allowed.
  if (spec.decision === 'approve' && policy.excludeRequester && requesters.includes(spec.user)) return 'the requester may not approve';
  if (spec.comment.trim() === '' && policy.commentRequired.includes(spec.decision)) return `a comment is required to ${spec.decision}`;
  return undefined;
}

function joined(earlier: CountedVote | undefined, later: CountedVote): CountedVote {
  if (!earlier) return later;
  return { ...later, comment: later.comment || earlier.comment, rules: [...new Set([...earlier.rules, ...later.rules])] };
}

function progressOf(rule: ApprovalRule, approvals: ReadonlyMap<string, CountedVote>): RuleProgress {
  const count = [...approvals.values()].filter(({ rules }) => rules.includes(rule.name)).length;
  return { rule: rule.name, approvals: count, required: rule.count };
}
