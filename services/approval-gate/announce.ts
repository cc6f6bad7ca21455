// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { isKubeError } from '../../lib/kube/api-error.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { resource } from '../../lib/kube/resource.ts';
import { CUSTOM_RUN_API, type CustomRun, succeededCondition } from './custom-run.ts';
import type { Transition } from './decide.ts';
import { type GateState, readState } from './gate-state.ts';

/** What `kubectl describe` and `kubectl get events` show of a gate. */
export type GateEvent = { type: 'Normal' | 'Warning'; reason: string; message: string };

export type Change = { before: CustomRun; after: CustomRun; transition: Transition };

const EVENTS = resource('v1', 'events');
const ENDINGS: Partial<Record<Transition, [GateEvent['type'], string]>> = {
  opened: ['Normal', 'GateOpened'],
  retried: ['Warning', 'GateRetried'],
  approved: ['Normal', 'GateApproved'],
  rejected: ['Warning', 'GateRejected'],
  cancelled: ['Normal', 'GateCancelled'],
  'timed-out': ['Warning', 'GateTimedOut'],
  invalid: ['Warning', 'GateInvalid'],
};

/** The events that a written status gives rise to. */
export function eventsOf({ before, after, transition }: Change): GateEvent[] {
  const message = succeededCondition(after)?.message ?? '';
  const [was, is] = [readState(before.status), readState(after.status)];
  const ending = ENDINGS[transition];
  return [...(ending ? [{ type: ending[0], reason: ending[1], message }] : []), ...(transition === 'counted' && is ? countedEvents(was, is, message) : [])];
}

function countedEvents(was: GateState | undefined, is: GateState, message: string): GateEvent[] {
  const known = new Set([...(was?.approvals ?? []).map(({ vote }) => vote), ...(was?.ignoredVotes ?? []).map(({ vote }) => vote)]);
  const edits = is.ignoredEdits.filter((edit) => !was?.ignoredEdits.includes(edit));
  return [
    ...is.approvals
      .filter(({ vote }) => !known.has(vote))
      .map(({ user }): GateEvent => ({ type: 'Normal', reason: 'VoteCounted', message: `${user} approves; ${message}` })),
    ...is.ignoredVotes
      .filter(({ vote }) => !known.has(vote))
      .map(({ vote, user, why }): GateEvent => ({ type: 'Warning', reason: 'VoteIgnored', message: `vote ${vote} of ${user}: ${why}` })),
    ...edits.map((edit): GateEvent => ({ type: 'Warning', reason: 'EditIgnored', message: edit })),
  ];
}

/** Creates the events. A name that follows from what they say makes a second try harmless. Gives errors back; an event is never worth a decision. */
export async function announce(change: Change, { client, now, instance }: { client: KubeClient; now: () => number; instance: string }): Promise<unknown[]> {
  const { name, namespace, uid, resourceVersion } = change.after.metadata;
  const failed: unknown[] = [];
  for (const event of eventsOf(change)) {
    const attempt = readState(change.after.status)?.attempt ?? 0;
    const id = createHash('sha256')
      .update(JSON.stringify([uid, attempt, event]))
      .digest('hex')
      .slice(0, 16);
    const time = new Date(now()).toISOString();
    const object = {
      apiVersion: 'v1',
      kind: 'Event',
      metadata: { name: `${name.slice(0, 200)}.${id}`, namespace },
      involvedObject: { apiVersion: CUSTOM_RUN_API, kind: 'CustomRun', name, namespace, uid, resourceVersion },
      type: event.type,
      reason: event.reason,
      message: event.message.slice(0, 1000),
      source: { component: 'approval-gate' },
      reportingComponent: 'approval-gate',
      reportingInstance: instance.slice(0, 128),
      firstTimestamp: time,
      lastTimestamp: time,
      count: 1,
    };
    await client.create(EVENTS, object, { namespace }).catch((error: unknown) => {
      if (!isKubeError(error, 'KUBE_ALREADY_EXISTS')) failed.push(error);
    });
  }
  return failed;
}
