// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  createGate,
  type Gate,
  type GateCluster,
  inlineGate,
  MANIFESTS,
  manifestNames,
  NAMESPACE,
  startGateCluster,
  vote,
  voteObject,
} from './gate-cluster.ts';

let cluster: GateCluster;
let gate: Gate;

beforeAll(async () => {
  cluster = await startGateCluster();
  gate = await createGate(cluster, 'guarded', inlineGate({ rules: [{ name: 'a', users: ['alice'] }] }));
});
afterAll(() => cluster?.stop());

const votes = async (): Promise<string> => (await cluster.api.kubectl(['get', 'approvalvotes', '-n', NAMESPACE, '-o', 'name'])).stdout;

describe('manifests', () => {
  test.each(manifestNames())('%s is taken by the API server as it is, with strict validation', async (name) => {
    const { code, stderr } = await cluster.api.kubectl(['apply', '--dry-run=server', '--validate=strict', '-f', `${MANIFESTS}/${name}`]);
    expect(stderr).not.toMatch(/unknown field|Warning/);
    expect(code).toBe(0);
  });

  test('both kinds explain themselves', async () => {
    expect((await cluster.api.kubectl(['explain', 'approvalgate.spec.rules'])).stdout).toContain('A person who falls under several rules');
    expect((await cluster.api.kubectl(['explain', 'approvalvote.spec.gateRef.attempt'])).stdout).toContain('status.retriesStatus');
  });

  test.each([
    ['a rule for nobody', { rules: [{ name: 'a' }] }, 'a rule names users, groups or both'],
    ['more than possible', { rules: [{ name: 'a', users: ['x'], count: 2 }] }, 'count is more than the rule has users'],
    [
      'two rules of one name',
      {
        rules: [
          { name: 'a', users: ['x'] },
          { name: 'a', users: ['y'] },
        ],
      },
      'Duplicate value',
    ],
    ['an unknown decision', { rules: [{ name: 'a', users: ['x'] }], commentRequired: ['maybe'] }, 'Unsupported value'],
    ['a misspelt field', { rules: [{ name: 'a', users: ['x'] }], excludeRequestor: true }, 'unknown field'],
    ['no rules', { rules: [] }, 'should have at least 1 items'],
  ])('an ApprovalGate with %s is refused', async (_what, spec, message) => {
    const object = { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', metadata: { name: 'bad', namespace: NAMESPACE }, spec };
    const { code, stderr } = await cluster.api.kubectl(['create', '--validate=strict', '-f', '-'], JSON.stringify(object));
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });
});

describe('the API server', () => {
  test('takes a vote in the own name, with own groups or fewer', async () => {
    expect(await vote(cluster, gate, 'alice', 'approve', { groups: ['dev'] })).toMatchObject({ code: 0 });
    expect(await vote(cluster, gate, 'bob', 'approve', { groups: [] })).toMatchObject({ code: 0 });
  });

  test.each([
    ['in the name of somebody else', { user: 'alice' }, 'spec.user must be the user who votes, mallory'],
    ['for a group of others', { groups: ['security'] }, 'spec.groups may hold only groups of the user who votes'],
    ['for one of the own and one of others', { groups: ['dev', 'security'] }, 'spec.groups may hold only groups of the user who votes'],
    ['without a user', { user: '' }, 'spec.user'],
    ['with an endless comment', { comment: 'x'.repeat(1025) }, 'Too long'],
  ])('refuses a vote %s', async (_what, parts, message) => {
    const before = await votes();
    const { code, stderr } = await vote(cluster, gate, 'mallory', 'approve', parts);
    expect(code).toBe(1);
    expect(stderr).toContain(message);
    expect(await votes()).toBe(before);
  });

  test('refuses a vote of the cluster admin in another name', async () => {
    const { code, stderr } = await cluster.api.kubectl(
      ['create', '-f', '-'],
      JSON.stringify(voteObject({ customRun: gate.name, uid: gate.uid, user: 'alice', decision: 'approve' })),
    );
    expect(code).toBe(1);
    expect(stderr).toContain('spec.user must be the user who votes, admin');
  });

  test('refuses a vote without the right to vote', async () => {
    const { code, stderr } = await vote(cluster, gate, 'carol', 'approve');
    expect(code).toBe(1);
    expect(stderr).toContain('cannot create resource "approvalvotes"');
  });

  test.each([
    ['the decision', '{"spec":{"decision":"reject"}}'],
    ['the comment', '{"spec":{"comment":"other"}}'],
    ['a label', '{"metadata":{"labels":{"a":"b"}}}'],
    ['an owner that is gone', '{"metadata":{"ownerReferences":[{"apiVersion":"v1","kind":"ConfigMap","name":"x","uid":"y"}]}}'],
  ])('refuses an edit of %s, also by the cluster admin', async (_what, patch) => {
    const name = (await cluster.api.kubectl(['get', 'approvalvotes', '-n', NAMESPACE, '-o', 'jsonpath={.items[?(@.spec.user=="alice")].metadata.name}']))
      .stdout;
    const { code, stderr } = await cluster.api.kubectl(['patch', 'approvalvote', name, '-n', NAMESPACE, '--type=merge', '-p', patch]);
    expect(code).toBe(1);
    expect(stderr).toContain('a vote cannot be changed');
  });

  test('lets the voter withdraw a vote, and nobody else', async () => {
    const vote_ = voteObject({ customRun: gate.name, uid: gate.uid, user: 'alice', decision: 'approve', name: 'mine' });
    expect(await cluster.as('alice', ['create', '-f', '-'], JSON.stringify(vote_))).toMatchObject({ code: 0 });
    for (const other of [
      cluster.as('bob', ['delete', 'approvalvote', 'mine', '-n', NAMESPACE]),
      cluster.api.kubectl(['delete', 'approvalvote', 'mine', '-n', NAMESPACE]),
    ]) {
      const { code, stderr } = await other;
      expect(code).toBe(1);
      expect(stderr).toContain('withdrawn by the user who cast it');
    }
    expect(await cluster.as('alice', ['delete', 'approvalvote', 'mine', '-n', NAMESPACE])).toMatchObject({ code: 0 });
  });

  test('lets the garbage collector take votes along with their gate', async () => {
    const collector = '--as=system:serviceaccount:kube-system:generic-garbage-collector';
    await cluster.apply({
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'ClusterRoleBinding',
      metadata: { name: 'collector' },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'cluster-admin' },
      subjects: [{ kind: 'ServiceAccount', name: 'generic-garbage-collector', namespace: 'kube-system' }],
    });
    const { code, stderr } = await cluster.api.kubectl([collector, 'delete', 'approvalvotes', '--all', '-n', NAMESPACE]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
  });
});
