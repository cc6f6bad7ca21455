// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import {
  type Controller,
  createGate,
  type GateCluster,
  inlineGate,
  NAMESPACE,
  reached,
  resultsOf,
  startController,
  startGateCluster,
  statusOf,
  until,
  vote,
} from './gate-cluster.ts';

const FAST = ['--lease-duration=4s', '--renew-deadline=3s', '--retry-period=500ms'];
const TWO = { rules: [{ name: 'release', users: ['alice', 'bob'], groups: ['security'], count: 2 }] };
const ONE = { rules: [{ name: 'release', users: ['alice'] }] };

let cluster: GateCluster;
let controller: Controller;

beforeAll(async () => {
  cluster = await startGateCluster();
  controller = await startController(cluster, 'gate-0', FAST);
});
afterAll(async () => {
  await controller?.stop();
  await cluster?.stop();
});

const patchRun = (name: string, spec: object) =>
  cluster.api.kubectl(['patch', 'customrun', name, '-n', NAMESPACE, '--type=merge', '-p', JSON.stringify({ spec })]);

describe('a gate', () => {
  test('opens, counts votes and lets the run go on, with results and Events', async () => {
    const gate = await createGate(cluster, 'approved', inlineGate(TWO, { params: [{ name: 'requester', value: 'carol' }] }));
    expect(await reached(cluster, gate, 'Started')).toMatchObject({ observedGeneration: 1, conditions: [{ status: 'Unknown' }] });
    await vote(cluster, gate, 'alice', 'approve', { comment: 'fine' });
    const running = await reached(cluster, gate, 'Running');
    expect(running.conditions[0]?.message).toBe('waiting for approval: release 1/2');
    await vote(cluster, gate, 'mallory', 'approve');
    await until('the vote of mallory is seen', async () =>
      (await statusOf(cluster, gate))?.extraFields?.approvalGate?.ignoredVotes.length === 1 ? true : undefined,
    );
    await vote(cluster, gate, 'dave', 'approve', { groups: ['security'] });
    const done = await reached(cluster, gate, 'Approved');
    expect(done.conditions).toMatchObject([{ type: 'Succeeded', status: 'True', message: expect.stringMatching(/^approved by (alice, dave|dave, alice)$/) }]);
    expect(resultsOf(done)).toMatchObject({
      decision: 'approved',
      approvers: expect.stringMatching(/^(alice, dave|dave, alice)$/),
      comments: 'alice: fine',
      requester: 'carol',
      'rejected-by': '',
    });
    expect(done.completionTime).toBeDefined();
    const reasons = await until('all events are there', async () => {
      const found = (
        await cluster.api.kubectl(['get', 'events', '-n', NAMESPACE, `--field-selector=involvedObject.name=${gate.name}`, '-o', 'jsonpath={.items[*].reason}'])
      ).stdout.split(' ');
      return found.includes('GateApproved') ? found : undefined;
    });
    expect(reasons.sort()).toEqual(['GateApproved', 'GateOpened', 'VoteCounted', 'VoteIgnored']);
  });

  test('is closed by a rejection, for good', async () => {
    const gate = await createGate(cluster, 'rejected', inlineGate(TWO, { retries: 2, timeout: '1h' }));
    await reached(cluster, gate, 'Started');
    await vote(cluster, gate, 'bob', 'reject', { comment: 'no change log' });
    const done = await reached(cluster, gate, 'Rejected');
    expect(done.conditions).toMatchObject([{ status: 'False', message: 'rejected by bob: no change log' }]);
    expect(resultsOf(done)).toMatchObject({ decision: 'rejected', 'rejected-by': 'bob' });
    await vote(cluster, gate, 'alice', 'approve');
    await patchRun(gate.name, { status: 'RunCancelled' });
    await sleep(500);
    expect(await statusOf(cluster, gate)).toEqual(done);
  });

  test('is cancelled with the message of the run', async () => {
    const gate = await createGate(cluster, 'cancelled', inlineGate(TWO));
    await reached(cluster, gate, 'Started');
    const statusMessage = 'CustomRun cancelled as the PipelineRun it belongs to has timed out.';
    await patchRun(gate.name, { status: 'RunCancelled', statusMessage });
    const done = await reached(cluster, gate, 'CustomRunCancelled');
    expect(done.conditions).toMatchObject([{ status: 'False', message: statusMessage }]);
    expect(done.observedGeneration).toBe(2);
    expect(resultsOf(done)).toMatchObject({ decision: 'cancelled' });
  });

  test.each([
    ['nil', {}],
    ['0', { timeout: '0s' }],
  ])('with time-out %s stays open', async (name, spec) => {
    const gate = await createGate(cluster, `no-end-${name}`, inlineGate(ONE, spec));
    await reached(cluster, gate, 'Started');
    await sleep(2500);
    expect((await statusOf(cluster, gate))?.conditions[0]?.status).toBe('Unknown');
    await vote(cluster, gate, 'alice', 'approve');
    await reached(cluster, gate, 'Approved');
  });

  test('times out, with the reason that Tekton looks for', async () => {
    const gate = await createGate(cluster, 'timed-out', inlineGate(ONE, { timeout: '2s' }));
    const done = await reached(cluster, gate, 'CustomRunTimedOut');
    expect(done.conditions[0]?.message).toBe('nobody decided within 2s: release 0/1');
    expect(resultsOf(done)).toMatchObject({ decision: 'timed-out', approvers: '' });
  });

  test('opens again after a time-out, with a clean sheet, and Tekton takes the history', async () => {
    const gate = await createGate(cluster, 'retried', inlineGate(TWO, { timeout: '4s', retries: 1 }));
    await reached(cluster, gate, 'Started');
    await vote(cluster, gate, 'alice', 'approve');
    const again = await reached(cluster, gate, 'Retrying');
    expect(again).toMatchObject({
      retriesStatus: [{ conditions: [{ status: 'False', reason: 'CustomRunTimedOut' }], results: expect.any(Array) }],
      extraFields: { approvalGate: { attempt: 2 } },
    });
    expect(again.results).toBeUndefined();
    expect(again.completionTime).toBeUndefined();
    await vote(cluster, gate, 'bob', 'approve', { attempt: 2 });
    await reached(cluster, gate, 'Running');
    await vote(cluster, gate, 'alice', 'approve', { attempt: 2 });
    expect(resultsOf(await reached(cluster, gate, 'Approved'))).toMatchObject({ approvers: expect.stringMatching(/^(bob, alice|alice, bob)$/) });
  });

  test('takes its policy from an ApprovalGate as it was at opening', async () => {
    const policy = (user: string) => ({
      apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1',
      kind: 'ApprovalGate',
      metadata: { name: 'production', namespace: NAMESPACE },
      spec: { rules: [{ name: 'owner', users: [user] }] },
    });
    await cluster.apply(policy('alice'));
    const gate = await createGate(cluster, 'named', {
      customRef: { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', name: 'production' },
    });
    await reached(cluster, gate, 'Started');
    await cluster.apply(policy('mallory'));
    await vote(cluster, gate, 'mallory', 'approve');
    const seen = await until('the edit is reported', async () => {
      const state = (await statusOf(cluster, gate))?.extraFields?.approvalGate;
      return state && state.ignoredEdits.length > 0 ? state : undefined;
    });
    expect(seen).toMatchObject({ ignoredVotes: [{ user: 'mallory' }], ignoredEdits: expect.arrayContaining(['the policy was changed after the gate opened']) });
    await vote(cluster, gate, 'alice', 'approve');
    await reached(cluster, gate, 'Approved');
  });

  test.each([
    [
      'a named gate that is not there',
      { customRef: { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', name: 'nowhere' } },
      'GateNotFound',
    ],
    ['an unknown param', inlineGate(ONE, { params: [{ name: 'approvers', value: ['a'] }] }), 'ParamsInvalid'],
    ['a workspace', inlineGate(ONE, { workspaces: [{ name: 'w', emptyDir: {} }] }), 'CustomRunWorkspaceNotSupported'],
    ['an empty policy', inlineGate({}), 'PolicyInvalid'],
  ])('with %s fails before it opens', async (_what, spec, reason) => {
    const gate = await createGate(cluster, `bad-${reason.toLowerCase()}`, spec);
    expect(await reached(cluster, gate, reason)).toMatchObject({ conditions: [{ status: 'False' }] });
  });

  test('of another custom task is left alone', async () => {
    const gate = await createGate(cluster, 'foreign', { customRef: { apiVersion: 'wait.testing.tekton.dev/v1', kind: 'Wait' } });
    await sleep(700);
    expect(await statusOf(cluster, gate)).toBeUndefined();
  });

  test('is not approved while nothing protects votes, and is as soon as it does', async () => {
    const gate = await createGate(cluster, 'unprotected', inlineGate(ONE));
    await reached(cluster, gate, 'Started');
    await cluster.api.kubectl([
      'patch',
      'validatingadmissionpolicybinding',
      'approval-gate-votes',
      '--type=merge',
      '-p',
      '{"spec":{"validationActions":["Audit"]}}',
    ]);
    await vote(cluster, gate, 'alice', 'approve');
    await until('the controller complains', async () => (controller.logText().includes('VOTES_UNPROTECTED') ? true : undefined));
    expect((await statusOf(cluster, gate))?.conditions[0]?.status).toBe('Unknown');
    await cluster.api.kubectl([
      'patch',
      'validatingadmissionpolicybinding',
      'approval-gate-votes',
      '--type=merge',
      '-p',
      '{"spec":{"validationActions":["Deny"]}}',
    ]);
    await reached(cluster, gate, 'Approved', 20_000);
  });
});

describe('replicas', () => {
  test('a controller that is killed loses nothing: votes, time-outs and cancels of the meantime count', async () => {
    const voted = await createGate(cluster, 'voted-while-down', inlineGate(TWO, { timeout: '5s' }));
    const timed = await createGate(cluster, 'timed-while-down', inlineGate(TWO, { timeout: '3s' }));
    const cut = await createGate(cluster, 'cut-while-down', inlineGate(TWO));
    for (const gate of [voted, timed, cut]) await reached(cluster, gate, 'Started');
    await controller.stop(0);
    await vote(cluster, voted, 'alice', 'approve');
    await vote(cluster, voted, 'bob', 'approve');
    await patchRun(cut.name, { status: 'RunCancelled' });
    await sleep(5500);
    controller = await startController(cluster, 'gate-1', FAST);
    await reached(cluster, voted, 'Approved', 15_000);
    await reached(cluster, timed, 'CustomRunTimedOut');
    await reached(cluster, cut, 'CustomRunCancelled');
  });

  test('one decides, the other stands by and takes over at once when the first is asked to go', async () => {
    const second = await startController(cluster, 'gate-2', FAST);
    const holder = async () =>
      (await cluster.api.kubectl(['get', 'lease', 'approval-gate', '-n', 'approval-gate', '-o', 'jsonpath={.spec.holderIdentity}'])).stdout;
    try {
      expect(await holder()).toBe('gate-1');
      expect(second.logText()).not.toContain('holds the lease');
      await controller.stop(5000);
      expect(controller.ended()).toBe('exit code 0');
      await until('gate-2 holds the lease', async () => ((await holder()) === 'gate-2' ? true : undefined), 3000);
      const gate = await createGate(cluster, 'taken-over', inlineGate(ONE));
      await reached(cluster, gate, 'Started');
    } finally {
      controller = second;
    }
  });

  test('whoever loses the lease ends at once', async () => {
    const lease = { spec: { holderIdentity: 'somebody-else', leaseDurationSeconds: 3600, renewTime: new Date().toISOString().replace('Z', '000Z') } };
    await cluster.api.kubectl(['patch', 'lease', 'approval-gate', '-n', 'approval-gate', '--type=merge', '-p', JSON.stringify(lease)]);
    expect(await until('it ends', async () => controller.ended())).toBe('exit code 75');
    await cluster.api.kubectl(['delete', 'lease', 'approval-gate', '-n', 'approval-gate']);
    controller = await startController(cluster, 'gate-3', FAST);
  });

  test('metrics say what happened', async () => {
    await createGate(cluster, 'measured', inlineGate(ONE));
    const text = await until('a gate is open', async () => {
      const answer = await (await fetch(`http://127.0.0.1:${controller.port}/metrics`)).text();
      return /^approval_gate_open_gates [1-9]/m.test(answer) ? answer : undefined;
    });
    expect(text).toMatch(/^approval_gate_leader 1$/m);
    expect(text).toMatch(/^approval_gate_reconcile_seconds_count [1-9]/m);
  });
});
