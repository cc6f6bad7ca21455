// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { evidence, piece } from '../test-evidence.ts';
import { cpuMs, expectResult, resultOf } from '../test-judge.ts';

const TYPE = 'https://example.com/test-result/v1';
const PREDICATE = {
  result: 'PASSED',
  count: 12,
  flag: false,
  nothing: null,
  'a/b': 1,
  suites: [
    { name: 'unit', failed: 0 },
    { name: 'e2e', failed: 2 },
  ],
  mixed: [{ failed: 0 }, { name: 'says nothing' }, 'no suite'],
  text: '12',
};
const rule = (conditions: string, more = '') => `type: attestation, predicateType: "${TYPE}", signers: { any: [release] }, conditions: [${conditions}]${more}`;
const judged = (conditions: string, ...[predicate]: [unknown?]) => resultOf(rule(conditions), evidence(piece(TYPE, { predicate })));

describe('conditions of an attestation', () => {
  it.each([
    '{ path: /result, equals: PASSED }',
    '{ path: /count, min: 12, max: 12 }',
    '{ path: /count, in: [11, 12] }',
    '{ path: /flag, equals: false }',
    '{ path: /nothing, equals: null }',
    '{ path: /a~1b, equals: 1 }',
    '{ path: /result, matches: "PASS(ED)?" }',
    '{ path: /suites/0/name, equals: unit }',
    '{ path: /suites/*/failed, max: 2 }',
    '{ path: /suites/*/failed, max: 0, quantifier: any }',
    '{ path: /absent, exists: false }',
    '{ path: /suites/*/skipped, exists: false }',
    '{ path: /result, exists: true }',
    '{ path: /mixed/*/failed, max: 0, quantifier: any }',
  ])('pass: %s', (conditions) => {
    expectResult(judged(conditions, PREDICATE), 'passed');
  });

  it.each([
    ['{ path: /result, equals: FAILED }', '/result is "PASSED", and must be "FAILED"'],
    ['{ path: /result, equals: passed }', 'must be "passed"'],
    ['{ path: /text, equals: 12 }', '/text is "12", and must be 12'],
    ['{ path: /text, min: 1 }', 'must be a number of at least 1'],
    ['{ path: /count, equals: "12" }', 'must be "12"'],
    ['{ path: /count, matches: "[0-9]+" }', 'must match [0-9]+'],
    ['{ path: /count, max: 11 }', 'at most 11'],
    ['{ path: /flag, equals: 0 }', 'is false, and must be 0'],
    ['{ path: /nothing, equals: "null" }', 'is null'],
    ['{ path: /nothing, min: 0 }', 'at least 0'],
    ['{ path: /result, matches: PASS }', 'must match PASS'],
    ['{ path: /absent, equals: PASSED }', '/absent is not there'],
    ['{ path: /result/length, min: 1 }', 'is not there'],
    ['{ path: /suites/length, min: 1 }', 'is not there'],
    ['{ path: /suites/00/name, equals: unit }', 'is not there'],
    ['{ path: /toString, exists: true }', 'is not there'],
    ['{ path: /constructor/name, equals: Object }', 'is not there'],
    ['{ path: /__proto__, exists: true }', 'is not there'],
    ['{ path: /suites/*/failed, max: 0 }', 'is 2, and must be a number of at most 0'],
    ['{ path: /suites/*/skipped, max: 0 }', 'is not there'],
    ['{ path: /mixed/*/failed, max: 0 }', '/mixed/*/failed is not there for every member'],
    ['{ path: /mixed/*/failed, exists: true }', 'is not there for every member'],
    ['{ path: /mixed/*/failed, exists: false }', 'is there, and must not be'],
    ['{ path: /suites/*/failed, min: 3, quantifier: any }', 'at least 3'],
    ['{ path: /result, exists: false }', 'is there, and must not be'],
    ['{ path: /suites, equals: PASSED }', 'is a list'],
    ['{ path: "", equals: PASSED }', 'the whole is a mapping'],
  ])('fail: %s', (conditions, expected) => {
    expectResult(judged(conditions, PREDICATE), expected);
  });

  it.each([
    ['nothing at all', {}],
    ['null', null],
    ['a text', 'PASSED'],
    ['a list', ['PASSED']],
    ['a number that is none', { result: Number.NaN }],
  ])('fail on %s', (_name, predicate) => {
    expectResult(judged('{ path: /result, equals: PASSED }', predicate), '/result');
  });

  it('fail on a statement without a predicate', () => {
    const bare = piece(TYPE);
    delete bare.statement?.predicate;
    expectResult(resultOf(rule('{ path: /result, equals: PASSED }'), evidence(bare)), '/result is not there');
  });

  it('lets a statement that meets them count beside one that does not, and names that', () => {
    const bad = piece(TYPE, { predicate: { result: 'FAILED' } });
    const result = resultOf(rule('{ path: /result, equals: PASSED }'), evidence(piece(TYPE, { predicate: PREDICATE }), bad));
    expectResult(result, 'passed');
    expect(result.evidence).not.toContain(bad.digest);
    expect(result.facts.join('\n')).toContain(`${bad.digest} does not count`);
  });

  it('counts only statements that meet them', () => {
    const given = evidence(piece(TYPE, { predicate: PREDICATE }), piece(TYPE, { predicate: { result: 'FAILED' } }));
    expectResult(resultOf(rule('{ path: /result, equals: PASSED }', ', min: 2'), given), 'there are 1 different');
  });

  it.each<[name: string, predicate: unknown, conditions: string]>([
    ['a million members', { list: new Array(1_000_000).fill(1) }, '{ path: "/list/*", equals: 1 }'],
    ['a text that makes a pattern try everything', { list: ['a'.repeat(9000)] }, '{ path: "/list/*", matches: "(a|a)*(a|aa)+b" }'],
    ['many texts that a pattern may take long for', { list: new Array(9000).fill('a'.repeat(90)) }, '{ path: "/list/*", matches: "(a|a)*(a|aa)+" }'],
    ['a text without end', { list: ['a'.repeat(5_000_000)] }, '{ path: "/list/*", matches: "a*" }'],
  ])('answer within seconds, and do not pass: %s', (_name, predicate, conditions) => {
    expect(cpuMs(() => expect(judged(conditions, predicate).outcome).toBe('failed'))).toBeLessThan(5000);
  });

  it.each([
    ['{ path: /a }', 'must have one of equals'],
    ['{ path: a, equals: 1 }', 'must be a JSON pointer'],
    ['{ path: "/a~2", equals: 1 }', 'must be a JSON pointer'],
    ['{ path: /a, matches: "(?=a)" }', 'must not look around'],
    ['{ path: /a, min: 2, max: 1 }', 'min over its max'],
    ['{ path: /a, exists: false, equals: 1 }', 'no other test'],
    ['{ path: /a, equals: [1] }', 'must be a text'],
  ])('refuse the policy: %s', (conditions, expected) => {
    expect(() => judged(conditions)).toThrow(expected);
  });
});
