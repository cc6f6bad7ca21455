// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { CommandResult } from '../../cosign/run-command.ts';
import { type Approver, vote } from './approver.ts';
import { type GatedRun, type GateScene, gateIn, MALLORY, openGateScene, reasonOf, resultsOf, stateOf } from './gate-scene.ts';
import { kubectl } from './install-as-admin.ts';
import type { RunEnd } from './tekton-run.ts';

/** The deployment of the gate. */
const GATE = ['-n', 'approval-gate'];
const PODS = ['-l', 'app.kubernetes.io/name=approval-gate', ...GATE];
/** A gate that opens at once is as good, and costs no pod. */
const AT_ONCE = { before: false } as const;

const RUNS = {
  approved: {},
  rejected: {},
  'gate-times-out': { ...AT_ONCE, gateTimeout: '10s' },
  'tasks-time-out': { ...AT_ONCE, timeouts: { pipeline: '10m', tasks: '40s' } },
  'run-times-out': { ...AT_ONCE, timeouts: { pipeline: '40s' } },
  cancelled: {},
  'cancelled-finally': {},
  'stopped-finally': {},
  'gate-cancelled': AT_ONCE,
  deleted: { ...AT_ONCE, gate: 'both' },
  forged: AT_ONCE,
  'own-request': AT_ONCE,
  'leader-killed': AT_ONCE,
  'approved-meanwhile': AT_ONCE,
  'rejected-meanwhile': AT_ONCE,
  'cancelled-meanwhile': AT_ONCE,
} as const satisfies Record<string, GatedRun>;
type Run = keyof typeof RUNS;

let scene: GateScene;

beforeAll(async () => {
  scene = await openGateScene(({ owner }) => ({ ...RUNS, 'own-request': { ...RUNS['own-request'], requester: owner.user } }));
});

afterAll(async () => {
  // Whatever a failed test has left.
  await scene?.suite.bed.kubectl(['scale', 'deployment/approval-gate', ...GATE, '--replicas=2']);
  await scene?.close();
});

/** Votes by the command line; the vote has to be taken. */
async function decide(who: Approver, decision: 'approve' | 'reject', run: Run, comment = ''): Promise<void> {
  const { metadata } = await scene.open(run);
  const { code, stderr } = await vote(who, decision, metadata.name, comment);
  expect({ code, stderr }).toEqual({ code: 0, stderr: '' });
}

async function patchRun(run: Run, status: 'Cancelled' | 'CancelledRunFinally' | 'StoppedRunFinally'): Promise<void> {
  const patch = JSON.stringify({ spec: { status } });
  await kubectl(scene.suite.bed, ['patch', 'pipelinerun', run, '-n', scene.team.namespace, '--type=merge', '-p', patch]);
}

/** Names of the TaskRuns that ran, in the order of the Pipeline. */
function ran(end: RunEnd): string[] {
  const order = ['before', 'after', 'tell'];
  return end.tasks.map(({ task }) => task).sort((a, b) => order.indexOf(a) - order.indexOf(b));
}

/** What the finally task was told. */
async function told(run: Run): Promise<Record<string, unknown>> {
  const { taskRuns } = await scene.mirror.now();
  const tell = taskRuns.find(({ metadata }) => metadata.labels?.['tekton.dev/pipelineRun'] === run && metadata.labels['tekton.dev/pipelineTask'] === 'tell');
  return Object.fromEntries((tell?.spec.params ?? []).map(({ name, value }) => [name, value]));
}

type Expected = { reason: string; ran: string[]; gate: string; decision: string; told?: string };

/** How run and gate ended, and whether the finally task ran and was told. */
async function expectEnd(run: Run, expected: Expected): Promise<RunEnd> {
  const end = await scene.ended(run);
  const gate = await scene.closed(run);
  const actual = { reason: end.reason, ran: ran(end), gate: reasonOf(gate), decision: resultsOf(gate)['decision'] };
  const { told: status, ...rest } = expected;
  expect(actual, await scene.explain(run)).toEqual(rest);
  expect(await told(run)).toEqual(status === undefined ? {} : { status, decision: expected.decision });
  return end;
}

describe.concurrent('a PipelineRun waits for its gate', () => {
  test('and goes on when it is approved', async () => {
    const early = (await scene.open('approved')).metadata;
    expect(early.labels).toMatchObject({ 'tekton.dev/pipelineTask': 'gate' });
    await decide(scene.owner, 'approve', 'approved', 'change log read');
    const end = await expectEnd('approved', {
      reason: 'Succeeded',
      ran: ['before', 'after', 'tell'],
      gate: 'Approved',
      decision: 'approved',
      told: 'Succeeded',
    });
    expect(end.results).toEqual({ decision: 'approved', approvers: scene.owner.user });
  });

  test('and fails when it is rejected', async () => {
    await decide(scene.deputy, 'reject', 'rejected', 'not on a Friday');
    await expectEnd('rejected', { reason: 'Failed', ran: ['before', 'tell'], gate: 'Rejected', decision: 'rejected', told: 'Failed' });
    expect(resultsOf(await scene.closed('rejected'))).toMatchObject({ 'rejected-by': scene.deputy.user, comments: expect.stringContaining('Friday') });
  });

  test('and is cancelled with it: spec.status Cancelled', async () => {
    await scene.open('cancelled');
    await patchRun('cancelled', 'Cancelled');
    await expectEnd('cancelled', { reason: 'Cancelled', ran: ['before'], gate: 'CustomRunCancelled', decision: 'cancelled' });
  });

  test('and is cancelled with it, then runs finally: CancelledRunFinally', async () => {
    await scene.open('cancelled-finally');
    await patchRun('cancelled-finally', 'CancelledRunFinally');
    await expectEnd('cancelled-finally', {
      reason: 'Cancelled',
      ran: ['before', 'tell'],
      gate: 'CustomRunCancelled',
      decision: 'cancelled',
      told: 'Failed',
    });
  });

  test('and waits on although it is to stop: StoppedRunFinally', async () => {
    await scene.open('stopped-finally');
    await patchRun('stopped-finally', 'StoppedRunFinally');
    // Tekton 1.15 goes on to say Running, and fails to reconcile the run until the gate has ended: what tells is that `after` does not run.
    await decide(scene.owner, 'approve', 'stopped-finally');
    await expectEnd('stopped-finally', { reason: 'Cancelled', ran: ['before', 'tell'], gate: 'Approved', decision: 'approved', told: 'Succeeded' });
  });

  test('and counts as cancelled when the gate alone is', async () => {
    const { metadata } = await scene.open('gate-cancelled');
    const patch = '{"spec":{"status":"RunCancelled"}}';
    await kubectl(scene.suite.bed, ['patch', 'customrun', metadata.name, '-n', scene.team.namespace, '--type=merge', '-p', patch]);
    await expectEnd('gate-cancelled', { reason: 'Cancelled', ran: ['tell'], gate: 'CustomRunCancelled', decision: 'cancelled', told: 'Failed' });
  });

  test('and takes gate and votes along when it is deleted', async () => {
    await decide(scene.owner, 'approve', 'deleted');
    const { metadata } = await scene.mirror.until('the vote for deleted is counted', (seen) => {
      const gate = gateIn(seen, 'deleted');
      return gate && reasonOf(gate) === 'Running' ? gate : undefined;
    });
    const votesFor = (name: string, votes: readonly { metadata: { name: string } }[]) => votes.filter((one) => one.metadata.name.startsWith(`${name}-`));
    expect(votesFor(metadata.name, (await scene.mirror.now()).votes)).toHaveLength(1);
    await kubectl(scene.suite.bed, ['delete', 'pipelinerun', 'deleted', '-n', scene.team.namespace, '--wait=false']);
    await scene.mirror.until('gate and vote of deleted are gone', (seen) =>
      gateIn(seen, 'deleted') === undefined && votesFor(metadata.name, seen.votes).length === 0 ? true : undefined,
    );
  });

  test('and fails when nobody decides in the time of the gate', async () => {
    await expectEnd('gate-times-out', { reason: 'Failed', ran: ['tell'], gate: 'CustomRunTimedOut', decision: 'timed-out', told: 'Failed' });
  });

  test('and times out with the tasks of the run, then runs finally', async () => {
    await expectEnd('tasks-time-out', {
      reason: 'PipelineRunTimeout',
      ran: ['tell'],
      gate: 'CustomRunCancelled',
      decision: 'cancelled',
      told: 'Failed',
    });
  });

  test('and times out with the run, which runs nothing any more', async () => {
    await expectEnd('run-times-out', { reason: 'PipelineRunTimeout', ran: [], gate: 'CustomRunCancelled', decision: 'cancelled' });
  });
});

/** A vote as kubectl sends it, as somebody whom the admin plays. */
async function voteAs(who: string, run: Run, spec: { user: string; groups?: string[] }): Promise<CommandResult> {
  const { name, uid, namespace } = (await scene.open(run)).metadata;
  const ballot = {
    apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1',
    kind: 'ApprovalVote',
    metadata: { generateName: `${name}-`, namespace },
    spec: { gateRef: { customRun: name, uid }, decision: 'approve', ...spec },
  };
  const groups = who.startsWith('system:serviceaccount:') ? ['system:serviceaccounts', 'system:authenticated'] : ['system:authenticated'];
  return scene.suite.bed.kubectl([`--as=${who}`, ...groups.map((group) => `--as-group=${group}`), 'create', '-f', '-'], JSON.stringify(ballot));
}

describe.concurrent('a vote', () => {
  test.each([
    ['in the name of an approver', MALLORY, () => ({ user: scene.owner.user }), 'spec.user must be the user who votes, mallory@example.com'],
    ['for groups of others', MALLORY, () => ({ user: MALLORY, groups: ['system:masters'] }), 'spec.groups may hold only groups of the user who votes'],
    ['without the right to vote', 'carol@example.com', () => ({ user: 'carol@example.com' }), 'cannot create resource "approvalvotes"'],
  ])('%s is refused by the API server', async (_what, who, spec, message) => {
    const { code, stderr } = await voteAs(who, 'forged', spec());
    expect(code).toBe(1);
    expect(stderr).toContain(message);
  });

  test('of whom no rule names is taken and counts for nothing', async () => {
    expect(await voteAs(MALLORY, 'forged', { user: MALLORY })).toMatchObject({ code: 0 });
    const seen = await scene.mirror.until('the vote is ignored', (all) => {
      const gate = gateIn(all, 'forged');
      return gate && stateOf(gate).ignoredVotes.length > 0 ? gate : undefined;
    });
    expect(stateOf(seen)).toMatchObject({ approvals: [], ignoredVotes: [{ user: MALLORY }] });
  });

  test('of whom a rule names and no role lets vote is refused to the command line', async () => {
    const { metadata } = await scene.open('forged');
    const { code, stderr } = await vote(scene.viewer, 'approve', metadata.name, '');
    expect(code, stderr).toBe(77);
    expect(stderr).toContain('cannot create resource "approvalvotes"');
  });

  test('of whom has asked for the run counts for nothing, in whatever way', async () => {
    const { metadata } = await scene.open('own-request');
    const { code, stderr } = await vote(scene.owner, 'approve', metadata.name, '');
    expect(code).toBe(20);
    expect(stderr).toContain('asked for this run and may not approve it');
    expect(await voteAs(scene.owner.user, 'own-request', { user: scene.owner.user })).toMatchObject({ code: 0 });
    await decide(scene.deputy, 'approve', 'own-request');
    const gate = await scene.closed('own-request');
    expect(stateOf(gate)).toMatchObject({ approvals: [{ user: scene.deputy.user }], ignoredVotes: [{ user: scene.owner.user }] });
    expect(resultsOf(gate)).toMatchObject({ decision: 'approved', approvers: scene.deputy.user, requester: scene.owner.user });
  });
});

describe('a gate whose controller is killed', () => {
  test('counts a vote that was cast before another one leads', async () => {
    const { metadata } = await scene.open('leader-killed');
    const holder = async () => (await kubectl(scene.suite.bed, ['get', 'lease', 'approval-gate', ...GATE, '-o', 'jsonpath={.spec.holderIdentity}'])).trim();
    const leader = await holder();
    await kubectl(scene.suite.bed, ['delete', 'pod', leader, ...GATE, '--force', '--grace-period=0']);
    expect(await vote(scene.owner, 'approve', metadata.name, '')).toMatchObject({ code: 0 });
    const gate = await scene.closed('leader-killed');
    expect(resultsOf(gate)).toMatchObject({ decision: 'approved', approvers: scene.owner.user });
    expect(await holder()).not.toBe(leader);
  });

  test('counts what was decided while there was none', async () => {
    const runs = ['approved-meanwhile', 'rejected-meanwhile', 'cancelled-meanwhile'] as const;
    const [approved, rejected] = await Promise.all(runs.map((run) => scene.open(run)));
    await kubectl(scene.suite.bed, ['scale', 'deployment/approval-gate', ...GATE, '--replicas=0']);
    await kubectl(scene.suite.bed, ['wait', 'pod', ...PODS, '--for=delete', '--timeout=60s']);
    const [first, second] = await Promise.all([
      vote(scene.owner, 'approve', approved?.metadata.name ?? '', ''),
      vote(scene.deputy, 'reject', rejected?.metadata.name ?? '', 'no'),
      patchRun('cancelled-meanwhile', 'Cancelled'),
    ]);
    expect([first, second]).toMatchObject([
      { code: 0, stdout: expect.stringContaining('the controller has not counted it yet') },
      { code: 0, stdout: expect.stringContaining('the controller has not counted it yet') },
    ]);
    const meanwhile = await scene.mirror.now();
    expect(runs.map((run) => reasonOf(gateIn(meanwhile, run) as never))).toEqual(['Started', 'Started', 'Started']);
    await kubectl(scene.suite.bed, ['scale', 'deployment/approval-gate', ...GATE, '--replicas=2']);
    await Promise.all([
      expectEnd('approved-meanwhile', { reason: 'Succeeded', ran: ['after', 'tell'], gate: 'Approved', decision: 'approved', told: 'Succeeded' }),
      expectEnd('rejected-meanwhile', { reason: 'Failed', ran: ['tell'], gate: 'Rejected', decision: 'rejected', told: 'Failed' }),
      expectEnd('cancelled-meanwhile', { reason: 'Cancelled', ran: [], gate: 'CustomRunCancelled', decision: 'cancelled' }),
    ]);
  });

  test('is ready again with both replicas', async () => {
    await kubectl(scene.suite.bed, ['rollout', 'status', 'deployment/approval-gate', ...GATE, '--timeout=120s']);
    expect(await kubectl(scene.suite.bed, ['get', 'deployment', 'approval-gate', ...GATE, '-o', 'jsonpath={.status.readyReplicas}'])).toBe('2');
  });
});
