// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { aPolicy, applied, aRun, aVote, look, opened, START } from '../../services/approval-gate/test-gate.ts';
import { voteFor } from './cast-vote.ts';
import { viewOf } from './gate-view.ts';
import { gateTable, gateText } from './render-gate.ts';

const inline = (policy: object, more: object = {}) => ({
  customSpec: { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', spec: policy },
  ...more,
});
const me = { user: 'zoe', groups: ['system:authenticated', 'security'] };

describe('a vote', () => {
  test('is for the open attempt, and tells no more groups than the rules name', () => {
    const first = opened(aRun({ spec: { timeout: '10s', retries: 1 } }));
    const run = applied(first, look(first, { second: 12 }));
    expect(voteFor({ run, decision: 'approve', comment: 'ok', me })).toMatchObject({
      metadata: { generateName: 'release-gate-', namespace: 'shop', ownerReferences: [{ kind: 'CustomRun', name: 'release-gate', uid: run.metadata.uid }] },
      spec: {
        gateRef: { customRun: 'release-gate', uid: run.metadata.uid, attempt: 2 },
        decision: 'approve',
        user: 'zoe',
        groups: ['security'],
        comment: 'ok',
      },
    });
  });

  test.each([
    ['by nobody whom a rule names', opened(aRun()), { user: 'mallory', groups: ['dev'] }, '', 'denied', 'NOT_AN_APPROVER'],
    ['on a gate that has not opened', aRun(), me, '', 'transient', 'GATE_NOT_OPEN'],
    ['on a closed gate', applied(opened(aRun()), look(opened(aRun()), { votes: [aVote('alice', 'reject')], second: 2 })), me, '', 'input', 'GATE_CLOSED'],
    ['without the comment', opened(aRun({ spec: inline(aPolicy({ commentRequired: ['approve'] })) })), me, ' ', 'input', 'COMMENT_REQUIRED'],
    ['with an endless comment', opened(aRun()), me, 'x'.repeat(2000), 'input', 'COMMENT_TOO_LONG'],
    [
      'by the requester',
      opened(aRun({ spec: inline(aPolicy({ excludeRequester: true }), { params: [{ name: 'requester', value: 'zoe' }] }) })),
      me,
      '',
      'denied',
      'REQUESTER_MAY_NOT_APPROVE',
    ],
  ])('%s is not cast', (_what, run, who, comment, kind, code) => {
    expect(() => voteFor({ run, decision: 'approve', comment, me: who })).toThrow(expect.objectContaining({ kind, code }));
  });

  test('to reject is open to the requester', () => {
    const run = opened(aRun({ spec: inline(aPolicy({ excludeRequester: true }), { params: [{ name: 'requester', value: 'zoe' }] }) }));
    expect(voteFor({ run, decision: 'reject', comment: '', me })).toMatchObject({ spec: { decision: 'reject' } });
  });
});

describe('what people see', () => {
  const run = opened(
    aRun({
      spec: inline(aPolicy({ description: 'Read the log.' }), {
        timeout: '1h',
        params: [{ name: 'description', value: 'release 7\u001b]0;x\u0007\nstate  approved' }],
      }),
    }),
  );
  const counted = applied(run, look(run, { votes: [aVote('alice', 'approve', 1, { comment: 'ok' }), aVote('mallory', 'approve', 1)], second: 2 }));

  test('is the state of a gate', () => {
    expect(viewOf(aRun())).toMatchObject({ state: 'not opened', message: 'no controller has looked at it' });
    expect(viewOf(counted)).toMatchObject({ state: 'open', deadline: '2026-03-01T13:00:00Z', message: 'waiting for approval: release 1/2' });
  });

  test('is a table with the time that is left', () => {
    expect(gateTable([viewOf(counted)], START + 600_000, true)).toBe(
      'NAMESPACE  GATE          PIPELINERUN  STATE  SINCE  LEFT  MESSAGE\nshop       release-gate  -            open   10m    50m   waiting for approval: release 1/2\n',
    );
    expect(gateTable([], START, false)).toBe('no gate waits\n');
  });

  test('is everything about one gate, and no foreign text moves the cursor or makes a line of its own', () => {
    const text = gateText(viewOf(counted), START + 600_000);
    expect(text).toContain('about         release 7?]0;x?\\nstate  approved\n');
    expect(text).toContain('rules\n  release 1/2: alice, bob, carol, group security\n');
    expect(text).toContain(
      'votes\n  2026-03-01T12:00:01Z  alice approves: ok\n  not counted: mallory (no rule names the user or one of the groups of the vote)\n',
    );
    expect(text).toContain('until         2026-03-01T13:00:00Z (50m left)\n');
  });
});
