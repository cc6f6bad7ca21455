// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { list } from '../intoto/strict-list.ts';
import { type Finding, type FixState, newestCvss, severityOf, stated } from './findings.ts';
import { digestsIn, Identifier, MAX_FINDINGS, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Match = z.object({
  vulnerability: z.object({
    id: Identifier,
    severity: Text.nullish(),
    fix: z
      .object({
        versions: z.array(Text).max(200).nullish(),
        state: Text.nullish(),
        available: z
          .array(z.object({ date: Time.nullish() }))
          .max(200)
          .nullish(),
      })
      .nullish(),
    cvss: z
      .array(z.object({ version: Text, metrics: z.object({ baseScore: z.number() }) }))
      .max(100)
      .nullish(),
    epss: z
      .array(z.object({ epss: z.number().min(0).max(1) }))
      .max(100)
      .nullish(),
    knownExploited: z.array(z.unknown()).max(100).nullish(),
  }),
  relatedVulnerabilities: z
    .array(z.object({ id: Identifier }))
    .max(2000)
    .nullish(),
  artifact: z.object({ name: Text, version: Text.nullish(), purl: Text.nullish() }),
});

const Database = z.object({ built: Time.nullish(), status: z.object({ built: Time.nullish() }).nullish() });

const Report = z.object({
  matches: list(Match, MAX_FINDINGS),
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
    // Databases before schema 6 know nothing of exploitation, so that there silence says nothing.
    findings: report.matches.map((match) => finding(match, database?.status !== undefined)),
    suppressed: report.ignoredMatches?.length ?? 0,
  };
}

function finding(match: z.output<typeof Match>, tellsExploited: boolean): Finding {
  const { vulnerability, artifact } = match;
  const fixedIn = (vulnerability.fix?.versions ?? []).filter((version) => version !== '');
  const state = vulnerability.fix?.state ?? '';
  const dates = (vulnerability.fix?.available ?? []).flatMap(({ date }) => date || []).sort();
  return {
    id: vulnerability.id,
    aliases: [...new Set((match.relatedVulnerabilities ?? []).map(({ id }) => id))].filter((id) => id !== vulnerability.id).sort(),
    severity: severityOf(vulnerability.severity),
    package: artifact.name,
    version: artifact.version ?? '',
    purl: artifact.purl || undefined,
    fixedIn,
    fix: fixedIn.length > 0 ? 'available' : Object.hasOwn(FIX_STATE, state) ? (FIX_STATE[state] ?? 'unknown') : 'unknown',
    ...stated('cvss', newestCvss((vulnerability.cvss ?? []).map((one) => ({ version: Number.parseFloat(one.version), score: one.metrics.baseScore })))),
    ...stated('epss', vulnerability.epss?.length ? Math.max(...vulnerability.epss.map(({ epss }) => epss)) : undefined),
    ...stated('kev', vulnerability.knownExploited?.length ? true : tellsExploited ? false : undefined),
    ...stated('fixed', dates[0]),
  };
}
