// SPDX-License-Identifier: Apache-2.0
import type { Occurrence, PackageIssue, VulnerabilitySeverity } from '../../lib/grafeas/occurrence.ts';
import { type Finding, type Severity, severityRank } from '../../lib/policy/findings.ts';
import type { ScanReport } from '../../lib/policy/vulnerability-report.ts';
import type { Naming } from './from-evidence.ts';

/** Images with more distinct vulnerabilities are beyond what a store helps with; the worst are recorded. */
const MAX_VULNERABILITIES = 2000;
const MAX_ISSUES = 500;

const SEVERITY: Readonly<Record<Severity, VulnerabilitySeverity>> = {
  critical: 'CRITICAL',
  high: 'HIGH',
  medium: 'MEDIUM',
  low: 'LOW',
  negligible: 'MINIMAL',
  unknown: 'SEVERITY_UNSPECIFIED',
};

/** What a scan becomes: an occurrence for each vulnerability, and the one that says that the scan was done, which is to be written last. */
export type MappedScan = { discovery: Occurrence; vulnerabilities: Occurrence[]; cut: number };

/** Maps a scan report; `digest` is that of the report, which tells scans apart. A note is named by the vulnerability, as stores that are fed by scanners do. */
export function mapScan(report: ScanReport, digest: string, { noteId, resourceUri }: Naming): MappedScan {
  const groups = [...Map.groupBy(report.findings, (finding) => vulnerabilityNote(finding.id))];
  const kept = groups.slice(0, MAX_VULNERABILITIES);
  const vulnerabilities = kept.map(([id, findings]): Occurrence => {
    const worst = findings.reduce((a, b) => (severityRank(b.severity) > severityRank(a.severity) ? b : a));
    return {
      noteId: id,
      resourceUri,
      content: { kind: 'VULNERABILITY', severity: SEVERITY[worst.severity], issues: findings.slice(0, MAX_ISSUES).map(packageIssue) },
    };
  });
  const discovery: Occurrence = {
    noteId: `${noteId}-discovery`,
    resourceUri,
    content: {
      kind: 'DISCOVERY',
      analyses: [report.scanner, `report ${digest}`],
      finishedAt: isTime(report.scannedAt) ? report.scannedAt : undefined,
    },
  };
  return { discovery, vulnerabilities, cut: groups.length - kept.length };
}

/** Identifiers come from a scanner, and a note id is part of a path. */
function vulnerabilityNote(id: string): string {
  return id.replace(/[^A-Za-z0-9._-]+/g, '-').slice(0, 100);
}

function packageIssue(finding: Finding): PackageIssue {
  const type = /^pkg:([a-z0-9.+-]+)\//i.exec(finding.purl ?? '')?.[1];
  return {
    package: finding.package || 'unknown',
    version: finding.version,
    cpeUri: finding.purl?.split('?')[0] ?? `pkg:generic/${encodeURIComponent(finding.package || 'unknown')}`,
    packageType: (type ?? 'generic').toUpperCase(),
    fixedIn: finding.fixedIn[0],
    severityName: SEVERITY[finding.severity],
  };
}

function isTime(text: string | undefined): text is string {
  return text !== undefined && /^\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
}
