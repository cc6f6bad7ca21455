// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { REQUESTER_ANNOTATION } from '../../services/approval-gate/api.ts';
import type { HostProcess } from '../cluster/host-process.ts';
import { type Controller, type Gate, type GateCluster, NAMESPACE, reached, resultsOf, startController, startGateCluster, until, vote } from './gate-cluster.ts';
import { pipelineRunReached, readPipelineRun, startTektonController } from './tekton-controller.ts';

const RULE = { rules: [{ name: 'release', users: ['alice', 'bob'] }] };
const gateSpec = (spec: object = RULE) => ({ apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', spec });

let cluster: GateCluster;
let controller: Controller;
let tekton: HostProcess;

beforeAll(async () => {
  cluster = await startGateCluster();
  tekton = await startTektonController(cluster);
  controller = await startController(cluster, 'gate-0', ['--lease-duration=4s', '--renew-deadline=3s', '--retry-period=500ms']);
});
afterAll(async () => {
  await controller?.stop();
  await tekton?.stop();
  await cluster?.stop();
});

async function startRun(name: string, pipelineSpec: object, more: object = {}, annotations: object = {}): Promise<void> {
  await cluster.apply({
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { name, namespace: NAMESPACE, annotations },
    spec: { pipelineSpec, ...more },
  });
}

/** The CustomRun that Tekton made for a task of a run. */
async function gateOf(run: string, task: string): Promise<Gate> {
  return until(
    `${run} has a CustomRun for ${task}`,
    async () => {
      if (tekton.ended() !== undefined)
        throw new Error(`Tekton's controller ended: ${tekton.ended()} ${readFileSync(join(cluster.dir, 'tekton-controller.log'), 'utf8').slice(-2000)}`);
      const child = (await readPipelineRun(cluster, NAMESPACE, run)).status?.childReferences?.find(({ pipelineTaskName }) => pipelineTaskName === task);
      if (!child) return undefined;
      const uid = (await cluster.api.kubectl(['get', 'customrun', child.name, '-n', NAMESPACE, '-o', 'jsonpath={.metadata.uid}'])).stdout;
      return { name: child.name, uid };
    },
    30_000,
  );
}

describe("a PipelineRun of Tekton's own controller", () => {
  test('waits for the gate, then goes on with its results', async () => {
    await startRun('goes-on', {
      tasks: [
        { name: 'gate', taskSpec: gateSpec() },
        { name: 'next', params: [{ name: 'description', value: '$(tasks.gate.results.decision) by $(tasks.gate.results.approvers)' }], taskSpec: gateSpec() },
      ],
      results: [
        { name: 'decision', value: '$(tasks.gate.results.decision)' },
        { name: 'who', value: '$(tasks.next.results.approvers)' },
      ],
    });
    const gate = await gateOf('goes-on', 'gate');
    await reached(cluster, gate, 'Started');
    expect((await readPipelineRun(cluster, NAMESPACE, 'goes-on')).status?.childReferences).toHaveLength(1);
    await vote(cluster, gate, 'alice', 'approve');
    await reached(cluster, gate, 'Approved');
    const next = await gateOf('goes-on', 'next');
    expect((await reached(cluster, next, 'Started')).extraFields?.approvalGate).toMatchObject({ description: 'approved by alice' });
    await vote(cluster, next, 'bob', 'approve');
    const done = await pipelineRunReached(cluster, NAMESPACE, 'goes-on', 'True');
    expect(done.status?.results).toEqual([
      { name: 'decision', value: 'approved' },
      { name: 'who', value: 'bob' },
    ]);
  });

  test('fails on a rejection, and finally tasks read the results', async () => {
    await startRun('is-rejected', {
      tasks: [{ name: 'gate', taskSpec: gateSpec() }],
      finally: [
        { name: 'tell', params: [{ name: 'description', value: '$(tasks.gate.results.decision): $(tasks.gate.results.comments)' }], taskSpec: gateSpec() },
      ],
    });
    const gate = await gateOf('is-rejected', 'gate');
    await reached(cluster, gate, 'Started');
    await vote(cluster, gate, 'bob', 'reject', { comment: '["not", "an array"]' });
    const tell = await gateOf('is-rejected', 'tell');
    expect((await reached(cluster, tell, 'Started')).extraFields?.approvalGate).toMatchObject({ description: 'rejected: bob: ["not", "an array"]' });
    await vote(cluster, tell, 'alice', 'approve');
    const done = await pipelineRunReached(cluster, NAMESPACE, 'is-rejected', 'False');
    expect(done.status?.conditions?.[0]).toMatchObject({ reason: 'Failed' });
  });

  test('that is cancelled cancels the gate, and counts as cancelled', async () => {
    await startRun('is-cancelled', { tasks: [{ name: 'gate', taskSpec: gateSpec() }] });
    const gate = await gateOf('is-cancelled', 'gate');
    await reached(cluster, gate, 'Started');
    await cluster.api.kubectl(['patch', 'pipelinerun', 'is-cancelled', '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"status":"CancelledRunFinally"}}']);
    const status = await reached(cluster, gate, 'CustomRunCancelled');
    expect(resultsOf(status)).toMatchObject({ decision: 'cancelled' });
    const done = await pipelineRunReached(cluster, NAMESPACE, 'is-cancelled', 'False');
    expect(done.status?.conditions?.[0]?.reason).toBe('Cancelled');
  });

  test('of which the gate alone is cancelled counts as cancelled, because of the exact reason', async () => {
    await startRun('gate-cancelled', { tasks: [{ name: 'gate', taskSpec: gateSpec() }] });
    const gate = await gateOf('gate-cancelled', 'gate');
    await reached(cluster, gate, 'Started');
    await cluster.api.kubectl(['patch', 'customrun', gate.name, '-n', NAMESPACE, '--type=merge', '-p', '{"spec":{"status":"RunCancelled"}}']);
    const done = await pipelineRunReached(cluster, NAMESPACE, 'gate-cancelled', 'False');
    expect(done.status?.conditions?.[0]?.reason).toBe('Cancelled');
  });

  test('that times out takes the gate along, with the message of the time-out', async () => {
    await startRun('runs-out', { tasks: [{ name: 'gate', taskSpec: gateSpec() }] }, { timeouts: { pipeline: '5s' } });
    const gate = await gateOf('runs-out', 'gate');
    const status = await reached(cluster, gate, 'CustomRunCancelled', 20_000);
    expect(status.conditions[0]?.message).toBe('CustomRun cancelled as the PipelineRun it belongs to has timed out.');
    const done = await pipelineRunReached(cluster, NAMESPACE, 'runs-out', 'False');
    expect(done.status?.conditions?.[0]?.reason).toBe('PipelineRunTimeout');
  });

  test('waits through the retries of the gate, and can branch on its end', async () => {
    await startRun('branches', {
      tasks: [
        { name: 'retried', timeout: '2s', retries: 1, taskSpec: gateSpec() },
        { name: 'gate', timeout: '2s', onError: 'continue', taskSpec: gateSpec() },
        { name: 'late', when: [{ input: '$(tasks.gate.results.decision)', operator: 'in', values: ['timed-out'] }], taskSpec: gateSpec() },
      ],
    });
    const late = await gateOf('branches', 'late');
    await reached(cluster, late, 'Started');
    await vote(cluster, late, 'alice', 'approve');
    const retried = await gateOf('branches', 'retried');
    expect((await reached(cluster, retried, 'CustomRunTimedOut', 20_000)).retriesStatus).toHaveLength(1);
    const done = await pipelineRunReached(cluster, NAMESPACE, 'branches', 'False');
    expect(done.status?.conditions?.[0]?.message).toContain('Failed: 2 (Ignored: 1)');
  });

  test('hands its annotation on, so that its requester cannot approve', async () => {
    await startRun(
      'own-request',
      { tasks: [{ name: 'gate', taskSpec: gateSpec({ ...RULE, excludeRequester: true }) }] },
      {},
      { [REQUESTER_ANNOTATION]: 'alice' },
    );
    const gate = await gateOf('own-request', 'gate');
    await reached(cluster, gate, 'Started');
    await vote(cluster, gate, 'alice', 'approve');
    await vote(cluster, gate, 'bob', 'approve');
    const done = await reached(cluster, gate, 'Approved');
    expect(resultsOf(done)).toMatchObject({ approvers: 'bob', requester: 'alice' });
  });
});
