// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { list } from '../intoto/strict-list.ts';
import { type Finding, type Severity, severityOf, severityOfScore, severityRank, stated } from './findings.ts';
import { digestsIn, Identifier, MAX_FINDINGS, malformed, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Properties = z.object({ 'security-severity': z.union([Text, z.number()]).nullish(), tags: z.array(Text).max(1000).nullish() }).nullish();
const Rule = z.object({ id: Identifier, properties: Properties });
const Location = z.object({
  physicalLocation: z.object({ artifactLocation: z.object({ uri: Text.nullish() }).nullish() }).nullish(),
  logicalLocations: z
    .array(z.object({ name: Text.nullish(), fullyQualifiedName: Text.nullish() }))
    .max(1000)
    .nullish(),
});
const Result = z.object({
  ruleId: Identifier.nullish(),
  ruleIndex: z.int().nullish(),
  rule: z.object({ id: Identifier.nullish(), index: z.int().nullish() }).nullish(),
  level: Text.nullish(),
  kind: Text.nullish(),
  locations: z.array(Location).max(1000).nullish(),
  suppressions: z.array(z.unknown()).max(1000).nullish(),
  properties: Properties,
});
type Result = z.output<typeof Result>;
const Run = z.object({
  tool: z.object({ driver: z.object({ name: Text, version: Text.nullish(), rules: list(Rule, MAX_FINDINGS).nullish() }) }),
  results: list(Result, MAX_FINDINGS),
  invocations: z
    .array(z.object({ executionSuccessful: z.boolean(), endTimeUtc: Time.nullish(), startTimeUtc: Time.nullish() }))
    .max(100)
    .nullish(),
  properties: z.object({ imageName: Text.nullish(), repoDigests: z.array(Text).max(1000).nullish() }).nullish(),
});
const Report = z.object({ version: z.literal('2.1.0', 'must be 2.1.0, the only version that is understood'), runs: z.array(Run).min(1).max(20) });

/**
 * Reads SARIF 2.1.0 (OASIS) as grype, trivy and others write it for images: `security-severity` of the rule is a CVSS score (GitHub's convention). It knows no package and no fix state, so the
 * location stands for the package. Results that the report calls suppressed count all the same. A run that says that it failed is no report.
 */
export function readSarif(json: unknown): ScanReport | undefined {
  if (!z.object({ version: z.string(), runs: z.array(z.unknown()) }).safeParse(json).success) return undefined;
  const { runs } = Report.parse(json);
  const invocations = runs.flatMap((run) => run.invocations ?? []);
  if (invocations.some(({ executionSuccessful }) => !executionSuccessful))
    throw malformed('says that the run failed', 'runs', 'invocations', 'executionSuccessful');
  const [first] = runs;
  const times = invocations.flatMap(({ endTimeUtc, startTimeUtc }) => endTimeUtc || startTimeUtc || []).sort();
  return {
    scanner: `${first?.tool.driver.name ?? ''} ${first?.tool.driver.version ?? ''}`.trim(),
    scannedAt: times[0],
    scannedDigests: digestsIn(runs.flatMap(({ properties }) => [properties?.imageName, ...(properties?.repoDigests ?? [])])),
    findings: runs.flatMap(findingsOf),
    suppressed: 0,
  };
}

function findingsOf({ tool, results }: z.output<typeof Run>): Finding[] {
  const rules = tool.driver.rules ?? [];
  const byId = new Map(rules.map((rule) => [rule.id, rule]));
  return results
    .filter(({ kind }) => kind !== 'pass' && kind !== 'notApplicable')
    .map((result) => {
      const index = result.ruleIndex ?? result.rule?.index ?? -1;
      const id = result.ruleId ?? result.rule?.id ?? rules[index]?.id ?? 'a result without a rule';
      const rule = byId.get(id) ?? rules[index];
      const score = scoreOf(result.properties) ?? scoreOf(rule?.properties);
      return {
        ...identified(id, placeOf(result)),
        severity: worse(severityOfScore(score), ...(rule?.properties?.tags ?? []).map((tag) => severityOf(tag))),
        version: '',
        fixedIn: [],
        fix: 'unknown' as const,
        ...stated('cvss', score === undefined ? undefined : { version: 3, score }),
      };
    });
}

/** grype names its rules after vulnerability and package, such as CVE-2025-1-openssl. */
function identified(ruleId: string, place: string): Pick<Finding, 'id' | 'aliases' | 'package'> {
  const [, id, name] = /^((?:CVE-\d{4}-\d+|GHSA(?:-[0-9a-z]{4}){3}))-(.+)$/i.exec(ruleId) ?? [];
  return { id: id ?? ruleId, aliases: [], package: name ?? place };
}

function placeOf({ locations }: Result): string {
  const [location] = locations ?? [];
  const [logical] = location?.logicalLocations ?? [];
  return logical?.fullyQualifiedName || logical?.name || location?.physicalLocation?.artifactLocation?.uri || 'an unnamed package';
}

function scoreOf(properties: z.output<typeof Properties>): number | undefined {
  const text = properties?.['security-severity'];
  const score = typeof text === 'string' && /^\d{1,2}(?:\.\d+)?$/.test(text) ? Number(text) : text;
  return typeof score === 'number' && score >= 0 && score <= 10 ? score : undefined;
}

function worse(...severities: Severity[]): Severity {
  return severities.reduce((a, b) => (severityRank(a) >= severityRank(b) ? a : b), 'unknown');
}
