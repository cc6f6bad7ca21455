// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { Finding } from './findings.ts';
import { parseScanReport, type ScanReport, scanReportOf } from './vulnerability-report.ts';

const A = `sha256:${'a'.repeat(64)}`;
const read = (json: unknown): ScanReport => scanReportOf(json, 'scan.json');
const only = (json: unknown): Finding | undefined => read(json).findings[0];

describe('CycloneDX with vulnerabilities', () => {
  const vulnerability = {
    id: 'CVE-2025-1',
    references: [{ id: 'GHSA-1' }],
    ratings: [
      { severity: 'medium', score: 5, method: 'CVSSv2' },
      { severity: 'high', score: 8.1, method: 'CVSSv31' },
      { severity: 'low', score: 9.9, method: 'OWASP' },
    ],
    published: '2026-01-01T00:00:00Z',
    affects: [{ ref: 'c' }],
    analysis: { state: 'not_affected', justification: 'code_not_reachable' },
  };
  const bom = (more: object = {}) => ({
    bomFormat: 'CycloneDX',
    specVersion: '1.6',
    metadata: {
      timestamp: '2026-08-01T00:00:00Z',
      tools: { components: [{ name: 'scanner', version: '2' }] },
      component: { 'bom-ref': 'root', name: 'app', purl: `pkg:oci/app@${A}` },
    },
    components: [{ 'bom-ref': 'c', name: 'p', version: '1', purl: 'pkg:npm/p@1' }],
    vulnerabilities: [vulnerability],
    ...more,
  });

  it('is read with the worst severity and the newest score; what it says of itself suppresses nothing', () => {
    const report = read(bom());
    expect(report).toMatchObject({ scanner: 'CycloneDX scanner 2', scannedAt: '2026-08-01T00:00:00Z', scannedDigests: [A] });
    expect(report.findings).toEqual([
      {
        id: 'CVE-2025-1',
        aliases: ['GHSA-1'],
        severity: 'high',
        package: 'p',
        version: '1',
        purl: 'pkg:npm/p@1',
        fixedIn: [],
        fix: 'unknown',
        cvss: { version: 3.1, score: 8.1 },
        published: '2026-01-01T00:00:00Z',
      },
    ]);
  });

  it.each([
    ['of no component', { affects: [{ ref: 'x' }] }, 'x'],
    ['of nothing', { affects: undefined }, 'an unnamed package'],
  ])('loses no vulnerability %s', (_name, change, name) => {
    expect(only(bom({ vulnerabilities: [{ ...vulnerability, ...change }] }))).toMatchObject({ package: name, severity: 'high' });
  });

  it('is no report without vulnerabilities, nor with an empty list, which Trivy writes into SBOMs', () => {
    expect(() => read(bom({ vulnerabilities: undefined }))).toThrow('is no vulnerability report');
    expect(() => read(bom({ vulnerabilities: [] }))).toThrow('vulnerabilities: is empty');
  });

  it.each([
    ['vulnerabilities that are no list', { vulnerabilities: {} }, 'vulnerabilities'],
    ['an identifier that is none', { vulnerabilities: [{ ...vulnerability, id: 7 }] }, 'vulnerabilities.0.id'],
    [
      'more findings than there can be',
      { vulnerabilities: new Array(3000).fill({ ...vulnerability, affects: new Array(100).fill({ ref: 'c' }) }) },
      'more than 200000',
    ],
  ])('is refused with %s', (_name, change, expected) => {
    expect(() => read(bom(change))).toThrow(expected);
  });
});

describe('SARIF', () => {
  const run = (more: object = {}, result: object = {}) => ({
    version: '2.1.0',
    runs: [
      {
        tool: { driver: { name: 'grype', version: '0.1', rules: [{ id: 'CVE-2025-1-openssl', properties: { 'security-severity': '9.1' } }] } },
        results: [
          { ruleId: 'CVE-2025-1-openssl', message: { text: 'x' }, locations: [{ physicalLocation: { artifactLocation: { uri: 'bin/x' } } }], ...result },
        ],
        properties: { repoDigests: [`r/app@${A}`] },
        ...more,
      },
    ],
  });

  it('is read by the security severity of its rule', () => {
    expect(read(run())).toMatchObject({ scanner: 'grype 0.1', scannedDigests: [A] });
    expect(only(run())).toMatchObject({ id: 'CVE-2025-1', package: 'openssl', severity: 'critical', fix: 'unknown', cvss: { score: 9.1 } });
  });

  it.each([
    ['by index', run({}, { ruleId: undefined, ruleIndex: 0 }), { id: 'CVE-2025-1', severity: 'critical' }],
    ['suppressed by the report itself', run({}, { suppressions: [{ kind: 'external' }] }), { severity: 'critical' }],
    ['of a rule that is not there', run({}, { ruleId: 'CVE-2025-9' }), { id: 'CVE-2025-9', severity: 'unknown', package: 'bin/x' }],
    [
      'by the tag of trivy',
      run({ tool: { driver: { name: 't', rules: [{ id: 'CVE-2', properties: { tags: ['vulnerability', 'HIGH'] } }] } } }, { ruleId: 'CVE-2' }),
      { severity: 'high' },
    ],
    [
      'with a severity that is no number',
      run({ tool: { driver: { name: 't', rules: [{ id: 'CVE-2', properties: { 'security-severity': '0x1' } }] } } }, { ruleId: 'CVE-2' }),
      { severity: 'unknown' },
    ],
  ])('keeps a result %s', (_name, json, expected) => {
    expect(only(json)).toMatchObject(expected);
  });

  it.each([
    ['no run', { version: '2.1.0', runs: [] }, 'runs'],
    ['another version', { ...run(), version: '2.2.0' }, 'must be 2.1.0'],
    ['a run that failed', run({ invocations: [{ executionSuccessful: false }] }), 'says that the run failed'],
    ['results that are no list', run({ results: null }), 'results'],
  ])('is refused with %s', (_name, json, expected) => {
    expect(() => read(json)).toThrow(expected);
  });
});

describe('osv-scanner', () => {
  const found = (more: object = {}, groups: unknown = [{ ids: ['GHSA-1', 'GO-1'], aliases: ['CVE-2025-1'], max_severity: '7.5' }]) => ({
    results: [
      {
        source: { path: 'package-lock.json', type: 'lockfile' },
        packages: [
          {
            package: { name: 'p', version: '1', ecosystem: 'npm' },
            vulnerabilities: [
              {
                id: 'GHSA-1',
                aliases: [],
                published: '2026-01-01T00:00:00Z',
                affected: [{ package: { name: 'p' }, ranges: [{ events: [{ introduced: '0' }, { fixed: '2' }] }] }],
                ...more,
              },
              { id: 'GO-1' },
            ],
            groups,
          },
        ],
      },
    ],
  });

  it('is clean with an empty list only where it says what it looked for: other tools end in such a list too', () => {
    expect(read({ results: [], experimental_config: { licenses: { summary: false, allowlist: null } } }).findings).toEqual([]);
    expect(() => read({ results: [] })).toThrow('is no vulnerability report');
    expect(() => read({ errors: [], generated_at: '2026-08-01T00:00:00Z', metrics: {}, results: [] })).toThrow('is no vulnerability report');
  });

  it('is read, each group once', () => {
    expect(read(found()).findings).toEqual([
      expect.objectContaining({
        id: 'GHSA-1',
        severity: 'high',
        fix: 'available',
        fixedIn: ['2'],
        cvss: { version: 3, score: 7.5 },
        published: '2026-01-01T00:00:00Z',
      }),
    ]);
  });

  it.each([
    ['the word of its database', found({ database_specific: { severity: 'CRITICAL' } }), 'critical'],
    ['moderate for medium', found({ database_specific: { severity: 'MODERATE' } }, []), 'medium'],
    ['nothing', found({}, null), 'unknown'],
  ])('takes %s for the severity', (_name, json, severity) => {
    expect(read(json).findings.find(({ id }) => id === 'GHSA-1')?.severity).toBe(severity);
  });

  it('is refused with packages that are no list', () => {
    expect(() => read({ results: [{ source: {}, packages: {} }] })).toThrow('results.0.packages');
  });
});

describe('in-toto vulns', () => {
  const predicate = (result: unknown, db: unknown = { lastUpdate: '2026-08-01T00:00:00Z' }) => ({
    scanner: { uri: 'pkg:x', version: '1', db, result },
    metadata: { scanStartedOn: '2026-08-02T00:00:00Z', scanFinishedOn: '2026-08-02T00:01:00Z' },
  });
  const severity = [
    { method: 'nvd', score: 'medium' },
    { method: 'CVSSv3.1', score: '9.8' },
  ];

  it.each([
    ['0.1 as in its example, and 0.2', { id: 'CVE-1', severity }],
    ['0.1 as in its text', { vulnerability: { id: 'CVE-1', severity } }],
  ])('is read: %s', (_name, one) => {
    const report = read(predicate([one]));
    expect(report).toMatchObject({ databaseBuilt: '2026-08-01T00:00:00Z', scannedAt: '2026-08-02T00:01:00Z' });
    expect(report.findings).toEqual([expect.objectContaining({ id: 'CVE-1', severity: 'critical', cvss: { version: 3.1, score: 9.8 }, fix: 'unknown' })]);
  });

  it('takes the package from annotations', () => {
    expect(only(predicate([{ id: 'CVE-1', severity: [], annotations: [{ purl: 'pkg:npm/p@1' }] }]))).toMatchObject({
      package: 'pkg:npm/p@1',
      severity: 'unknown',
    });
  });

  it.each([
    ['no severity', [{ id: 'CVE-1' }]],
    ['no identifier', [{ severity }]],
    ['a text', ['CVE-1']],
  ])('is refused with %s', (_name, result) => {
    expect(() => read(predicate(result))).toThrow('scanner.result.0');
  });
});

describe('any report', () => {
  it.each([
    ['two formats at once, of which each could be meant', '{"bomFormat":"CycloneDX","vulnerabilities":[],"bomFormat":"x"}', 'twice'],
    ['an own prototype', '{"__proto__":{"runs":[]},"version":"2.1.0"}', '__proto__'],
    ['deep JSON', `{"runs":${'['.repeat(5000)}${']'.repeat(5000)}}`, 'nested more than'],
  ])('is refused: %s', (_name, text, expected) => {
    expect(() => parseScanReport(Buffer.from(text), 'scan.json')).toThrow(expected);
  });
});
