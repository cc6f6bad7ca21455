// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refusedError } from '../../lib/errors/errors.ts';
import type { JsonPatch, KubeClient } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/resource.ts';
import type { ApprovalVote } from './api.ts';
import type { CustomRun } from './custom-run.ts';
import type { Transition } from './decide.ts';
import { reconcile } from './reconcile.ts';
import { aRun, aVote, opened, START } from './test-gate.ts';
import { assertVotesProtected } from './vote-protection.ts';

type Parts = { stored?: CustomRun | undefined; votes?: ApprovalVote[]; known?: ApprovalVote[]; conflicts?: number; protect?: () => Promise<void> };

/** A client that holds one CustomRun and the votes, and refuses the first writes as conflicts. */
function bench({ stored, votes = [], known = votes, conflicts = 0, protect = async () => undefined }: Parts) {
  const calls: string[] = [];
  const transitions: Transition[] = [];
  const statuses: unknown[] = [];
  let left = conflicts;
  const unused = async (): Promise<never> => {
    throw new Error('not expected');
  };
  const client: KubeClient = {
    create: unused,
    update: unused,
    watch: unused,
    async get({ plural }) {
      calls.push(`get ${plural}`);
      if (!stored) throw refusedError('KUBE_NOT_FOUND', 'gone');
      return stored as KubeObject;
    },
    async list(_resource, { select } = {}) {
      calls.push('list votes');
      return { items: votes.filter((vote) => !select || select(vote as KubeObject)) as KubeObject[], resourceVersion: '1' };
    },
    async patch(_resource, _place, patch: JsonPatch) {
      calls.push(`patch ${patch[0]?.value}`);
      if (!stored) throw refusedError('KUBE_NOT_FOUND', 'gone');
      left -= 1;
      if (left >= 0) throw refusedError('KUBE_CONFLICT', 'changed');
      statuses.push(patch[1]?.value);
      const resourceVersion = `${Number(patch[0]?.value) + 1}`;
      stored = { ...stored, metadata: { ...stored.metadata, resourceVersion }, status: patch[1]?.value } as CustomRun;
      return stored as KubeObject;
    },
  };
  const onWritten = async ({ transition }: { transition: Transition }): Promise<void> => void transitions.push(transition);
  const run = (from: CustomRun) => reconcile(from, { client, votesOn: () => known, assertVotesProtected: protect, now: () => START + 5000, onWritten });
  return { run, calls, transitions, statuses };
}

describe('reconcile', () => {
  test('writes, and goes on until there is nothing to write', async () => {
    const { run, calls, transitions } = bench({ stored: aRun(), votes: [aVote('alice', 'approve', 1), aVote('bob', 'approve', 2)] });
    expect(await run(aRun())).toEqual({});
    expect(transitions).toEqual(['opened', 'approved']);
    expect(calls).toEqual(['patch 1', 'list votes', 'patch 2']);
  });

  test('gives the time to look again', async () => {
    const run = aRun({ spec: { timeout: '1h' } });
    expect(await bench({ stored: run }).run(run)).toEqual({ requeueAt: START + 5000 + 3_600_000 });
  });

  test('reads the run again after a conflict, and decides on that', async () => {
    const old = opened(aRun());
    const now: CustomRun = { ...old, metadata: { ...old.metadata, resourceVersion: '7', generation: 2 }, spec: { ...old.spec, status: 'RunCancelled' } };
    const { run, calls, transitions } = bench({ stored: now, votes: [aVote('alice', 'approve')], conflicts: 1 });
    await run(old);
    expect(transitions).toEqual(['cancelled']);
    expect(calls).toEqual(['patch 1', 'get customruns', 'patch 7']);
  });

  test('gives up when every write is a conflict, to be tried later', async () => {
    const { run } = bench({ stored: aRun(), conflicts: 99 });
    await expect(run(aRun())).rejects.toMatchObject({ kind: 'transient', code: 'GATE_RESTLESS' });
  });

  test('lets a run go that is gone', async () => {
    const { run, transitions } = bench({ stored: undefined });
    expect(await run(aRun())).toEqual({});
    expect(transitions).toEqual([]);
  });

  test('decides by the votes that there are, not by those that the watch remembers', async () => {
    const gate = opened(aRun());
    const [alice, bob] = [aVote('alice', 'approve', 1), aVote('bob', 'approve', 2)];
    const withdrawn = bench({ stored: gate, votes: [alice], known: [alice, bob] });
    await expect(withdrawn.run(gate)).resolves.toEqual({});
    expect(withdrawn.transitions).toEqual(['counted']);
    const timed = opened(aRun({ spec: { timeout: '4s' } }));
    const late = bench({ stored: timed, votes: [alice, bob], known: [] });
    await late.run(timed);
    expect(late.transitions).toEqual(['approved']);
  });

  test('approves nothing that is not protected, and rejects and cancels all the same', async () => {
    const protect = async (): Promise<void> => {
      throw refusedError('VOTES_UNPROTECTED', 'no policy');
    };
    const gate = opened(aRun());
    const { run, statuses } = bench({ stored: gate, votes: [aVote('alice', 'approve'), aVote('bob', 'approve')], protect });
    await expect(run(gate)).rejects.toMatchObject({ code: 'VOTES_UNPROTECTED' });
    expect(statuses).toEqual([]);
    const rejected = bench({ stored: gate, votes: [aVote('alice', 'reject')], protect });
    await rejected.run(gate);
    expect(rejected.transitions).toEqual(['rejected']);
  });
});

describe('votes are protected', () => {
  const rule = { resources: ['approvalvotes'], operations: ['CREATE', 'UPDATE'] };
  const policy = { failurePolicy: 'Fail', matchConstraints: { resourceRules: [rule] }, validations: [{}] };
  const binding = { policyName: 'approval-gate-votes', validationActions: ['Deny'] };
  const clientOf = (specs: { policy?: object; binding?: object }): KubeClient =>
    ({
      async get({ plural }: { plural: string }) {
        const spec = plural.endsWith('bindings') ? specs.binding : specs.policy;
        if (!spec) throw refusedError('KUBE_NOT_FOUND', 'gone');
        return { metadata: { name: 'x' }, spec };
      },
    }) as unknown as KubeClient;

  test('by a policy that fails closed and a binding that denies', async () => {
    await expect(assertVotesProtected(clientOf({ policy, binding }))).resolves.toBeUndefined();
    await expect(assertVotesProtected(clientOf({ policy, binding: { ...binding, validationActions: ['Audit', 'Deny'] } }))).resolves.toBeUndefined();
  });

  test.each([
    ['without the policy', { binding }],
    ['without the binding', { policy }],
    ['by a policy that fails open', { policy: { ...policy, failurePolicy: 'Ignore' }, binding }],
    ['by a policy that checks nothing', { policy: { ...policy, validations: [] }, binding }],
    ['by a policy that is asked under conditions', { policy: { ...policy, matchConditions: [{}] }, binding }],
    ['by a policy for other objects', { policy: { ...policy, matchConstraints: { resourceRules: [{ ...rule, resources: ['pods'] }] } }, binding }],
    ['by a policy for updates alone', { policy: { ...policy, matchConstraints: { resourceRules: [{ ...rule, operations: ['UPDATE'] }] } }, binding }],
    ['by a binding that warns', { policy, binding: { ...binding, validationActions: ['Warn'] } }],
    ['by a binding of another policy', { policy, binding: { ...binding, policyName: 'other' } }],
    ['by a binding for some namespaces', { policy, binding: { ...binding, matchResources: { namespaceSelector: { matchLabels: { a: 'b' } } } } }],
  ])('not %s', async (_what, specs) => {
    await expect(assertVotesProtected(clientOf(specs))).rejects.toMatchObject({ kind: 'refused', code: 'VOTES_UNPROTECTED' });
  });
});
