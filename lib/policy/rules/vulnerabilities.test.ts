// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import type { Evidence } from '../../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import type { JudgeInput } from '../judge.ts';
import { evidence, OTHER_DIGEST, piece, SUBJECT_DIGEST } from '../test-evidence.ts';
import { expectResult, resultOf, verdictOf } from '../test-judge.ts';
import { parseScanReport, type ScanReport } from '../vulnerability-report.ts';

type Case = [name: string, rule: string, pieces: Evidence['pieces'], expected: 'passed' | string];

describe('vulnerabilities', () => {
  const GRYPE = parseScanReport(readFileSync(new URL('../testdata/grype.json', import.meta.url)), 'scan.json');
  const TRIVY = JSON.parse(readFileSync(new URL('../testdata/trivy.json', import.meta.url), 'utf8'));
  const scan = (report: Partial<ScanReport>) => ({ scan: { name: 'scan.json', digest: OTHER_DIGEST, report: { ...GRYPE, ...report } } });
  const only = (severity: string, fix: string) =>
    scan({ findings: [{ id: 'CVE-1', aliases: [], severity, package: 'p', version: '1', fixedIn: [], fix } as ScanReport['findings'][number]] });
  const rule = (more: string, block = '[{ severity: critical }, { severity: high, fix: available }]') => `type: vulnerabilities, block: ${block}${more}`;
  const attested = ', report: { file: false, attestation: { signers: { any: [release] } } }';
  const vuln = (predicate: unknown, options = {}) => piece(PREDICATE_TYPE.vuln, { predicate, ...options });
  const wrapped = (result: unknown) => ({ scanner: { uri: 'pkg:x', result }, metadata: {} });
  const clean = { ...TRIVY, Results: [] };
  const ignoring = (entry: string) => rule(`, waivers: [{ ${entry} }]`, '[{ severity: critical }]');

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
    ['waived', ignoring('id: GHSA-aaaa-bbbb-cccc, reason: x, approver: boss, expires: 2026-08-15'), scan({}), 'passed'],
    ['waived by its alias', ignoring('id: cve-2025-10001, reason: x, approver: boss, expires: 2026-12-31'), scan({}), 'passed'],
    ['waived in this package', ignoring('id: CVE-2025-10001, package: merge-deeply, reason: x, approver: boss, expires: 2026-12-31'), scan({}), 'passed'],
    ['waived in another package', ignoring('id: CVE-2025-10001, package: other, reason: x, approver: boss, expires: 2026-12-31'), scan({}), 'merge-deeply'],
    ['waived until yesterday', ignoring('id: CVE-2025-10001, reason: x, approver: boss, expires: 2026-08-14'), scan({}), 'merge-deeply'],
    [
      'waived for this image',
      ignoring('id: CVE-2025-10001, images: ["registry.example.com/team/*"], reason: x, approver: boss, expires: 2026-12-31'),
      scan({}),
      'passed',
    ],
    [
      'waived for another image',
      ignoring('id: CVE-2025-10001, images: ["registry.example.com/other/*"], reason: x, approver: boss, expires: 2026-12-31'),
      scan({}),
      'merge-deeply',
    ],
    [
      'waived for the package URL',
      ignoring('id: CVE-2025-10001, purl: "pkg:npm/merge-deeply@4.*", reason: x, approver: boss, expires: 2026-12-31'),
      scan({}),
      'passed',
    ],
    [
      'waived for another version',
      ignoring('id: CVE-2025-10001, purl: "pkg:npm/merge-deeply@5.*", reason: x, approver: boss, expires: 2026-12-31'),
      scan({}),
      'merge-deeply',
    ],
    [
      'waived until yesterday, by name',
      ignoring('id: CVE-2025-10001, reason: x, approver: boss, expires: 2026-08-14'),
      scan({}),
      'its waiver, approved by boss, expired after 2026-08-14',
    ],
    ['another one waived', ignoring('id: CVE-2025-10000, reason: x, approver: boss, expires: 2026-12-31'), scan({}), 'merge-deeply'],
  ])('%s', (_name, text, extra, expected) => {
    expectResult(resultOf(text, evidence(), extra), expected);
  });

  it('does not ignore an advisory about several CVEs for one of them', () => {
    const several = scan({
      findings: [{ id: 'ELSA-1', aliases: ['CVE-2025-1', 'CVE-2025-2'], severity: 'critical', package: 'p', version: '1', fixedIn: [], fix: 'none' }],
    });
    expectResult(resultOf(ignoring('id: CVE-2025-1, reason: x, approver: boss, expires: 2026-12-31'), evidence(), several), 'ELSA-1 in p 1');
  });

  it('reports used, unused, expired and soon expiring waivers, in the notes of the verdict too', () => {
    const text = rule(
      ', waivers: [{ id: CVE-2025-10001, reason: not reachable, approver: boss, expires: 2026-08-20 }, { id: CVE-1, reason: x, approver: boss, expires: 2026-12-31 }, { id: CVE-2, reason: x, approver: boss, expires: 2026-01-01 }]',
    );
    const { facts } = resultOf(text, evidence(), scan({}));
    expect(facts).toContain('waiver CVE-2025-10001: 1 findings are waived until 2026-08-20, approved by boss, because: not reachable');
    expect(facts).toContain('waiver CVE-1: matches nothing');
    expect(facts).toContain('waiver CVE-2: expired after 2026-01-01 and no longer applies');
    const { notes } = verdictOf([`id: v, ${text}`], evidence(), scan({}));
    for (const note of ['waiver CVE-2025-10001 expires soon, after 2026-08-20', 'waiver CVE-1 matches nothing', 'waiver CVE-2 expired after 2026-01-01'])
      expect(notes.join('\n')).toContain(note);
    expect(verdictOf([`id: v, ${text.replace('block:', 'waiverWarningDays: 3, block:')}`], evidence(), scan({})).notes.join()).not.toContain('expires soon');
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
    [
      'an old clean one, stamped anew, hides nothing: its age is not known',
      rule(attested, '[{ severity: medium }]'),
      [vuln(TRIVY, { time: '2026-08-01T00:00:00Z' }), vuln(clean, { stamped: '2026-08-02T00:00:00Z' })],
      'CVE-2025-20003',
    ],
    [
      'the latest is clean, and the one before was signed with a key and stamped',
      rule(attested, '[{ severity: medium }]'),
      [vuln(TRIVY, { stamped: '2026-08-01T00:00:00Z' }), vuln(clean, { time: '2026-08-02T00:00:00Z' })],
      'passed',
    ],
    [
      'one without a time is not older than any',
      rule(attested, '[{ severity: medium }]'),
      [vuln(TRIVY), vuln(clean, { time: '2026-08-02T00:00:00Z' })],
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

  it('fails on a report that does not count, also beside a clean one', () => {
    const text = rule(', report: { attestation: { signers: { any: [release] } } }');
    const foreign = vuln({ ...clean, ArtifactName: 'x', Metadata: { RepoDigests: [`x@${OTHER_DIGEST}`] } });
    const result = resultOf(text, evidence(foreign), scan({ findings: [] }));
    expectResult(result, `${foreign.digest}: is a report about another artifact`);
    expect(result.summary).toBe('0 findings, none blocked; a report does not count');
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
