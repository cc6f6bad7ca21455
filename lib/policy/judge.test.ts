// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { evidence, LOG, OTHER_DIGEST, piece, SUBJECT_DIGEST, sbom, signature } from './test-evidence.ts';
import { expectResult, resultOf, verdictOf } from './test-judge.ts';
import type { Verdict } from './verdict.ts';

const PROVENANCE = PREDICATE_TYPE.slsaprovenance1;

type Case = [name: string, rule: string, pieces: Evidence['pieces'], expected: 'passed' | string];

describe('signature', () => {
  const any = 'type: signature, signers: { any: [release] }';
  const both = 'type: signature, signers: { all: [release, qa] }';
  const two = 'type: signature, signers: { threshold: 2, of: [release, qa, boss] }';
  it.each<Case>([
    ['by the signer', any, [signature()], 'passed'],
    ['among others', any, [signature({ by: 'qa' }), signature(), sbom()], 'passed'],
    ['by both in two pieces', both, [signature(), signature({ by: 'qa' })], 'passed'],
    ['two of three', two, [signature({ by: 'boss' }), signature({ by: 'qa' })], 'passed'],
    ['beside a rejected one', any, [signature(), signature({ rejected: 'the signature does not verify', index: 9 })], 'passed'],
    ['nothing at all', any, [], `${SUBJECT_DIGEST}: there is no signature`],
    ['by somebody else', any, [signature({ by: 'qa' })], 'is by qa, and release must sign'],
    ['by one of both', both, [signature()], 'not there: qa'],
    ['one key under two names', both, [signature({ by: 'release=k' }), signature({ by: 'qa=k' })], 'the same key'],
    ['one of two of three', two, [signature({ by: 'boss' }), signature({ by: 'boss', index: 3 })], 'not there: release, qa'],
    ['only an SBOM attestation', any, [sbom()], 'an attestation is not a signature'],
    ['only an SBOM attestation by another', any, [sbom({}, { by: 'qa' })], 'there is no signature'],
    ['an attestation that is called a signature', any, [piece(PROVENANCE, { kind: 'signature' })], 'there is no signature'],
    ['a signature that is called an attestation', any, [signature({ kind: 'attestation' })], 'there is no signature'],
    ['pending', any, [signature({ kind: 'pending' })], 'signed, not logged yet: pending evidence does not count; run rekor-upload'],
    ['rejected', any, [signature({ rejected: 'the signature does not verify' })], 'was rejected: the signature does not verify'],
    ['unreadable', any, [piece(undefined, { rejected: 'is no bundle' })], 'was rejected: is no bundle'],
    ['something else', any, [piece(undefined, { kind: 'other' })], 'there is no signature'],
  ])('%s', (_name, rule, pieces, expected) => {
    expectResult(resultOf(rule, evidence(...pieces)), expected);
  });
});

describe('log entry', () => {
  const logged = 'type: log-entry, signers: { any: [release] }';
  const withSbom = `${logged}, for: [signature, cyclonedx]`;
  const inLog = `${logged}, logs: ["${LOG}/"]`;
  const both = 'type: log-entry, signers: { all: [release, qa] }';
  it.each<Case>([
    ['a logged signature', logged, [signature({ index: 5 })], 'passed'],
    ['beside an unlogged one', logged, [signature(), signature({ index: 5 })], 'passed'],
    ['signature and SBOM', withSbom, [signature({ index: 5 }), sbom({}, { index: 6 })], 'passed'],
    ['in the named log', inLog, [signature({ index: 0 })], 'passed'],
    ['no signature', logged, [], 'there is no signature'],
    ['not logged', logged, [signature()], 'is a signature by release and holds no log entry'],
    [
      'a log entry that does not verify',
      logged,
      [signature({ logProblem: 'the checkpoint is of another log' })],
      'does not count: the checkpoint is of another log',
    ],
    ['logged by somebody else', logged, [signature(), signature({ by: 'qa', index: 5 })], 'is a signature by release and holds no log entry'],
    [
      'in another log',
      inLog,
      [signature({ index: 5, log: 'https://other.example.com' })],
      'is in the log https://other.example.com, which the rule does not name',
    ],
    ['in a log whose name begins alike', inLog, [signature({ index: 5, log: `${LOG}.evil.example` })], 'which the rule does not name'],
    ['only the SBOM', withSbom, [signature(), sbom({}, { index: 6 })], 'is a signature by release and holds no log entry'],
    ['only the signature', withSbom, [signature({ index: 5 }), sbom()], 'is a cyclonedx attestation by release and holds no log entry'],
    ['the SBOM is missing', withSbom, [signature({ index: 5 })], 'there is no cyclonedx attestation'],
    ['one of both signers', both, [signature({ index: 5 }), signature({ by: 'qa' })], 'is a signature by qa and holds no log entry'],
    ['pending', logged, [signature({ kind: 'pending' })], 'not logged yet'],
    ['an entry in a rejected piece', logged, [signature({ rejected: 'tampered', index: 5 })], 'was rejected: tampered'],
  ])('%s', (_name, rule, pieces, expected) => {
    expectResult(resultOf(rule, evidence(...pieces)), expected);
  });
});

describe('sbom', () => {
  const rule = 'type: sbom, signers: { any: [release] }';
  it.each<Case>([
    ['whole', rule, [sbom()], 'passed'],
    ['that names no digest', rule, [sbom({ rootDigests: [] })], 'passed'],
    ['incomplete, where that is allowed', `${rule}, requireComplete: false`, [sbom({ completeness: 'incomplete' })], 'passed'],
    ['incomplete beside a whole one', rule, [sbom({ completeness: 'incomplete' }), sbom()], 'passed'],
    ['empty, where that is allowed', `${rule}, minComponents: 0`, [sbom({ components: 0 })], 'passed'],
    ['none', rule, [signature()], 'there is no cyclonedx attestation'],
    ['by somebody else', rule, [sbom({}, { by: 'qa' })], 'is by qa, and release must sign'],
    ['of another artifact', rule, [sbom({ rootDigests: [OTHER_DIGEST] })], `describes another artifact: its root is ${OTHER_DIGEST}`],
    ['incomplete', rule, [sbom({ completeness: 'incomplete' })], 'is not whole'],
    ['incomplete with reasons', rule, [sbom({ completeness: 'incomplete', reasons: ['a', 'b', 'c', 'd'] })], 'is not whole: a; b; c; and 1 more'],
    ['silent on completeness', rule, [sbom({ completeness: 'not stated' })], 'does not state that it is complete'],
    ['of unknown completeness', rule, [sbom({ completeness: 'unknown' })], 'states that nobody knows whether it is complete'],
    ['empty', rule, [sbom({ components: 0 })], 'holds 0 components, fewer than 1'],
    ['too small', `${rule}, minComponents: 10`, [sbom()], 'holds 5 components, fewer than 10'],
    ['truncated', rule, [piece(PREDICATE_TYPE.cyclonedx, { predicate: { bomFormat: 'CycloneDX' } })], 'ends in the middle of a component'],
    ['without a predicate', rule, [{ ...sbom(), statement: undefined }], 'cannot be read'],
    [
      'replaced, so that nothing verifies',
      rule,
      [sbom({}, { rejected: 'the payload is not what was signed' })],
      'was rejected: the payload is not what was signed',
    ],
    ['pending', rule, [sbom({}, { kind: 'pending' })], 'is a cyclonedx attestation by release, signed, not logged yet'],
    [
      'signed by both, each another one',
      'type: sbom, signers: { all: [release, qa] }',
      [sbom(), sbom({ components: 6 }, { by: 'qa' })],
      'must sign the same content',
    ],
    ['of another format', rule, [piece(PREDICATE_TYPE.spdxjson)], 'there is no cyclonedx attestation'],
  ])('%s', (_name, text, pieces, expected) => {
    expectResult(resultOf(text, evidence(...pieces)), expected);
  });

  it('counts the same content signed by both', () => {
    expectResult(resultOf('type: sbom, signers: { all: [release, qa] }', evidence(sbom(), sbom({}, { by: 'qa' }))), 'passed');
  });

  it('leaves a defect of the reader a defect', () => {
    const broken = () => {
      throw new TypeError('reading undefined');
    };
    expect(() => resultOf(rule, evidence(sbom()), { readSbom: broken })).toThrow(TypeError);
  });
});

describe('attestation', () => {
  const rule = 'type: attestation, predicateType: slsaprovenance1, signers: { any: [release] }';
  it.each<Case>([
    ['there', rule, [piece(PROVENANCE)], 'passed'],
    ['by its URI', rule.replace('slsaprovenance1', '"https://slsa.dev/provenance/v1"'), [piece(PROVENANCE)], 'passed'],
    ['two different', `${rule}, min: 2`, [piece(PROVENANCE, { predicate: 1 }), piece(PROVENANCE, { predicate: 2 })], 'passed'],
    ['none', rule, [signature(), sbom()], 'there is no slsaprovenance1 attestation'],
    ['by somebody else', rule, [piece(PROVENANCE, { by: 'qa' })], 'is by qa'],
    ['of another version', rule, [piece(PREDICATE_TYPE.slsaprovenance)], 'there is no slsaprovenance1 attestation'],
    [
      'the same twice',
      `${rule}, min: 2`,
      [piece(PROVENANCE), piece(PROVENANCE, { index: 4 })],
      'there are 1 different slsaprovenance1 attestations, and 2 must be there',
    ],
    ['rejected', rule, [piece(PROVENANCE, { rejected: 'is about another artifact' })], 'was rejected: is about another artifact'],
  ])('%s', (_name, text, pieces, expected) => {
    expectResult(resultOf(text, evidence(...pieces)), expected);
  });
});

describe('the scope of a rule', () => {
  const signed = 'type: signature, signers: { any: [release] }';

  it.each<[name: string, rule: string, pieces: Evidence['pieces'], outcome: string, level: string]>([
    ['its day is to come', 'effectiveFrom: 2026-08-16', [], 'failed', 'warn'],
    ['its day has come', 'effectiveFrom: 2026-08-15', [], 'failed', 'enforce'],
    ['it only warns anyway', 'level: warn, effectiveFrom: 2026-01-01', [], 'failed', 'warn'],
  ])('by day: %s', (_name, more, pieces, outcome, level) => {
    const verdict = verdictOf([`id: a, ${more}, ${signed}`], evidence(...pieces));
    expect(verdict.rules).toMatchObject([{ outcome, level }]);
    expect(verdict.notes.some((note) => note.includes('is enforced from 2026-08-16'))).toBe(more.includes('08-16'));
    expect(verdict.outcome).toBe('failed');
  });

  it('lets a rule to come not fail what another one passes', () => {
    const verdict = verdictOf([`id: a, ${signed}`, 'id: b, effectiveFrom: 2026-09-01, type: sbom, signers: { any: [release] }'], evidence(signature()));
    expect([verdict.outcome, verdict.rules.map(({ outcome }) => outcome)]).toEqual(['passed', ['passed', 'failed']]);
  });

  it('by image: only rules whose images match are judged', () => {
    const rules = [`id: a, images: ["registry.example.com/team/*"], ${signed}`, `id: b, images: ["registry.example.com/other/**"], ${signed}`];
    const verdict = verdictOf(rules, evidence(signature()));
    expect(verdict.rules.map(({ id }) => id)).toEqual(['a']);
    expect(verdict.notJudged.map(({ id }) => id)).toEqual(['b']);
    expect(verdict.notes.join()).toContain('Rule b was not judged: it is for other images (registry.example.com/other/**)');
  });

  it.each(['registry.example.com/*', 'registry.example.com/team', 'registry.example.com/team/app@sha256:*', 'other.example.com/**'])(
    'passes nothing when no rule is for the image: %s',
    (images) => {
      const verdict = verdictOf([`id: a, images: ["${images}"], ${signed}`], evidence(signature()));
      expect([verdict.outcome, verdict.rules, verdict.problems.length]).toEqual(['failed', [], 1]);
    },
  );
});

describe('the verdict', () => {
  const signed = 'id: signed, type: signature, signers: { any: [release] }';
  const warned = 'id: sbom, type: sbom, level: warn, signers: { any: [release] }';
  const deployed = 'id: deployed, type: sbom, stages: [deploy], signers: { any: [release] }';

  it.each<[name: string, rules: string[], pieces: Evidence['pieces'], outcome: string]>([
    ['all passed', [signed, warned], [signature(), sbom()], 'passed'],
    ['a warning', [signed, warned], [signature()], 'passed'],
    ['an enforced failure', [signed, warned], [sbom()], 'failed'],
    ['a failure of another stage', [signed, deployed], [signature()], 'passed'],
    ['only warnings, all passed', [warned], [sbom()], 'failed'],
    ['only another stage', [deployed], [sbom()], 'failed'],
  ])('is as the enforced rules of the stage say: %s', (_name, rules, pieces, outcome) => {
    const verdict = verdictOf(rules, evidence(...pieces));
    expect(verdict.outcome).toBe(outcome);
    expect(verdict.problems.length > 0).toBe(!rules.includes(signed));
  });

  it('says what was not judged and what must be known', () => {
    const vsa = piece(PREDICATE_TYPE.vsa);
    const given = evidence(signature(), vsa, sbom({}, { kind: 'pending' }), sbom({}, { rejected: 'tampered' }), piece(undefined, { kind: 'other' }));
    const verdict = verdictOf([signed, deployed], given);
    expect(verdict.notJudged).toEqual([{ id: 'deployed', type: 'sbom', level: 'enforce', stages: ['deploy'] }]);
    const notes = verdict.notes.join('\n');
    for (const part of [
      'No trusted time for 1 of 1',
      '1 pieces of evidence were rejected',
      'signed, not logged yet',
      '(VSA)',
      'are no evidence',
      'Vulnerabilities were not judged',
    ])
      expect(notes).toContain(part);
    expect(verdict.evidence.find(({ digest }) => digest === vsa.digest)?.usedBy).toEqual([]);
    expect(verdict.evidence.find(({ state }) => state === 'rejected')?.reason).toBe('tampered');
  });

  it('is not alarmed by its own summaries, nor by what is pending no more', () => {
    const { notes } = verdictOf(
      [signed],
      evidence(signature({ index: 3 }), signature({ kind: 'pending' }), piece(PREDICATE_TYPE.vsa, { rejected: 'no key of the policy' })),
    );
    expect(notes.join()).not.toMatch(/rejected|not logged yet/);
  });

  it('does not miss a time that is there', () => {
    const verdict = verdictOf([signed], evidence(signature({ time: '2026-08-01T00:00:00Z', index: 1 })));
    expect(verdict.notes.join()).not.toContain('No trusted time');
    expect(verdict.evidence[0]).toMatchObject({
      time: { at: '2026-08-01T00:00:00.000Z', by: 'https://tsa.example.com' },
      log: { index: 1 },
      usedBy: ['signed'],
    });
  });

  it('does not depend on the order of the evidence', () => {
    const given = evidence(signature(), signature({ by: 'qa' }), sbom());
    const turned = { ...given, pieces: [...given.pieces].reverse() };
    const essence = ({ rules }: Verdict) => rules.map(({ outcome, summary, evidence: used }) => ({ outcome, summary, used }));
    expect(essence(verdictOf([signed, warned], turned))).toEqual(essence(verdictOf([signed, warned], given)));
  });
});
