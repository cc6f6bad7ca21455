// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { API_VERSION, ApprovalGate, GATE_KIND } from '../../services/approval-gate/api.ts';
import { readState } from '../../services/approval-gate/gate-state.ts';
import { RESULTS } from '../../services/approval-gate/gate-status.ts';
import { SKIP } from '../runner/run-document.ts';
import type { RunOptions } from '../runner/run-pipeline.ts';
import { ECHO, type ObservedRun, runShort, type ShortTask } from '../runner/test-run.ts';
import { GATE_TASK } from './gate-policy.ts';
import { type Answer, type AskPerson, localGate } from './local-gate.ts';

const SUBJECT = `r.example.com/shop@sha256:${'a'.repeat(64)}`;
const GATE = ApprovalGate.parse({
  metadata: { name: 'release', namespace: 'default', uid: 'sha256:1', generation: 1 },
  spec: { rules: [{ name: 'owner', users: ['zoe'] }] },
});

function gateTask(more: object = {}): ShortTask {
  const params = [{ name: 'subject', value: SUBJECT }];
  return { name: 'gate', taskSpec: undefined, taskRef: { apiVersion: API_VERSION, kind: GATE_KIND, name: 'release' }, params, ...more };
}

/** Runs a gate, a task after it, and a finally task that reads all its results. */
function runGate(ask: AskPerson | undefined, more: object = {}, options: Partial<RunOptions> = {}): Promise<ObservedRun> {
  const gates = new Map([['gate', GATE]]);
  return runShort(
    {
      tasks: [gateTask(more), { name: 'after', runAfter: ['gate'] }],
      finally: [{ name: 'z', code: ECHO, reads: { all: RESULTS.map((name) => `$(tasks.gate.results.${name})`) } }],
    },
    { customTasks: new Map([[GATE_TASK, localGate({ gates, login: 'zoe', ask })]]), ...options },
  );
}

const approve: Answer = { decision: 'approve', comment: 'log read' };
/** Says nothing until the question is over. */
const silent: AskPerson = (_run, signal) =>
  new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(undefined));
  });

describe('a gate that is asked about', () => {
  it('opens, takes the vote, and hands its results on', async () => {
    const asked: unknown[] = [];
    const run = await runGate(async ({ metadata, spec, status }) => {
      const { subject, requesters } = readState(status) ?? {};
      asked.push({ name: metadata.name, params: spec.params, subject, requesters });
      return approve;
    });
    expect(asked).toEqual([{ name: `${run.name}-gate`, params: [{ name: 'subject', value: SUBJECT }], subject: SUBJECT, requesters: ['zoe'] }]);
    expect(run).toMatchObject({ status: 'Succeeded' });
    expect(run.task('gate')).toMatchObject({
      ...{ task: 'release', state: 'Succeeded', reason: 'Approved', message: 'approved by zoe' },
      customRun: { apiVersion: API_VERSION, kind: GATE_KIND, name: `${run.name}-gate` },
      results: { decision: 'approved', approvers: 'zoe', comments: 'zoe: log read', requester: 'zoe', subject: SUBJECT, 'rejected-by': '' },
      extraFields: { answeredBy: 'person', approvalGate: { policySource: 'ApprovalGate/release (uid sha256:1, generation 1)' } },
    });
    expect(run.log.slice(0, 5)).toEqual(['+gate', 'gate: waiting for approval: owner 0/1', 'gate: approved by zoe', '-gate', '+after']);
  });

  it('that is rejected fails the run with the exit code of a no; nothing after it runs, finally does', async () => {
    const run = await runGate(async () => ({ decision: 'reject', comment: 'too late' }), { retries: 3 });
    expect(run.task('gate')).toMatchObject({ state: 'Failed', reason: 'Rejected', message: 'rejected by zoe: too late', exitCode: 20 });
    expect(run.task('gate').results).toMatchObject({ decision: 'rejected', approvers: '', 'rejected-by': 'zoe', comments: 'zoe: too late' });
    expect(run.task('after')).toMatchObject({ state: 'Skipped', reason: SKIP.stopping });
    expect(run.task('z').state).toBe('Succeeded');
    expect(run.status).toBe('Failed');
  });

  it('times out, opens again for each retry, and then fails', async () => {
    const attempts: (number | undefined)[] = [];
    const run = await runGate(
      (gate, signal) => {
        attempts.push(readState(gate.status)?.attempt);
        return silent(gate, signal);
      },
      { timeout: '1s', retries: 1 },
    );
    expect(attempts).toEqual([1, 2]);
    expect(run.task('gate')).toMatchObject({ state: 'Failed', reason: 'CustomRunTimedOut', retries: 1, exitCode: 20 });
    expect(run.task('gate').message).toBe('nobody decided within 1s in attempt 2: owner 0/1');
    expect(run.task('gate').results).toMatchObject({ decision: 'timed-out' });
    expect(run.task('z').state).toBe('Succeeded');
  });

  it('ends in its time also while another one has the terminal', async () => {
    const run = await runGate(() => new Promise(() => {}), { timeout: '1s' });
    expect(run.task('gate').reason).toBe('CustomRunTimedOut');
  });

  it.each<[string, Answer | undefined, string]>([
    ['a cancel', undefined, 'CustomRun cancelled as the PipelineRun it belongs to has been cancelled.'],
    ['the end of the terminal', 'nobody', 'no vote: the terminal gives no more input'],
  ])('is cancelled by %s, without a vote', async (_, answer, message) => {
    const stop = new AbortController();
    const ask: AskPerson = async (gate, signal) => {
      if (answer) return answer;
      setTimeout(() => stop.abort(), 20);
      return silent(gate, signal);
    };
    const run = await runGate(ask, {}, { signal: stop.signal });
    expect(run.task('gate')).toMatchObject({ state: 'Cancelled', reason: 'CustomRunCancelled', message, results: { decision: 'cancelled', approvers: '' } });
    expect(run.task('after').state).toBe('Skipped');
    expect(run.task('z').state).toBe('Succeeded');
    expect(run.status).toBe('Cancelled');
  });

  it('asks again after a vote that does not count', async () => {
    const gates = new Map([['gate', ApprovalGate.parse({ ...GATE, spec: { rules: [{ name: 'owner', users: ['zoe'] }], commentRequired: ['approve'] } })]]);
    const answers: Answer[] = [{ decision: 'approve', comment: '' }, approve];
    const ask: AskPerson = async () => answers.shift();
    const run = await runShort({ tasks: [gateTask()] }, { customTasks: new Map([[GATE_TASK, localGate({ gates, login: 'zoe', ask })]]) });
    expect(answers).toEqual([]);
    expect(run.task('gate')).toMatchObject({ state: 'Succeeded', results: { comments: 'zoe: log read' } });
  });

  it.each([
    ['a workspace', { workspaces: [{ name: 'w' }] }, 'CustomRunWorkspaceNotSupported', 'a gate takes no workspaces'],
    ['a param that it does not know', { params: [{ name: 'subjct', value: '' }] }, 'ParamsInvalid', 'param subjct: unknown'],
    ['a subject by tag', { params: [{ name: 'subject', value: 'r.example.com/a:1' }] }, 'ParamsInvalid', 'artifact by digest'],
    ['a time-out under a second', { timeout: '500ms' }, 'TimeoutInvalid', 'shorter than a second'],
  ])('does not open with %s', async (_, more, reason, message) => {
    const ask: AskPerson = () => Promise.reject(new Error('was asked'));
    const gates = new Map([['gate', GATE]]);
    const run = await runShort(
      { workspaces: [{ name: 'w' }], tasks: [gateTask(more)] },
      { customTasks: new Map([[GATE_TASK, localGate({ gates, login: 'zoe', ask })]]), workspaces: { w: { emptyDir: true } } },
    );
    expect(run.task('gate')).toMatchObject({ state: 'Failed', reason, exitCode: 64, results: { decision: 'invalid' } });
    expect(run.task('gate').message).toContain(message);
  });
});

describe('an automatic approval', () => {
  it('never looks like the word of a person', async () => {
    const run = await runGate(undefined);
    const gate = run.task('gate');
    expect(gate).toMatchObject({
      ...{ state: 'Succeeded', reason: 'Approved', message: 'auto: approved by zoe without being asked (--gate auto)' },
      results: { decision: 'approved', approvers: 'zoe (auto)', comments: 'zoe: approved automatically (--gate auto), nobody was asked' },
      extraFields: { answeredBy: 'auto', approvalGate: { approvals: [{ user: 'zoe', vote: 'auto-1' }] } },
    });
    expect(run.log).toContain('gate: auto: approved by zoe without being asked (--gate auto)');
    expect(run.log).not.toContain('gate: approved by zoe');
    expect(run.status).toBe('Succeeded');
  });

  it('that does not count ends the gate, not in a loop', async () => {
    const options = { gates: new Map([['gate', GATE]]), login: 'mallory', ask: undefined };
    const run = await runShort({ tasks: [gateTask()] }, { customTasks: new Map([[GATE_TASK, localGate(options)]]) });
    expect(run.task('gate')).toMatchObject({ state: 'Failed', message: expect.stringContaining('does not count') });
  });
});

it('takes a policy that stands in the Pipeline', async () => {
  const taskSpec = { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [{ name: 'owner', users: ['zoe'] }] } };
  const options = { gates: new Map(), login: 'zoe', ask: async () => approve };
  const run = await runShort({ tasks: [{ name: 'gate', taskSpec }] }, { customTasks: new Map([[GATE_TASK, localGate(options)]]) });
  expect(run.task('gate')).toMatchObject({ state: 'Succeeded', extraFields: { approvalGate: { policySource: 'taskSpec' } } });
});
