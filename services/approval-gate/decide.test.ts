// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { API_VERSION, GATE_KIND } from './api.ts';
import { aGate, aPolicy, applied, aRun, aRunOf, aVote, conditionOf, look, opened, resultsOf, START, written } from './test-gate.ts';

const digest = `sha256:${'a'.repeat(64)}`;

describe('whose run it is', () => {
  test.each([
    ['another custom task', { customSpec: undefined, customRef: { apiVersion: 'wait.testing.tekton.dev/v1', kind: 'Wait', name: 'x' } }],
    ['a group that only starts like ours', { customSpec: { apiVersion: `${API_VERSION.split('/')[0]}.evil/v1alpha1`, kind: GATE_KIND } }],
    ['nothing at all', { customSpec: undefined }],
  ])('%s is left alone', (_what, spec) => {
    expect(look(aRun({ spec }))).toEqual({ kind: 'ignore', why: 'not ours' });
  });

  test.each(['True', 'False'] as const)('a run that is done (%s) is left alone, also when it is cancelled, edited or voted on', (status) => {
    const done = aRun({
      status: { conditions: [{ type: 'Succeeded', status }], startTime: '2026-03-01T12:00:00Z' },
      spec: { status: 'RunCancelled', retries: 3 },
      metadata: { generation: 7 },
    });
    expect(look(done, { votes: [aVote('alice', 'reject')], second: 99 })).toEqual({ kind: 'ignore', why: 'done' });
  });
});

describe('cancel', () => {
  const message = 'CustomRun cancelled as the PipelineRun it belongs to has timed out.';

  test.each([
    ['before it opened', aRun({ spec: { status: 'RunCancelled', statusMessage: message } })],
    ['while it is open', { ...opened(aRun()), spec: { ...aRun().spec, status: 'RunCancelled', statusMessage: message } }],
    [
      'with retries left',
      { ...opened(aRun({ spec: { retries: 2, timeout: '1s' } })), spec: { ...aRun().spec, status: 'RunCancelled', statusMessage: message } },
    ],
    ['of an invalid one', aRun({ spec: { timeout: 'soon', status: 'RunCancelled', statusMessage: message } })],
  ])('%s closes it with the reason that Tekton looks for', (_what, run) => {
    const { transition, status } = written(look(run, { second: 100 }));
    expect(transition).toBe('cancelled');
    expect(conditionOf(status)).toEqual({ status: 'False', reason: 'CustomRunCancelled', message });
    expect(resultsOf(status)).toMatchObject({ decision: 'cancelled' });
    expect(status).toMatchObject({ completionTime: '2026-03-01T12:01:40Z' });
  });

  test('comes before votes that would decide, and keeps them for the record', () => {
    const run = { ...opened(aRun()), spec: { ...aRun().spec, status: 'RunCancelled' } };
    const { status } = written(look(run, { votes: [aVote('alice', 'approve'), aVote('bob', 'approve', 2)], second: 5 }));
    expect(resultsOf(status)).toMatchObject({ decision: 'cancelled', approvers: 'alice, bob' });
  });
});

describe('time-out', () => {
  test('ends the gate at the deadline', () => {
    const run = opened(aRun({ spec: { timeout: '10s' } }));
    expect(look(run, { second: 9 })).toEqual({ kind: 'wait', requeueAt: START + 10_000 });
    const { transition, status } = written(look(run, { second: 10, votes: [aVote('alice', 'approve', 9)] }));
    expect(transition).toBe('timed-out');
    expect(conditionOf(status)).toEqual({ status: 'False', reason: 'CustomRunTimedOut', message: 'nobody decided within 10s: release 1/2' });
    expect(resultsOf(status)).toMatchObject({ decision: 'timed-out', approvers: 'alice', 'decided-at': '2026-03-01T12:00:10Z' });
  });

  test('a vote in time decides although the controller looks late', () => {
    const run = opened(aRun({ spec: { timeout: '10s' } }));
    const { transition, status } = written(look(run, { second: 500, votes: [aVote('alice', 'approve', 8), aVote('bob', 'approve', 9)] }));
    expect(transition).toBe('approved');
    expect(resultsOf(status)['decided-at']).toBe('2026-03-01T12:00:09Z');
  });

  test.each(['approve', 'reject'] as const)('a vote to %s at the deadline is too late', (decision) => {
    const run = opened(aRun({ spec: { timeout: '10s' } }));
    const votes = [aVote('alice', 'approve', 1), aVote('bob', decision, 10)];
    expect(written(look(run, { second: 11, votes })).transition).toBe('timed-out');
  });

  test('with a retry left opens again with a clean sheet', () => {
    const run = opened(aRun({ spec: { timeout: '10s', retries: 1 } }));
    const early = [aVote('alice', 'approve', 1)];
    const { transition, status, requeueAt } = written(look(run, { second: 12, votes: early }));
    expect(transition).toBe('retried');
    expect(conditionOf(status)).toEqual({ status: 'Unknown', reason: 'Retrying', message: 'waiting for approval: release 0/2 (attempt 2 of 2)' });
    expect(status).toMatchObject({ startTime: '2026-03-01T12:00:12Z' });
    expect(status.completionTime).toBeUndefined();
    expect(status.results).toBeUndefined();
    expect(requeueAt).toBe(START + 22_000);
    expect(status.retriesStatus).toMatchObject([
      {
        conditions: [{ status: 'False', reason: 'CustomRunTimedOut' }],
        startTime: '2026-03-01T12:00:00Z',
        completionTime: '2026-03-01T12:00:12Z',
        results: [{ name: 'decision', value: 'timed-out' }, {}, {}, {}, {}, {}, {}],
      },
    ]);
    expect(status.retriesStatus?.[0]).not.toHaveProperty('retriesStatus');

    const again = applied(run, look(run, { second: 12, votes: early }));
    expect(look(again, { second: 13, votes: early })).toEqual({ kind: 'wait', requeueAt: START + 22_000 });
    const votes = [...early, aVote('bob', 'approve', 14, { gateRef: { attempt: 2 } }), aVote('alice', 'approve', 15, { gateRef: { attempt: 2 } })];
    expect(resultsOf(written(look(again, { second: 15, votes })).status)).toMatchObject({ decision: 'approved', approvers: 'bob, alice' });
    const { transition: last, status: end } = written(look(again, { second: 22, votes: early }));
    expect(last).toBe('timed-out');
    expect(end.retriesStatus).toHaveLength(1);
    expect(conditionOf(end).message).toBe('nobody decided within 10s in attempt 2: release 0/2');
  });
});

test('the history of attempts is flat', () => {
  const first = opened(aRun({ spec: { timeout: '10s', retries: 2 } }));
  const second = applied(first, look(first, { second: 12 }));
  const third = written(look(second, { second: 30 })).status;
  expect(third.retriesStatus?.map(({ startTime }) => startTime)).toEqual(['2026-03-01T12:00:00Z', '2026-03-01T12:00:12Z']);
  for (const attempt of third.retriesStatus ?? []) expect(attempt).not.toHaveProperty('retriesStatus');
});

describe('edits after opening', () => {
  test.each([
    [
      'the policy in taskSpec',
      { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [{ name: 'x', users: ['mallory'] }] } } },
      'the policy was changed after the gate opened',
    ],
    ['the time-out', { timeout: '1h' }, 'spec.timeout was changed after the gate opened'],
    ['the retries', { retries: 9 }, 'spec.retries was changed after the gate opened'],
    ['a param', { params: [{ name: 'subject', value: `r.example.com/other@${digest}` }] }, 'param subject was changed after the gate opened'],
    ['to what is invalid', { params: [{ name: 'x', value: '' }] }, 'param x: unknown'],
  ])('of %s is reported and not followed', (_what, spec, edit) => {
    const before = opened(aRun());
    const edited = { ...before, metadata: { ...before.metadata, generation: 2 }, spec: { ...before.spec, ...spec } };
    const { transition, status } = written(look(edited, { second: 2, votes: [aVote('mallory', 'approve')] }));
    expect(transition).toBe('counted');
    expect(conditionOf(status).message).toBe('waiting for approval: release 0/2');
    expect(status).toMatchObject({ observedGeneration: 2, extraFields: { approvalGate: { ignoredEdits: [expect.stringContaining(edit)] } } });
    expect(look(applied(edited, look(edited, { second: 2, votes: [] })), { second: 3 })).toEqual({ kind: 'wait' });
  });

  test.each([
    ['edited', aGate({ rules: [{ name: 'x', users: ['mallory'] }] }, { generation: 2 }), 'the policy was changed'],
    ['deleted', undefined, 'there is no ApprovalGate production'],
    ['replaced', aGate(aPolicy(), { uid: 'gate-2' }), 'the source of the policy was changed'],
  ])('of a named gate that is %s are not followed', (_what, gate, edit) => {
    const run = opened(aRunOf('production'), aGate());
    const { status } = written(look(run, { gate, second: 2, votes: [aVote('mallory', 'approve')] }));
    expect(JSON.stringify(status.extraFields)).toContain(edit);
    expect(conditionOf(status).status).toBe('Unknown');
  });

  test.each([undefined, {}, { approvalGate: {} }, { approvalGate: { attempt: 1, policy: { rules: [] } } }])(
    'an open gate whose state reads %j fails closed',
    (extraFields) => {
      const run = opened(aRun());
      const { status } = written(
        look({ ...run, status: { ...run.status, extraFields } }, { second: 1, votes: [aVote('alice', 'approve'), aVote('bob', 'approve')] }),
      );
      expect(conditionOf(status)).toMatchObject({ status: 'False', reason: 'StateInvalid' });
    },
  );
});

test('the time of transition moves with the status of the condition alone', () => {
  const run = opened(aRun({ spec: { timeout: '10s', retries: 1 } }));
  const retried = applied(run, look(run, { second: 12 }));
  expect(retried.status?.conditions?.[0]?.lastTransitionTime).toBe('2026-03-01T12:00:00Z');
  expect(written(look(retried, { second: 30 })).status.conditions?.[0]?.lastTransitionTime).toBe('2026-03-01T12:00:30Z');
});
