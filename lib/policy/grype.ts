// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { type Finding, type FixState, severityOf } from './findings.ts';
import { digestsIn, Identifier, MAX_FINDINGS, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Match = z.object({
  vulnerability: z.object({
    id: Identifier,
    severity: Text.nullish(),
    fix: z.object({ versions: z.array(Text).max(200).nullish(), state: Text.nullish() }).nullish(),
  }),
  relatedVulnerabilities: z
    .array(z.object({ id: Identifier }))
    .max(2000)
    .nullish(),
  artifact: z.object({ name: Text, version: Text.nullish(), purl: Text.nullish() }),
});

const Database = z.object({ built: Time.nullish(), status: z.object({ built: Time.nullish() }).nullish() });

const Report = z.object({
  matches: z.array(Match).max(MAX_FINDINGS),
  ignoredMatches: z.array(z.unknown()).nullish(),
  source: z.object({ type: Text.nullish(), target: z.unknown().optional() }).nullish(),
  descriptor: z.object({ name: z.literal('grype'), version: Text.nullish(), timestamp: Time.nullish(), db: z.unknown().optional() }),
});

const ImageTarget = z.object({
  userInput: Text.nullish(),
  manifestDigest: Text.nullish(),
  repoDigests: z.array(Text).max(1000).nullish(),
  imageID: Text.nullish(),
});

const FIX_STATE: Readonly<Record<string, FixState>> = { fixed: 'available', 'not-fixed': 'none', 'wont-fix': 'wont-fix' };

/**
 * Reads grype's JSON document (grype, presenter/models: Document). Database schema 6 puts `built` under `db.status`, older ones beside it. `manifestDigest` is that of the
 * platform which was scanned; the digest that the user gave, an index for example, stands in `userInput` and `repoDigests`.
 */
export function readGrype(json: unknown): ScanReport | undefined {
  const head = z.object({ descriptor: z.object({ name: z.literal('grype') }) }).safeParse(json);
  if (!head.success) return undefined;
  const report = Report.parse(json);
  const target = ImageTarget.safeParse(report.source?.target).data;
  const database = Database.safeParse(report.descriptor.db).data;
  return {
    scanner: `grype ${report.descriptor.version ?? ''}`.trim(),
    scannedAt: report.descriptor.timestamp || undefined,
    databaseBuilt: database?.status?.built ?? database?.built ?? undefined,
    scannedDigests: digestsIn([target?.manifestDigest, target?.userInput, ...(target?.repoDigests ?? [])]),
    scannedConfig: digestsIn([target?.imageID])[0],
    findings: report.matches.map(finding),
    suppressed: report.ignoredMatches?.length ?? 0,
  };
}

function finding(match: z.output<typeof Match>): Finding {
  const { vulnerability, artifact } = match;
  const fixedIn = (vulnerability.fix?.versions ?? []).filter((version) => version !== '');
  const state = vulnerability.fix?.state ?? '';
  return {
    id: vulnerability.id,
    aliases: [...new Set((match.relatedVulnerabilities ?? []).map(({ id }) => id))].filter((id) => id !== vulnerability.id).sort(),
    severity: severityOf(vulnerability.severity),
    package: artifact.name,
    version: artifact.version ?? '',
    purl: artifact.purl || undefined,
    fixedIn,
    fix: fixedIn.length > 0 ? 'available' : Object.hasOwn(FIX_STATE, state) ? (FIX_STATE[state] ?? 'unknown') : 'unknown',
  };
}
