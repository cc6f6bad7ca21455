// SPDX-License-Identifier: Apache-2.0
import { API_VERSION, ApprovalGate, ApprovalVote, GATE_KIND } from './api.ts';
import { CustomRun, type CustomRunStatus, toTime } from './custom-run.ts';
import { type Decision, decide, type Transition } from './decide.ts';

/** 12:00 of a day; tests count seconds from here. */
export const START = Date.parse('2026-03-01T12:00:00Z');
export const UID = '3b1f6a52-0000-4000-8000-000000000001';

type RunParts = { spec?: object; metadata?: object; status?: object };

/** A CustomRun with the policy inline: two of alice, bob, carol and the group security. */
export function aRun({ spec = {}, metadata = {}, status }: RunParts = {}): CustomRun {
  return CustomRun.parse({
    metadata: { name: 'release-gate', namespace: 'shop', uid: UID, resourceVersion: '1', generation: 1, ...metadata },
    spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: aPolicy() }, ...spec },
    ...(status && { status }),
  });
}

export function aPolicy(parts: object = {}): object {
  return { rules: [{ name: 'release', users: ['alice', 'bob', 'carol'], groups: ['security'], count: 2 }], ...parts };
}

/** A CustomRun that names an ApprovalGate. */
export function aRunOf(name: string, spec: object = {}): CustomRun {
  return aRun({ spec: { customSpec: undefined, customRef: { apiVersion: API_VERSION, kind: GATE_KIND, name }, ...spec } });
}

export function aGate(spec: unknown = aPolicy(), metadata: object = {}): ApprovalGate {
  return ApprovalGate.parse({ metadata: { name: 'production', namespace: 'shop', uid: 'gate-1', generation: 1, ...metadata }, spec });
}

let votes = 0;

/** A vote of `user`, given `second` seconds after START. */
export function aVote(
  user: string,
  decision: 'approve' | 'reject',
  second = 1,
  parts: { comment?: string; groups?: string[]; gateRef?: object; metadata?: object } = {},
): ApprovalVote {
  const { comment = '', groups = [], gateRef = {}, metadata = {} } = parts;
  votes += 1;
  return ApprovalVote.parse({
    metadata: {
      name: `vote-${String(votes).padStart(6, '0')}`,
      namespace: 'shop',
      uid: `vote-uid-${votes}`,
      creationTimestamp: toTime(START + second * 1000),
      ...metadata,
    },
    spec: { gateRef: { customRun: 'release-gate', uid: UID, attempt: 1, ...gateRef }, decision, comment, user, groups },
  });
}

type LookParts = { gate?: ApprovalGate | undefined; votes?: readonly ApprovalVote[]; second?: number };

/** `decide` at a second after START. */
export function look(run: CustomRun, { gate, votes: cast = [], second = 0 }: LookParts = {}): Decision {
  return decide({ run, gate, votes: cast, now: START + second * 1000 });
}

/** What `decide` wants written, or a thrown error when it wants nothing. */
export function written(decision: Decision): { transition: Transition; status: CustomRunStatus; requeueAt?: number } {
  if (decision.kind !== 'write') throw new Error(`nothing to write: ${JSON.stringify(decision)}`);
  return decision;
}

/** The run after the status was written, as the API server would give it back: through JSON. */
export function applied(run: CustomRun, decision: Decision): CustomRun {
  return CustomRun.parse(JSON.parse(JSON.stringify({ ...run, status: written(decision).status })));
}

/** The run with its gate open since START. */
export function opened(run: CustomRun, gate?: ApprovalGate): CustomRun {
  return applied(run, look(run, { gate }));
}

export function conditionOf(status: CustomRunStatus): { status?: string; reason?: string; message?: string } {
  const { status: value, reason, message } = status.conditions?.[0] ?? {};
  return { ...(value && { status: value }), ...(reason && { reason }), ...(message && { message }) };
}

export function resultsOf(status: CustomRunStatus): Record<string, string> {
  return Object.fromEntries((status.results ?? []).map(({ name, value }) => [name, value]));
}
