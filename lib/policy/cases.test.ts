// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { runCase } from './cases.ts';
import { type PolicyCase, PolicyTestFile } from './cases-schema.ts';
import { parsePolicy } from './policy.ts';
import { readBySchema } from './read-by-schema.ts';
import { OTHER_DIGEST, readTestSbom } from './test-evidence.ts';

const POLICY = parsePolicy(
  Buffer.from(`
apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: test }
signers: [{ name: release, key: { file: a.pub } }, { name: bot, identity: { issuer: "https://i.example", subject: "https://s.example" } }]
rules:
  - { id: signed, type: signature, signers: { all: [release, bot] } }
  - { id: logged, type: log-entry, level: warn, signers: { any: [release] } }
  - { id: sbom, type: sbom, stages: [deploy], signers: { any: [release] } }
`),
  'policy.yaml',
);

function caseOf(yaml: string): PolicyCase {
  const { value, problems } = read(`cases:\n  - ${yaml.trim().replaceAll('\n', '\n    ')}`);
  expect(problems).toEqual([]);
  return value?.cases[0] as PolicyCase;
}

function read(cases: string) {
  return readBySchema(
    Buffer.from(`apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: PolicyTest\npolicy: p.yaml\nnow: 2026-08-15T12:00:00Z\n${cases}\n`),
    PolicyTestFile,
  );
}

function failures(yaml: string, predicates = new Map<string, unknown>()): string[] {
  return runCase(
    caseOf(yaml),
    { policy: POLICY, policyDigest: OTHER_DIGEST, now: '2026-08-15T12:00:00Z', readSbom: readTestSbom },
    { predicates, scan: undefined },
  ).failures;
}

const BOTH = '{ type: signature, signers: [release, bot], log: { url: "https://log.example.com", index: 3 } }';

describe('a case', () => {
  it('holds when outcome, rules and words are as expected', () => {
    expect(
      failures(
        `name: good\nevidence: [${BOTH}]\nexpect: { outcome: passed, rules: { signed: passed, logged: { is: passed, says: entry 3 of }, sbom: not-judged } }`,
      ),
    ).toEqual([]);
    expect(
      failures('name: nothing there\nexpect: { outcome: failed, rules: { signed: { is: failed, says: there is no signature }, logged: warned } }'),
    ).toEqual([]);
  });

  it('says what came in place of what was expected', () => {
    expect(
      failures(`name: wrong\nevidence: [${BOTH}]\nexpect: { outcome: failed, rules: { signed: failed, logged: { is: passed, says: nonsense } } }`),
    ).toEqual([
      'the verdict passed, and was to have failed',
      expect.stringMatching(/^rule signed: passed, expected failed: signed by all of release, bot/),
      expect.stringMatching(/^rule logged: passed, and nothing says "nonsense": in the log/),
    ]);
  });

  it.each([
    ['rejected evidence', '{ type: signature, rejected: the payload was changed }', 'was rejected: the payload was changed'],
    ['evidence that is pending', '{ type: signature, signers: [release], pending: true }', 'pending evidence does not count'],
    ['one signer of two', '{ type: signature, signers: [release] }', 'not there: bot'],
    ['an attestation in place of a signature', '{ type: custom, signers: [release, bot] }', 'an attestation is not a signature'],
  ])('judges %s as the real thing', (_, fact, says) => {
    expect(failures(`name: x\nevidence: [${fact}]\nexpect: { rules: { signed: { is: failed, says: "${says}" } } }`)).toEqual([]);
  });

  it('takes a predicate from the case or from a file', () => {
    const facts = { components: 5, completeness: 'complete' };
    const expected = 'expect: { rules: { sbom: { is: passed, says: 5 components } } }';
    expect(failures(`name: x\nstage: deploy\nevidence: [{ type: cyclonedx, signers: [release], predicate: ${JSON.stringify(facts)} }]\n${expected}`)).toEqual(
      [],
    );
    expect(
      failures(`name: x\nstage: deploy\nevidence: [{ type: cyclonedx, signers: [release], predicateFile: s.json }]\n${expected}`, new Map([['s.json', facts]])),
    ).toEqual([]);
  });

  it.each([
    [
      'a signer whom the policy does not name',
      'name: x\nevidence: [{ type: signature, signers: [stranger] }]\nexpect: { outcome: failed }',
      /signed by "stranger", whom the policy does not name/,
    ],
    ['a rule that is not there', 'name: x\nexpect: { rules: { sgined: failed } }', /rule "sgined", which the policy does not have/],
    ['an image without a digest', 'name: x\nimage: registry.example.com/app:1\nexpect: { outcome: failed }', /names a tag/],
  ])('is refused with %s', (_, yaml, message) => {
    expect(() => failures(yaml)).toThrow(message);
  });

  it.each([
    ['evidence by nobody', 'evidence: [{ type: signature }]', 'must have signers, or rejected'],
    ['evidence that is good and bad', 'evidence: [{ type: signature, signers: [a], rejected: b }]', 'must have signers, or rejected'],
    ['no expectation', 'expect: {}', 'must expect an outcome'],
    ['a misspelled field', 'evidnce: []', 'there is no field "evidnce"'],
    ['a misspelled end', 'expect: { rules: { signed: ok } }', 'must be one of passed, failed'],
    ['a day in place of a time', 'now: 2026-08-15', 'must be a time such as'],
  ])('is no case with %s', (_, field, message) => {
    const expected = field.startsWith('expect') ? '' : '    expect: { outcome: failed }\n';
    expect(
      read(`cases:\n  - name: x\n    ${field}\n${expected}`)
        .problems.map((problem) => problem.message)
        .join('\n'),
    ).toContain(message);
  });
});
