// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { list } from '../intoto/strict-list.ts';
import { type Cvss, type Finding, type FixState, newestCvss, severityOf, stated } from './findings.ts';
import { digestsIn, Identifier, MAX_FINDINGS, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Vulnerability = z.object({
  VulnerabilityID: Identifier,
  VendorIDs: z.array(Identifier).max(2000).nullish(),
  PkgName: Text,
  PkgIdentifier: z.object({ PURL: Text.nullish() }).nullish(),
  InstalledVersion: Text.nullish(),
  FixedVersion: Text.nullish(),
  Status: Text.nullish(),
  Severity: Text.nullish(),
  PublishedDate: Time.nullish(),
  CVSS: z.record(Text, z.object({ V2Score: z.number().nullish(), V3Score: z.number().nullish(), V40Score: z.number().nullish() })).nullish(),
});

const Result = z.object({
  Vulnerabilities: list(Vulnerability, MAX_FINDINGS).nullish(),
  ExperimentalModifiedFindings: z.array(z.unknown()).nullish(),
});

const Report = z.object({
  SchemaVersion: z.literal(2, 'must be 2, the only schema version that is understood'),
  ArtifactName: Text.nullish(),
  CreatedAt: Time.nullish(),
  Trivy: z.object({ Version: Text.nullish() }).nullish(),
  Metadata: z.object({ ImageID: Text.nullish(), RepoDigests: z.array(Text).max(1000).nullish() }).nullish(),
  Results: list(Result, 10_000)
    .nullish()
    .refine((results) => (results ?? []).reduce((sum, { Vulnerabilities }) => sum + (Vulnerabilities?.length ?? 0), 0) <= MAX_FINDINGS, {
      error: `holds more than ${MAX_FINDINGS} findings`,
    }),
});

/** Statuses of trivy-db (pkg/types/status.go); those that name no decision of the vendor stay unknown. */
const FIX_STATE: Readonly<Record<string, FixState>> = {
  fixed: 'available',
  affected: 'none',
  fix_deferred: 'none',
  will_not_fix: 'wont-fix',
  end_of_life: 'wont-fix',
};

/** Reads trivy's JSON report, schema version 2 (trivy, pkg/types: Report). `RepoDigests` hold the digest that was pulled; `ImageID` is the digest of the config. */
export function readTrivy(json: unknown): ScanReport | undefined {
  const head = z.object({ SchemaVersion: z.number(), ArtifactName: z.string().optional(), ArtifactType: z.string().optional() }).safeParse(json);
  if (!head.success || (head.data.ArtifactName === undefined && head.data.ArtifactType === undefined)) return undefined;
  const report = Report.parse(json);
  const results = report.Results ?? [];
  return {
    scanner: `trivy ${report.Trivy?.Version ?? ''}`.trim(),
    scannedAt: report.CreatedAt ?? undefined,
    scannedDigests: digestsIn([report.ArtifactName, ...(report.Metadata?.RepoDigests ?? [])]),
    scannedConfig: digestsIn([report.Metadata?.ImageID])[0],
    findings: results.flatMap((result) => (result.Vulnerabilities ?? []).map(finding)),
    suppressed: results.reduce((sum, { ExperimentalModifiedFindings }) => sum + (ExperimentalModifiedFindings?.length ?? 0), 0),
  };
}

function finding(vulnerability: z.output<typeof Vulnerability>): Finding {
  const fixedIn = (vulnerability.FixedVersion ?? '')
    .split(',')
    .map((version) => version.trim())
    .filter((version) => version !== '');
  const status = vulnerability.Status ?? '';
  return {
    id: vulnerability.VulnerabilityID,
    aliases: [...new Set(vulnerability.VendorIDs ?? [])].filter((id) => isSameVulnerability(id) && id !== vulnerability.VulnerabilityID).sort(),
    severity: severityOf(vulnerability.Severity),
    package: vulnerability.PkgName,
    version: vulnerability.InstalledVersion ?? '',
    purl: vulnerability.PkgIdentifier?.PURL || undefined,
    fixedIn,
    fix: fixedIn.length > 0 ? 'available' : Object.hasOwn(FIX_STATE, status) ? (FIX_STATE[status] ?? 'unknown') : 'unknown',
    ...stated('cvss', newestCvss(Object.values(vulnerability.CVSS ?? {}).flatMap(scores))),
    ...stated('published', vulnerability.PublishedDate || undefined),
  };
}

function scores({
  V2Score,
  V3Score,
  V40Score,
}: {
  V2Score?: number | null | undefined;
  V3Score?: number | null | undefined;
  V40Score?: number | null | undefined;
}): Cvss[] {
  const found: [version: number, score: number | null | undefined][] = [
    [2, V2Score],
    [3, V3Score],
    [4, V40Score],
  ];
  return found.flatMap(([version, score]) => (score ? [{ version, score }] : []));
}

/** `VendorIDs` are advisories. A GitHub advisory is about one vulnerability; a distribution's (DSA, RHSA …) is about an update and may cover many. */
function isSameVulnerability(vendorId: string): boolean {
  return /^(?:CVE|GHSA)-/i.test(vendorId);
}
