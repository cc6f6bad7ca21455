// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError, inputError, transientError } from '../../lib/errors/errors.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { resource } from '../../lib/kube/resource.ts';
import { API_VERSION, LIMITS, VOTE_KIND } from '../../services/approval-gate/api.ts';
import { CUSTOM_RUN_API, type CustomRun, isDone, succeededCondition } from '../../services/approval-gate/custom-run.ts';
import { type GateState, readState } from '../../services/approval-gate/gate-state.ts';
import { readRun, VOTE_RESOURCE } from '../../services/approval-gate/reconcile.ts';

const REVIEWS = resource('authentication.k8s.io/v1', 'selfsubjectreviews');
const Review = z.looseObject({ status: z.looseObject({ userInfo: z.looseObject({ username: z.string(), groups: z.array(z.string()).default([]) }) }) });

export type Me = { user: string; groups: string[] };
export type Ballot = { run: CustomRun; decision: 'approve' | 'reject'; comment: string; me: Me };

/** Who the API server takes us for (SelfSubjectReview, authentication.k8s.io/v1). */
export async function whoAmI(client: KubeClient): Promise<Me> {
  const answer = await client.create(REVIEWS, { apiVersion: 'authentication.k8s.io/v1', kind: 'SelfSubjectReview' });
  const { username, groups } = Review.parse(answer).status.userInfo;
  return { user: username, groups };
}

/**
 * The vote to create: in our own name, for those of our groups that the rules name, on the attempt that is open. Throws input GATE_CLOSED or
 * COMMENT_REQUIRED, transient GATE_NOT_OPEN, denied NOT_AN_APPROVER or REQUESTER_MAY_NOT_APPROVE: votes that would not count are not cast.
 */
export function voteFor({ run, decision, comment, me }: Ballot): object {
  const { name, namespace, uid } = run.metadata;
  const state = openState(run);
  const groups = me.groups.filter((group) => state.policy.rules.some((rule) => rule.groups.includes(group))).slice(0, LIMITS.voteGroups);
  if (groups.length === 0 && !state.policy.rules.some(({ users }) => users.includes(me.user))) {
    throw deniedError('NOT_AN_APPROVER', `no rule of gate ${namespace}/${name} names ${me.user} or one of its groups`, {
      hint: `supply-chain gate show ${name} -n ${namespace} lists who may decide`,
    });
  }
  if (decision === 'approve' && state.policy.excludeRequester && state.requesters.includes(me.user)) {
    throw deniedError('REQUESTER_MAY_NOT_APPROVE', `${me.user} asked for this run and may not approve it`, { hint: 'ask somebody else; rejecting is allowed' });
  }
  if (comment.trim() === '' && state.policy.commentRequired.includes(decision)) {
    throw inputError('COMMENT_REQUIRED', `gate ${namespace}/${name} requires a comment to ${decision}`, { hint: 'say why with -m "…"' });
  }
  if (comment.length > LIMITS.comment) throw inputError('COMMENT_TOO_LONG', `the comment is longer than ${LIMITS.comment} characters`);
  return {
    apiVersion: API_VERSION,
    kind: VOTE_KIND,
    // Owned by the run, so that it goes when the run goes.
    metadata: { generateName: `${name.slice(0, 200)}-`, namespace, ownerReferences: [{ apiVersion: CUSTOM_RUN_API, kind: 'CustomRun', name, uid }] },
    spec: {
      gateRef: { customRun: name, uid, attempt: state.attempt },
      decision,
      user: me.user,
      ...(groups.length > 0 && { groups }),
      ...(comment && { comment }),
    },
  };
}

function openState(run: CustomRun): GateState {
  const { name, namespace } = run.metadata;
  if (isDone(run)) throw inputError('GATE_CLOSED', `gate ${namespace}/${name} is closed: ${succeededCondition(run)?.message}`);
  const state = readState(run.status);
  if (state) return state;
  throw transientError('GATE_NOT_OPEN', `gate ${namespace}/${name} has not been opened`, { hint: 'the controller opens it within a second; is it running?' });
}

/** Creates the vote and waits a moment for the controller; gives the run as it is then, or undefined when the vote was not counted in that time. */
export async function castVote(client: KubeClient, ballot: Ballot, pause: () => Promise<void>): Promise<{ vote: string; run: CustomRun | undefined }> {
  const { namespace } = ballot.run.metadata;
  const { metadata } = await client.create(VOTE_RESOURCE, voteFor(ballot), { namespace });
  for (let look = 0; look < 20; look += 1) {
    const run = await readRun(ballot.run, client);
    if (run && sees(run, metadata.name)) return { vote: metadata.name, run };
    await pause();
  }
  return { vote: metadata.name, run: undefined };
}

function sees(run: CustomRun, vote: string): boolean {
  const state = readState(run.status);
  return isDone(run) || [...(state?.approvals ?? []), ...(state?.ignoredVotes ?? [])].some((one) => one.vote === vote);
}
