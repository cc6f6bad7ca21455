// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { EvidencePiece } from '../../evidence/evidence.ts';
import { APPROVAL_TYPE } from '../approval-predicate.ts';
import { evidence, type PieceOptions, piece, signature } from '../test-evidence.ts';
import { expectResult, resultOf } from '../test-judge.ts';

const approval = (change: object = {}, options: PieceOptions = {}) =>
  piece(APPROVAL_TYPE, {
    by: 'gate',
    ...options,
    predicate: {
      gate: 'release',
      decision: 'approved',
      approvers: ['alice', 'bob'],
      requester: 'carol',
      environment: 'production',
      decidedAt: '2026-08-14T00:00:00Z',
      ...change,
    },
  });
const rule = (more = '') => `type: approval, signers: { any: [gate] }${more}`;

describe('approval', () => {
  it.each<[name: string, rule: string, pieces: EvidencePiece[]]>([
    ['one', rule(), [approval()]],
    ['by two', rule(', minApprovers: 2'), [approval()]],
    ['at the gate, for the environment', rule(', gates: [release], environments: [{ matches: "prod.*" }]'), [approval()]],
    ['by people who count', rule(', approvers: [{ matches: "a.*" }]'), [approval()]],
    ['young', rule(', maxAgeDays: 2'), [approval({}, { stamped: '2026-08-14T00:00:05Z' })]],
    ['after a rejection', rule(), [approval({ decision: 'rejected', decidedAt: '2026-08-13T00:00:00Z' }), approval()]],
    ['beside a rejection at another gate', rule(', gates: [release]'), [approval({ decision: 'rejected', gate: 'other' }), approval()]],
  ])('passes: %s', (_name, text, pieces) => {
    expectResult(resultOf(text, evidence(...pieces)), 'passed');
  });

  it.each<[name: string, rule: string, pieces: EvidencePiece[], expected: string]>([
    ['none', rule(), [signature()], `there is no ${APPROVAL_TYPE} attestation`],
    ['by a stranger', rule(), [approval({}, { by: 'release' })], 'is by release'],
    ['pending', rule(), [approval({}, { kind: 'pending' })], 'not logged yet'],
    ['a rejection', rule(), [approval({ decision: 'rejected' })], 'is a rejection'],
    ['rejected later', rule(), [approval(), approval({ decision: 'rejected', decidedAt: '2026-08-14T00:00:01Z' })], 'was rejected afterwards'],
    ['rejected at the same time', rule(), [approval(), approval({ decision: 'rejected' })], 'was rejected afterwards'],
    [
      'rejected on that day',
      rule(),
      [approval({ decidedAt: '2026-08-14T12:00:00Z' }), approval({ decision: 'rejected', decidedAt: '2026-08-14' })],
      'is no time',
    ],
    [
      'rejected later without an environment',
      rule(', environments: [production]'),
      [approval(), approval({ decision: 'rejected', environment: undefined, decidedAt: '2026-08-14T00:00:01Z' })],
      'was rejected afterwards',
    ],
    ['too few', rule(', minApprovers: 3'), [approval()], 'is by 2 people who count, and 3 must approve'],
    ['one person twice', rule(', minApprovers: 2'), [approval({ approvers: ['alice', 'alice'] })], 'is by 1 people'],
    ['by the requester', rule(), [approval({ approvers: ['carol'] })], 'is by 0 people'],
    ['by nobody', rule(), [approval({ approvers: [] })], 'is by 0 people'],
    ['by nobody who counts', rule(', approvers: [dave]'), [approval()], 'is by 0 people'],
    ['two of one person each', rule(', minApprovers: 2'), [approval({ approvers: ['alice'] }), approval({ approvers: ['bob'] })], 'is by 1 people'],
    ['at another gate', rule(', gates: [prod]'), [approval()], 'has no approval of gate prod'],
    ['for another environment', rule(', environments: [staging]'), [approval()], 'has no approval of environment staging'],
    ['for no environment', rule(', environments: [production]'), [approval({ environment: undefined })], 'has no approval'],
    ['old', rule(', maxAgeDays: 2'), [approval({ decidedAt: '2026-08-01T00:00:00Z' }, { stamped: '2026-08-15T00:00:00Z' })], 'is 14 days old'],
    ['young by its own word alone', rule(', maxAgeDays: 2'), [approval()], 'has no verified time'],
    ['of time to come', rule(), [approval({ decidedAt: '2026-09-01T00:00:00Z' })], 'states a time to come'],
    ['of no time', rule(), [approval({ decidedAt: 'now' })], 'decidedAt: is no time'],
    ['another decision', rule(), [approval({ decision: 'Approved' })], 'cannot be read as an approval: decision'],
    ['approvers that are no list', rule(), [approval({ approvers: 'alice' })], 'cannot be read as an approval: approvers'],
    ['one that cannot be read beside a good one', rule(), [approval(), approval({ decision: 7 })], 'cannot be read'],
  ])('fails: %s', (_name, text, pieces, expected) => {
    expectResult(resultOf(text, evidence(...pieces)), expected);
  });

  it('counts the piece that it rests on', () => {
    const good = approval();
    expect(resultOf(rule(), evidence(good, approval({ decision: 'rejected', decidedAt: '2026-01-01T00:00:00Z' }))).evidence).toEqual([good.digest]);
  });
});
