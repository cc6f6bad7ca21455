// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { list } from '../intoto/strict-list.ts';
import { type Cvss, type Finding, severityOf, severityOfScore, severityRank, stated } from './findings.ts';
import { Identifier, MAX_FINDINGS, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Vulnerability = z.object({
  id: Identifier,
  aliases: z.array(Identifier).max(2000).nullish(),
  published: Time.nullish(),
  severity: z
    .array(z.object({ type: Text, score: Text }))
    .max(100)
    .nullish(),
  database_specific: z.object({ severity: z.unknown().optional() }).nullish(),
  affected: list(
    z.object({
      package: z.object({ name: Text }).nullish(),
      ranges: list(
        z.object({
          events: list(z.object({ fixed: Text.nullish() }), 10_000).nullish(),
        }),
        10_000,
      ).nullish(),
    }),
    10_000,
  ).nullish(),
});
type Vulnerability = z.output<typeof Vulnerability>;
const Group = z.object({ ids: z.array(Identifier).max(2000), aliases: z.array(Identifier).max(2000).nullish(), max_severity: Text.nullish() });
const Package = z.object({
  package: z.object({ name: Text, version: Text.nullish(), ecosystem: Text.nullish() }),
  vulnerabilities: list(Vulnerability, MAX_FINDINGS).nullish(),
  groups: list(Group, MAX_FINDINGS).nullish(),
});
type Package = z.output<typeof Package>;
const Report = z.object({
  results: list(z.object({ source: z.object({ path: Text.nullish(), type: Text.nullish() }), packages: list(Package, 500_000).nullish() }), 10_000).refine(
    (results) => results.flatMap(({ packages }) => packages ?? []).reduce((sum, one) => sum + (one.vulnerabilities?.length ?? 0), 0) <= MAX_FINDINGS,
    {
      error: `holds more than ${MAX_FINDINGS} findings`,
    },
  ),
});

/**
 * Reads the JSON of osv-scanner (`--format json`, versions 1 and 2): vulnerabilities in the OSV schema, and groups that say which of them are one. It names neither the digest that was scanned
 * nor a time. A score comes from `max_severity` of the group, the base score that the scanner computed.
 */
export function readOsv(json: unknown): ScanReport | undefined {
  const head = z.object({ results: z.array(z.object({ source: z.object({}) })) }).safeParse(json);
  if (!head.success || z.object({ version: z.string(), runs: z.unknown() }).safeParse(json).data?.runs !== undefined) return undefined;
  const report = Report.parse(json);
  // Many tools that look for other things end in an empty list of this name; osv-scanner says beside it what it looked for (since 1.4.1).
  if (report.results.length === 0 && !z.object({ experimental_config: z.object({}) }).safeParse(json).success) return undefined;
  const findings = report.results.flatMap(({ packages }) => (packages ?? []).flatMap(findingsOf));
  return { scanner: 'osv-scanner', scannedDigests: [], findings, suppressed: 0 };
}

function findingsOf({ package: found, vulnerabilities, groups }: Package): Finding[] {
  const group = new Map((groups ?? []).flatMap((one) => one.ids.map((id) => [id, one] as const)));
  return (vulnerabilities ?? []).map((vulnerability) => {
    const mine = group.get(vulnerability.id);
    const score = Number.parseFloat(mine?.max_severity ?? '');
    const cvss: Cvss | undefined = score > 0 && score <= 10 ? { version: 3, score } : undefined;
    const words = severityOf(typeof vulnerability.database_specific?.severity === 'string' ? vulnerability.database_specific.severity : undefined);
    const byScore = severityOfScore(cvss?.score);
    const fixedIn = fixes(vulnerability, found.name);
    return {
      id: vulnerability.id,
      aliases: [...new Set([...(vulnerability.aliases ?? []), ...(mine?.ids ?? []), ...(mine?.aliases ?? [])])].filter((id) => id !== vulnerability.id).sort(),
      severity: severityRank(words) >= severityRank(byScore) ? words : byScore,
      package: found.name,
      version: found.version ?? '',
      fixedIn,
      fix: fixedIn.length > 0 ? ('available' as const) : ('unknown' as const),
      ...stated('cvss', cvss),
      ...stated('published', vulnerability.published),
    };
  });
}

function fixes({ affected }: Vulnerability, name: string): string[] {
  const mine = (affected ?? []).filter((one) => one.package?.name === undefined || one.package.name === name);
  return [...new Set(mine.flatMap(({ ranges }) => (ranges ?? []).flatMap(({ events }) => (events ?? []).flatMap(({ fixed }) => fixed || []))))].slice(0, 200);
}
