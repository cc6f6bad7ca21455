// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { list } from '../intoto/strict-list.ts';
import { type Cvss, type Finding, newestCvss, severityOf, severityOfScore, severityRank, stated } from './findings.ts';
import { Identifier, MAX_FINDINGS, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Annotations = z.array(z.record(Text, z.unknown())).max(1000).nullish();
const Result = z.object({ id: Identifier, severity: z.array(z.object({ method: Text, score: Text })).max(100), annotations: Annotations });
/** 0.1 speaks of a member `vulnerability` in its text and has none in its example. */
const Either = z.union([z.object({ vulnerability: Result }).transform(({ vulnerability }) => vulnerability), Result]);
const Predicate = z.object({
  scanner: z.object({
    uri: Text,
    version: Text.nullish(),
    db: z.object({ lastUpdate: Time.nullish() }).nullish(),
    result: list(Either, MAX_FINDINGS),
  }),
  metadata: z.object({ scanStartedOn: Time.nullish(), scanFinishedOn: Time.nullish() }),
});

/** Reads the predicate of in-toto vulnerability attestations 0.1 and 0.2 (in-toto/attestation, spec/predicates/vuln.md, vulns_0.2.md). It knows no fix state; the package stands in annotations, where at all. */
export function readInTotoVulns(json: unknown): ScanReport | undefined {
  const head = z.object({ scanner: z.object({ uri: z.string(), result: z.array(z.unknown()) }), metadata: z.unknown() }).safeParse(json);
  if (!head.success) return undefined;
  const { scanner, metadata } = Predicate.parse(json);
  return {
    scanner: `${scanner.uri} ${scanner.version ?? ''}`.trim(),
    scannedAt: metadata.scanFinishedOn ?? metadata.scanStartedOn ?? undefined,
    databaseBuilt: scanner.db?.lastUpdate ?? undefined,
    scannedDigests: [],
    findings: scanner.result.map(finding),
    suppressed: 0,
  };
}

function finding({ id, severity, annotations }: z.output<typeof Result>): Finding {
  const cvss = newestCvss(severity.map(({ method, score }) => cvssOf(method, score)));
  const words = severity.map(({ score }) => severityOf(score));
  const worst = [...words, severityOfScore(cvss?.score)].reduce((a, b) => (severityRank(a) >= severityRank(b) ? a : b));
  const purl = noted(annotations, ['purl']);
  return {
    id,
    aliases: [],
    severity: worst,
    package: noted(annotations, ['package', 'packageName', 'name']) ?? purl ?? 'an unnamed package',
    version: noted(annotations, ['version', 'packageVersion']) ?? '',
    purl,
    fixedIn: [],
    fix: 'unknown',
    ...stated('cvss', cvss),
  };
}

function cvssOf(method: string, score: string): Cvss | undefined {
  if (!/cvss|nvd/i.test(method) || !/^\d{1,2}(?:\.\d+)?$/.test(score)) return undefined;
  const version = /v?([234])(?:[._]?(\d))?/i.exec(method.replace(/cvss_score/i, ''));
  return { version: version ? Number(`${version[1]}.${version[2] ?? 0}`) : 3, score: Number(score) };
}

function noted(annotations: z.output<typeof Annotations>, keys: readonly string[]): string | undefined {
  for (const annotation of annotations ?? [])
    for (const key of keys) {
      const value = Object.hasOwn(annotation, key) ? annotation[key] : undefined;
      if (typeof value === 'string' && value !== '') return value.slice(0, 2000);
    }
  return undefined;
}
