// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Finding } from '../../lib/policy/findings.ts';
import type { ScanReport } from '../../lib/policy/vulnerability-report.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { mapScan } from './from-scan.ts';

const image = parseDigestReference(`r.example.com/app@sha256:${'ab'.repeat(32)}`);
const naming = { image, noteId: 'release', resourceUri: 'https://r.example.com/app' };

function finding(id: string, more: Partial<Finding> = {}): Finding {
  return { id, aliases: [], severity: 'high', package: 'musl', version: '1.0', fixedIn: [], fix: 'none', ...more };
}

function scan(findings: Finding[], scannedAt?: string): ReturnType<typeof mapScan> {
  const report: ScanReport = { scanner: 'grype 0.121.2', scannedAt, scannedDigests: [], findings, suppressed: 0 };
  return mapScan(report, 'sha256:report', naming);
}

test('one vulnerability in several packages is one occurrence, as severe as its worst', () => {
  const { vulnerabilities } = scan([
    finding('CVE-1', { severity: 'low' }),
    finding('CVE-1', { severity: 'critical', package: 'zlib', fixedIn: ['2', '3'] }),
    finding('CVE-2'),
  ]);
  expect(vulnerabilities.map(({ noteId }) => noteId)).toEqual(['CVE-1', 'CVE-2']);
  expect(vulnerabilities[0]?.content).toMatchObject({
    severity: 'CRITICAL',
    issues: [
      { package: 'musl', fixedIn: undefined },
      { package: 'zlib', fixedIn: '2' },
    ],
  });
});

test.each([
  ['critical', 'CRITICAL'],
  ['negligible', 'MINIMAL'],
  ['unknown', 'SEVERITY_UNSPECIFIED'],
] as const)('%s is %s', (severity, expected) => {
  expect(scan([finding('CVE-1', { severity })]).vulnerabilities[0]?.content).toMatchObject({ severity: expected });
});

test('Grafeas wants a URI, a type and a name of every package', () => {
  const issues = (one: Finding): unknown => scan([one]).vulnerabilities[0]?.content;
  expect(issues(finding('X', { purl: 'pkg:apk/alpine/musl@1.0?arch=x86_64' }))).toMatchObject({
    issues: [{ cpeUri: 'pkg:apk/alpine/musl@1.0', packageType: 'APK' }],
  });
  expect(issues(finding('X', { package: 'a b/c' }))).toMatchObject({ issues: [{ cpeUri: 'pkg:generic/a%20b%2Fc', packageType: 'GENERIC' }] });
  expect(issues(finding('X', { package: '' }))).toMatchObject({ issues: [{ package: 'unknown' }] });
});

describe('identifiers of a hostile report', () => {
  test.each([
    ['../../projects/other/notes/x', '..-..-projects-other-notes-x'],
    ['CVE-1?filter=x&y', 'CVE-1-filter-x-y'],
    ['ünïcode\n', '-n-code-'],
    ['x'.repeat(150), 'x'.repeat(100)],
  ])('%j stays one part of a path', (id, noteId) => {
    expect(scan([finding(id)]).vulnerabilities[0]?.noteId).toBe(noteId);
  });
});

test('of too many the worst are kept, and the rest is counted', () => {
  const { vulnerabilities, cut } = scan(Array.from({ length: 2003 }, (_, index) => finding(`CVE-${index}`)));
  expect([vulnerabilities.length, vulnerabilities[0]?.noteId, cut]).toEqual([2000, 'CVE-0', 3]);
});

test.each([
  ['2026-11-24T18:00:00.123456789Z', true],
  ['2026-11-24 18:00:00', false],
  ['yesterday', false],
  [undefined, false],
])('the time %s is passed on: %s', (scannedAt, passed) => {
  expect(scan([], scannedAt).discovery.content).toMatchObject({
    analyses: ['grype 0.121.2', 'report sha256:report'],
    finishedAt: passed ? scannedAt : undefined,
  });
});
