// SPDX-License-Identifier: Apache-2.0
import { ApprovalVote } from './api.ts';
import type { CustomRun } from './custom-run.ts';

/** Votes by the run that they are on. */
export type VoteIndex = {
  votesOn: (run: CustomRun) => readonly ApprovalVote[];
  /** Takes a vote in, or out; gives the key of the run that it names. */
  set: (vote: ApprovalVote) => string;
  remove: (vote: ApprovalVote) => string;
  /** Replaces everything; gives the keys of the runs that any vote names or named. */
  replace: (votes: readonly ApprovalVote[]) => Set<string>;
};

export function createVoteIndex(): VoteIndex {
  let byRun = new Map<string, Map<string, ApprovalVote>>();

  function set(vote: ApprovalVote): string {
    const key = runKeyOf(vote);
    const votes = byRun.get(key) ?? new Map<string, ApprovalVote>();
    byRun.set(key, votes.set(vote.metadata.name, vote));
    return key;
  }

  function remove(vote: ApprovalVote): string {
    const key = runKeyOf(vote);
    const votes = byRun.get(key);
    votes?.delete(vote.metadata.name);
    if (votes?.size === 0) byRun.delete(key);
    return key;
  }

  function replace(votes: readonly ApprovalVote[]): Set<string> {
    const before = byRun.keys();
    byRun = new Map();
    for (const vote of votes) set(vote);
    return new Set([...before, ...byRun.keys()]);
  }

  const votesOn = ({ metadata }: CustomRun): ApprovalVote[] => [...(byRun.get(`${metadata.namespace}/${metadata.name}`)?.values() ?? [])];
  return { votesOn, set, remove, replace };
}

/** A vote as the API server holds it; undefined when it has no shape that counts, which the CRD rules out. */
export function parseVote(object: unknown): ApprovalVote | undefined {
  const parsed = ApprovalVote.safeParse(object);
  return parsed.success ? parsed.data : undefined;
}

function runKeyOf({ metadata, spec }: ApprovalVote): string {
  return `${metadata.namespace}/${spec.gateRef.customRun}`;
}
