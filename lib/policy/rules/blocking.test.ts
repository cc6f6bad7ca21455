// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import type { Finding } from '../findings.ts';
import { evidence, NOW, OTHER_DIGEST, type PieceOptions, piece, SUBJECT_DIGEST } from '../test-evidence.ts';
import { expectResult, resultOf } from '../test-judge.ts';
import type { ScanReport } from '../vulnerability-report.ts';

const FINDING: Finding = { id: 'CVE-1', aliases: [], severity: 'high', package: 'p', version: '1', fixedIn: [], fix: 'none' };
const scan = (findings: Partial<Finding>[], report: Partial<ScanReport> = {}) => ({
  scan: {
    name: 'scan.json',
    digest: OTHER_DIGEST,
    report: { scanner: 'x', scannedDigests: [SUBJECT_DIGEST], suppressed: 0, findings: findings.map((one) => ({ ...FINDING, ...one })), ...report },
  },
});
const rule = (entry: string, more = '') => `type: vulnerabilities, block: [{ ${entry} }]${more}`;

describe('what an entry blocks', () => {
  it.each<[name: string, entry: string, finding: Partial<Finding>, expected: string]>([
    ['a score', 'minCvss: 7', { cvss: { version: 3.1, score: 7 } }, 'CVSS 7'],
    ['a lesser score', 'minCvss: 7', { cvss: { version: 3.1, score: 6.9 } }, 'passed'],
    ['no score', 'minCvss: 7', {}, 'CVSS is not stated'],
    ['no score, where that passes', 'minCvss: 7, ifUnknown: pass', {}, 'passed'],
    ['likely exploited', 'minEpss: 0.1', { epss: 0.1 }, 'EPSS 0.1'],
    ['less likely', 'minEpss: 0.1', { epss: 0.09 }, 'passed'],
    ['nobody says how likely', 'minEpss: 0.1', {}, 'EPSS is not stated'],
    ['known to be exploited', 'kev: true', { kev: true, severity: 'low' }, 'known to be exploited'],
    ['known not to be', 'kev: true', { kev: false }, 'passed'],
    ['nobody knows whether', 'kev: true', {}, 'whether it is known to be exploited is not stated'],
    ['all tests of the entry', 'severity: high, minEpss: 0.5', { epss: 0.6 }, 'EPSS 0.6'],
    ['one test of the entry alone', 'severity: critical, minEpss: 0.5', { epss: 0.6 }, 'passed'],
    ['whether there is a fix is not known', 'severity: high, fix: available', { fix: 'unknown' }, 'whether there is a fix is not stated'],
    ['the same, where that passes', 'severity: high, fix: available, ifUnknown: pass', { fix: 'unknown' }, 'passed'],
    [
      'published long ago',
      'severity: high, leeway: { days: 7, since: published }',
      { published: '2026-08-08T11:59:59Z' },
      'published on 2026-08-08, more than 7 days ago',
    ],
    ['published just now', 'severity: high, leeway: { days: 7, since: published }', { published: '2026-08-08T12:00:01Z' }, 'passed'],
    [
      'fixed just now, published long ago',
      'severity: high, leeway: { days: 7, since: fixed }',
      { published: '2025-01-01T00:00:00Z', fixed: '2026-08-10' },
      'passed',
    ],
    ['no day', 'severity: high, leeway: { days: 7, since: published }', {}, 'since when it is published is not stated'],
    ['a day to come', 'severity: high, leeway: { days: 7, since: published }', { published: '2027-01-01T00:00:00Z' }, 'not stated'],
    ['a day that is none', 'severity: high, leeway: { days: 7, since: published }', { published: 'tomorrow' }, 'not stated'],
    ['an unknown severity where only scores are asked for', 'minCvss: 7', { severity: 'unknown', cvss: { version: 3, score: 3 } }, 'passed'],
    ['an unknown severity', 'severity: high', { severity: 'unknown' }, 'no severity'],
  ])('%s', (_name, entry, finding, expected) => {
    expectResult(resultOf(rule(entry), evidence(), scan([finding])), expected);
  });

  it.each([
    ['fix: available', 'must have one of severity'],
    ['minCvss: 11', 'block[0].minCvss'],
    ['kev: false', 'must be true'],
    ['minEpss: 50', 'block[0].minEpss'],
  ])('is a policy that is refused: %s', (entry, expected) => {
    expect(() => resultOf(rule(entry), evidence(), scan([]))).toThrow(expected);
  });
});

describe('the age of a report', () => {
  const aged = (more: string) => rule('severity: low', `, report: { ${more} }`);
  it.each<[name: string, more: string, report: Partial<ScanReport>, expected: string]>([
    ['a young scan', 'maxScanAgeDays: 7', { scannedAt: '2026-08-10T00:00:00Z' }, 'passed'],
    ['just as old as it may be', 'maxScanAgeDays: 7', { scannedAt: '2026-08-08T12:00:00Z' }, 'passed'],
    ['an old one', 'maxScanAgeDays: 7', { scannedAt: '2026-08-08T11:59:59Z' }, 'is a scan that is 7 days old, and may be 7'],
    ['one without a time', 'maxScanAgeDays: 7', {}, 'states no time'],
    ['one with a time that is none', 'maxScanAgeDays: 7', { scannedAt: 'now' }, 'states a time that is none'],
    ['one of tomorrow', 'maxScanAgeDays: 7', { scannedAt: '2026-08-16T12:00:00Z' }, 'states a time to come'],
    ['a clock that is little ahead', 'maxScanAgeDays: 7', { scannedAt: '2026-08-15T12:04:00Z' }, 'passed'],
    ['a young database', 'maxDatabaseAgeDays: 3', { databaseBuilt: '2026-08-14T00:00:00Z' }, 'passed'],
    [
      'an old database of a young scan',
      'maxDatabaseAgeDays: 3',
      { scannedAt: NOW.toISOString(), databaseBuilt: '2026-08-01T00:00:00Z' },
      'a database that is 14 days old',
    ],
    ['a database of which nobody knows', 'maxDatabaseAgeDays: 3', { scannedAt: NOW.toISOString() }, 'a database that states no time'],
  ])('of a file: %s', (_name, more, report, expected) => {
    expectResult(resultOf(aged(more), evidence(), scan([], report)), expected);
  });

  const attested = aged('file: false, maxScanAgeDays: 7, attestation: { signers: { any: [release] } }');
  const inToto = (scanFinishedOn: string, options: PieceOptions = {}) =>
    piece(PREDICATE_TYPE.vuln, {
      ...options,
      predicate: { scanner: { uri: 'x', db: { lastUpdate: '2026-08-10T00:00:00Z' }, result: [] }, metadata: { scanFinishedOn } },
    });
  it.each<[name: string, time: string, options: PieceOptions, expected: string]>([
    ['with a verified time', '2026-08-10T00:00:00Z', { stamped: '2026-08-10T00:00:10Z' }, 'passed'],
    ['with none', '2026-08-10T00:00:00Z', {}, 'has no verified time'],
    ['an old one that was logged anew', '2026-08-01T00:00:00Z', { stamped: '2026-08-15T00:00:00Z' }, 'is 14 days old'],
    ['by a clock that runs ahead', '2026-08-14T00:00:00Z', { stamped: '2026-08-10T00:00:00Z' }, 'after it was signed'],
  ])('that is attested: %s', (_name, time, options, expected) => {
    expectResult(resultOf(attested, evidence(inToto(time, options))), expected);
  });

  it('lets a young scan replace an old one that lies there still', () => {
    const old = inToto('2026-08-01T00:00:00Z', { stamped: '2026-08-01T00:00:05Z' });
    const result = resultOf(attested, evidence(old, inToto('2026-08-14T00:00:00Z', { stamped: '2026-08-14T00:00:05Z' })));
    expectResult(result, 'passed');
    expect(result.facts.join('\n')).toContain(`${old.digest} was not looked at: it is a scan that is 14 days old`);
  });
});
