// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { evidence, LOG, NOW, OTHER_DIGEST, piece, readTestSbom, SUBJECT_DIGEST, sbom, signature } from './evidence-fixture.ts';
import { type JudgeInput, judge } from './judge.ts';
import { parsePolicy } from './policy.ts';
import type { RuleResult, Verdict } from './verdict.ts';
import { parseScanReport, type ScanReport } from './vulnerability-report.ts';

const PROVENANCE = PREDICATE_TYPE.slsaprovenance1;

/** A policy with the rule, and with the signers that it names. */
function policyOf(...rules: string[]): JudgeInput['policy'] {
  const names = [...new Set(rules.flatMap((rule) => [...rule.matchAll(/(?:any|all|of): \[([a-z, ]+)\]/g)].flatMap(([, list = '']) => list.split(', '))))];
  const signers = names.map((name) => `{ name: ${name}, key: { file: ${name}.pub } }`);
  const text = `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: test }\nsigners: [${signers.join(', ')}]\nrules:\n${rules.map((rule) => `  - { ${rule} }`).join('\n')}`;
  return parsePolicy(Buffer.from(text), 'policy.yaml');
}

function verdictOf(rules: string[], given: Evidence, extra: Partial<JudgeInput> = {}): Verdict {
  return judge({ policy: policyOf(...rules), policyDigest: OTHER_DIGEST, evidence: given, stage: 'build', now: NOW, readSbom: readTestSbom, ...extra });
}

function resultOf(rule: string, given: Evidence, extra: Partial<JudgeInput> = {}): RuleResult {
  const [result] = verdictOf([`id: rule, ${rule}`], given, extra).rules;
  if (result === undefined) throw new Error('the rule was not judged');
  return result;
}

type Case = [name: string, rule: string, pieces: Evidence['pieces'], expected: 'passed' | string];

/** `passed`, or a text that a problem of the failed rule holds. */
function expectResult(result: RuleResult, expected: string): void {
  const problems = result.problems.map(({ object, reason, remedy }) => `${object}: ${reason}; ${remedy}`).join('\n');
  expect(`${result.outcome}\n${problems}`).toContain(expected);
  expect(result.outcome === 'passed').toBe(expected === 'passed');
  expect(result.problems.length > 0).toBe(result.outcome === 'failed');
  for (const problem of result.problems) for (const text of Object.values(problem)) expect(text.length).toBeGreaterThan(0);
}

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
    ['incomplete', rule, [sbom({ completeness: 'incomplete' })], 'states that its completeness is incomplete'],
    ['silent on completeness', rule, [sbom({ completeness: 'not stated' })], 'does not state that it is complete'],
    ['of unknown completeness', rule, [sbom({ completeness: 'unknown' })], 'states that its completeness is unknown'],
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

describe('vulnerabilities', () => {
  const GRYPE = parseScanReport(readFileSync(new URL('./testdata/grype.json', import.meta.url)), 'scan.json');
  const TRIVY = JSON.parse(readFileSync(new URL('./testdata/trivy.json', import.meta.url), 'utf8'));
  const scan = (report: Partial<ScanReport>) => ({ scan: { name: 'scan.json', digest: OTHER_DIGEST, report: { ...GRYPE, ...report } } });
  const only = (severity: string, fix: string) =>
    scan({ findings: [{ id: 'CVE-1', aliases: [], severity, package: 'p', version: '1', fixedIn: [], fix } as ScanReport['findings'][number]] });
  const rule = (more: string, block = '[{ severity: critical }, { severity: high, fix: available }]') => `type: vulnerabilities, block: ${block}${more}`;
  const attested = ', report: { file: false, attestation: { signers: { any: [release] } } }';
  const vuln = (predicate: unknown, options = {}) => piece(PREDICATE_TYPE.vuln, { predicate, ...options });
  const wrapped = (result: unknown) => ({ scanner: { uri: 'pkg:x', result }, metadata: {} });
  const clean = { ...TRIVY, Results: [] };
  const ignoring = (entry: string) => rule(`, ignore: [{ ${entry} }]`, '[{ severity: critical }]');

  it.each<[name: string, rule: string, extra: Partial<JudgeInput>, expected: string]>([
    ['nothing that bad', rule('', '[{ severity: critical, fix: available }]'), only('critical', 'none'), 'passed'],
    ['a critical one', rule(''), scan({}), 'GHSA-aaaa-bbbb-cccc in merge-deeply 4.17.20: critical, fixed in 4.17.22; update merge-deeply to 4.17.22'],
    ['a severity means the worse ones too', rule('', '[{ severity: low }]'), only('critical', 'none'), 'critical, not fixed yet'],
    ['a severity does not mean the lesser ones', rule('', '[{ severity: high }]'), only('medium', 'available'), 'passed'],
    ['high with a fix', rule(''), only('high', 'available'), 'CVE-1 in p 1: high'],
    ['high without one', rule(''), only('high', 'none'), 'passed'],
    ['high that will not be fixed', rule(''), only('high', 'wont-fix'), 'passed'],
    ['unknown, by default', rule(''), only('unknown', 'none'), 'no severity'],
    ['unknown, only warned of', rule(', unknownSeverity: warn'), only('unknown', 'none'), 'passed'],
    ['unknown, ignored', rule(', unknownSeverity: ignore'), only('unknown', 'available'), 'passed'],
    ['no scan', rule(''), {}, `${SUBJECT_DIGEST}: no scan: no report was handed over as a file`],
    ['another image', rule(''), scan({ scannedDigests: [OTHER_DIGEST], findings: [] }), `is a report about another artifact (${OTHER_DIGEST}`],
    ['another config', rule(''), { ...scan({ scannedDigests: [], findings: [] }), configDigest: OTHER_DIGEST }, 'is a report about another artifact'],
    ['no digest', rule(''), scan({ scannedDigests: [], scannedConfig: undefined, findings: [] }), 'passed'],
    [
      'no digest, where it is asked for',
      rule(', report: { requireDigest: true }'),
      scan({ scannedDigests: [], scannedConfig: undefined, findings: [] }),
      'does not name the digest',
    ],
    ['a file, where none is accepted', rule(attested), scan({ findings: [] }), 'no scan: none is attested'],
    ['ignored', ignoring('id: GHSA-aaaa-bbbb-cccc, reason: x, expires: 2026-08-15'), scan({}), 'passed'],
    ['ignored by its alias', ignoring('id: cve-2025-10001, reason: x, expires: 2026-12-31'), scan({}), 'passed'],
    ['ignored in this package', ignoring('id: CVE-2025-10001, package: merge-deeply, reason: x, expires: 2026-12-31'), scan({}), 'passed'],
    ['ignored in another package', ignoring('id: CVE-2025-10001, package: other, reason: x, expires: 2026-12-31'), scan({}), 'merge-deeply'],
    ['ignored until yesterday', ignoring('id: CVE-2025-10001, reason: x, expires: 2026-08-14'), scan({}), 'merge-deeply'],
    ['another one ignored', ignoring('id: CVE-2025-10000, reason: x, expires: 2026-12-31'), scan({}), 'merge-deeply'],
  ])('%s', (_name, text, extra, expected) => {
    expectResult(resultOf(text, evidence(), extra), expected);
  });

  it('does not ignore an advisory about several CVEs for one of them', () => {
    const several = scan({
      findings: [{ id: 'ELSA-1', aliases: ['CVE-2025-1', 'CVE-2025-2'], severity: 'critical', package: 'p', version: '1', fixedIn: [], fix: 'none' }],
    });
    expectResult(resultOf(ignoring('id: CVE-2025-1, reason: x, expires: 2026-12-31'), evidence(), several), 'ELSA-1 in p 1');
  });

  it('reports ignored, unused, expired and soon expiring entries', () => {
    const text = rule(
      ', ignore: [{ id: CVE-2025-10001, reason: not reachable, expires: 2026-08-20 }, { id: CVE-1, reason: x, expires: 2026-12-31 }, { id: CVE-2, reason: x, expires: 2026-01-01 }]',
    );
    const { facts } = resultOf(text, evidence(), scan({}));
    expect(facts).toContain('ignore CVE-2025-10001: 1 findings are ignored until 2026-08-20, which is soon, because: not reachable');
    expect(facts).toContain('ignore CVE-1: matches nothing');
    expect(facts).toContain('ignore CVE-2: expired after 2026-01-01 and no longer applies');
    expect(facts.join('\n')).toContain("1 matches left out by the scanner's own settings");
  });

  it.each<Case>([
    ['a clean one', rule(attested), [vuln(wrapped(clean))], 'passed'],
    ['the report itself as predicate', rule(attested), [vuln(clean)], 'passed'],
    ['by somebody else', rule(attested), [vuln(wrapped(clean), { by: 'qa' })], 'is by qa'],
    ['of another predicate type', rule(attested), [piece('https://example.com/scan/v1', { predicate: clean })], 'no scan'],
    [
      'about another artifact',
      rule(attested),
      [vuln({ ...clean, ArtifactName: 'x', Metadata: { RepoDigests: [`x@${OTHER_DIGEST}`] } })],
      'is a report about another artifact',
    ],
    ['that cannot be read', rule(attested), [vuln({ scanner: { result: { runs: [] } } })], 'cannot be read'],
    ['with something blocked', rule(attested, '[{ severity: medium }]'), [vuln(wrapped(TRIVY))], 'CVE-2025-20003 in left-padding 1.0.0'],
    [
      'the latest is clean',
      rule(attested, '[{ severity: medium }]'),
      [vuln(TRIVY, { time: '2026-08-01T00:00:00Z' }), vuln(clean, { time: '2026-08-02T00:00:00Z' })],
      'passed',
    ],
    [
      'the latest is not clean',
      rule(attested, '[{ severity: medium }]'),
      [vuln(TRIVY, { time: '2026-08-02T00:00:00Z' }), vuln(clean, { time: '2026-08-01T00:00:00Z' })],
      'CVE-2025-20003',
    ],
    [
      'a clean one without a time hides nothing',
      rule(attested, '[{ severity: medium }]'),
      [vuln(TRIVY, { time: '2026-08-01T00:00:00Z' }), vuln(clean)],
      'CVE-2025-20003',
    ],
    ['pending', rule(attested), [vuln(clean, { kind: 'pending' })], 'not logged yet'],
  ])('attested: %s', (_name, text, pieces, expected) => {
    expectResult(resultOf(text, evidence(...pieces)), expected);
  });

  it('judges file and attestation together', () => {
    const text = rule(', report: { attestation: { signers: { any: [release] } } }', '[{ severity: medium }]');
    expectResult(resultOf(text, evidence(vuln(wrapped(TRIVY))), scan({ findings: [] })), 'CVE-2025-20003');
  });

  it('lists a bounded number of problems, the worst first, and says how many there are', () => {
    const findings = Array.from({ length: 5000 }, (_, index) => ({
      id: `CVE-${index}`,
      aliases: [],
      severity: index === 4999 ? 'critical' : 'high',
      package: 'p',
      version: '1',
      fixedIn: [],
      fix: 'none',
    }));
    const result = resultOf(rule('', '[{ severity: high }]'), evidence(), scan({ findings: findings as unknown as ScanReport['findings'] }));
    expect(result.problems).toHaveLength(200);
    expect(result.problems[0]?.object).toBe('CVE-4999 in p 1');
    expect(result.summary).toBe('5000 of 5000 findings are blocked');
    expect(result.facts).toContain('5000 problems, of which the first 200 are listed');
  });
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

  it('does not miss a time that is there', () => {
    const verdict = verdictOf([signed], evidence(signature({ time: '2026-08-01T00:00:00Z', index: 1 })));
    expect(verdict.notes.join()).not.toContain('No trusted time');
    expect(verdict.evidence[0]).toMatchObject({ time: '2026-08-01T00:00:00.000Z', log: { index: 1 }, usedBy: ['signed'] });
  });

  it('is the same for the same input, whatever the order of the evidence', () => {
    const given = evidence(signature(), sbom());
    const turned = { ...given, pieces: [...given.pieces] };
    expect(JSON.stringify(verdictOf([signed, warned], given))).toBe(JSON.stringify(verdictOf([signed, warned], turned)));
  });
});
