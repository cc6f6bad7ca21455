// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { API_VERSION, GATE_KIND, REQUESTER_ANNOTATION } from './api.ts';
import { aPolicy, applied, aRun, aVote, conditionOf, look, opened, resultsOf, written } from './test-gate.ts';

describe('votes', () => {
  test('k of n approve', () => {
    const run = opened(aRun());
    const one = [aVote('alice', 'approve', 1)];
    const first = written(look(run, { votes: one, second: 1 }));
    expect(conditionOf(first.status)).toEqual({ status: 'Unknown', reason: 'Running', message: 'waiting for approval: release 1/2' });
    const then = applied(run, look(run, { votes: one, second: 1 }));
    expect(look(then, { votes: one, second: 2 })).toEqual({ kind: 'wait' });
    const { transition, status } = written(look(then, { votes: [...one, aVote('zoe', 'approve', 3, { groups: ['security'], comment: 'fine' })], second: 9 }));
    expect(transition).toBe('approved');
    expect(conditionOf(status)).toEqual({ status: 'True', reason: 'Approved', message: 'approved by alice, zoe' });
    expect(resultsOf(status)).toEqual({
      decision: 'approved',
      approvers: 'alice, zoe',
      'rejected-by': '',
      comments: 'zoe: fine',
      requester: '',
      subject: '',
      'decided-at': '2026-03-01T12:00:03Z',
    });
    expect(status).toMatchObject({ startTime: '2026-03-01T12:00:00Z', completionTime: '2026-03-01T12:00:09Z' });
  });

  test('one rejection closes the gate, although retries are left', () => {
    const run = opened(aRun({ spec: { retries: 3, timeout: '1h' } }));
    const { status } = written(look(run, { votes: [aVote('alice', 'approve', 1), aVote('bob', 'reject', 2, { comment: 'not\nyet' })], second: 2 }));
    expect(conditionOf(status)).toEqual({ status: 'False', reason: 'Rejected', message: 'rejected by bob: not\\nyet' });
    expect(resultsOf(status)).toMatchObject({ decision: 'rejected', approvers: 'alice', 'rejected-by': 'bob', comments: 'bob: not\nyet' });
    expect(status.retriesStatus).toBeUndefined();
  });

  test('who approved may reject while the gate is open', () => {
    const run = opened(aRun());
    const { transition } = written(look(run, { votes: [aVote('alice', 'approve', 1), aVote('alice', 'reject', 2)], second: 2 }));
    expect(transition).toBe('rejected');
  });

  test('what comes after the deciding vote does not count', () => {
    const run = opened(aRun());
    const approved = [aVote('alice', 'approve', 1), aVote('bob', 'approve', 2), aVote('carol', 'reject', 3)];
    expect(written(look(run, { votes: approved.toReversed(), second: 9 })).transition).toBe('approved');
  });

  test('within one second a rejection comes first', () => {
    const run = opened(aRun());
    expect(written(look(run, { votes: [aVote('alice', 'approve', 1), aVote('bob', 'approve', 1), aVote('carol', 'reject', 1)], second: 9 })).transition).toBe(
      'rejected',
    );
  });

  test.each([
    ['the same person twice', [aVote('alice', 'approve', 1), aVote('alice', 'approve', 2)], 1, 0],
    ['a person that no rule names', [aVote('mallory', 'approve')], 0, 1],
    ['a rejection of a person that no rule names', [aVote('mallory', 'reject')], 0, 1],
    ['a group that no rule names', [aVote('zoe', 'approve', 1, { groups: ['dev'] })], 0, 1],
    ['a vote on another run', [aVote('alice', 'approve', 1, { gateRef: { uid: 'other' } })], 0, 0],
    ['a vote on another attempt', [aVote('alice', 'approve', 1, { gateRef: { attempt: 2 } })], 0, 0],
    ['a vote in another namespace', [aVote('alice', 'approve', 1, { metadata: { namespace: 'other' } })], 0, 0],
    ['a vote that names another run with our uid', [aVote('alice', 'approve', 1, { gateRef: { customRun: 'other' } })], 0, 1],
  ])('%s does not count', (_what, votes, counted, ignored) => {
    const run = opened(aRun());
    const decision = look(run, { votes: [...votes], second: 9 });
    const state = decision.kind === 'write' ? decision.status.extraFields?.['approvalGate'] : run.status?.extraFields?.['approvalGate'];
    expect(state).toMatchObject({ progress: [{ approvals: counted, required: 2 }] });
    expect((state as { ignoredVotes: unknown[] }).ignoredVotes).toHaveLength(ignored);
  });

  test('a person counts once in every rule', () => {
    const policy = aPolicy({
      rules: [
        { name: 'sre', groups: ['sre'], count: 1 },
        { name: 'security', groups: ['security'], users: ['alice'], count: 1 },
      ],
    });
    const run = opened(aRun({ spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: policy } } }));
    const { transition } = written(look(run, { votes: [aVote('alice', 'approve', 1, { groups: ['sre'] })], second: 1 }));
    expect(transition).toBe('approved');
  });

  test('all rules have to be met', () => {
    const policy = {
      rules: [
        { name: 'sre', groups: ['sre'], count: 2 },
        { name: 'boss', users: ['eve'] },
      ],
    };
    const run = opened(aRun({ spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: policy } } }));
    const votes = [aVote('a', 'approve', 1, { groups: ['sre'] }), aVote('b', 'approve', 1, { groups: ['sre'] })];
    expect(conditionOf(written(look(run, { votes, second: 1 })).status).message).toBe('waiting for approval: sre 2/2, boss 0/1');
  });

  test('a required comment is required of that decision alone', () => {
    const run = opened(aRun({ spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: aPolicy({ commentRequired: ['reject'] }) } } }));
    const { status } = written(look(run, { votes: [aVote('bob', 'reject', 1, { comment: ' ' }), aVote('alice', 'approve', 2)], second: 2 }));
    expect(status.extraFields?.['approvalGate']).toMatchObject({
      progress: [{ approvals: 1 }],
      ignoredVotes: [{ user: 'bob', why: 'a comment is required to reject' }],
    });
  });
});

describe('the requester', () => {
  const spec = (params: object[] = []) => ({ params, customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: aPolicy({ excludeRequester: true }) } });
  const param = { name: 'requester', value: 'alice' };

  test.each([
    ['by param', aRun({ spec: spec([param]) })],
    ['by annotation', aRun({ spec: spec(), metadata: { annotations: { [REQUESTER_ANNOTATION]: 'alice' } } })],
    ['by both, differently', aRun({ spec: spec([{ ...param, value: 'dave' }]), metadata: { annotations: { [REQUESTER_ANNOTATION]: 'alice' } } })],
  ])('%s may not approve, and may reject', (_what, run) => {
    const open = opened(run);
    const self = [aVote('alice', 'approve', 1), aVote('bob', 'approve', 2)];
    expect(conditionOf(written(look(open, { votes: self, second: 9 })).status).message).toBe('waiting for approval: release 1/2');
    expect(written(look(open, { votes: [aVote('alice', 'reject', 1)], second: 9 })).transition).toBe('rejected');
  });

  test('has to be known when the policy excludes it', () => {
    expect(conditionOf(written(look(aRun({ spec: spec() }))).status).reason).toBe('RequesterUnknown');
  });

  test('cannot be needed', () => {
    const policy = { rules: [{ name: 'two', users: ['alice', 'bob'], count: 2 }], excludeRequester: true };
    const { status } = written(look(aRun({ spec: { ...spec([param]), customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: policy } } })));
    expect(conditionOf(status).message).toContain('rule two: asks for 2 approvals and can get 1 without the requester');
  });

  test('may approve when the policy says nothing', () => {
    const run = opened(aRun({ spec: { params: [param] } }));
    const { status } = written(look(run, { votes: [aVote('alice', 'approve', 1), aVote('bob', 'approve', 2)], second: 9 }));
    expect(resultsOf(status)).toMatchObject({ decision: 'approved', requester: 'alice' });
  });
});

describe('results', () => {
  test('stay under 1 KB, and never read as a JSON array', () => {
    const run = opened(aRun({ spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: { rules: [{ name: 'a', users: ['["a", "b'] }] } } } }));
    const { status } = written(look(run, { votes: [aVote('["a", "b', 'approve', 1, { comment: `${'ü'.repeat(900)}"]` })], second: 1 }));
    for (const value of Object.values(resultsOf(status))) expect(Buffer.byteLength(value)).toBeLessThan(1024);
    expect(resultsOf(status)['comments']).toMatch(/^"\["a", "b: ü+…$/);
  });
});
