// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { list } from '../intoto/strict-list.ts';
import { type Cvss, type Finding, newestCvss, severityOf, severityRank, stated } from './findings.ts';
import { parsePurl } from './package-url.ts';
import { digestsIn, Identifier, MAX_FINDINGS, malformed, Text, Time } from './scanner-json.ts';
import type { ScanReport } from './vulnerability-report.ts';

const Component = z.object({ 'bom-ref': Text.nullish(), name: Text, version: Text.nullish(), purl: Text.nullish() });
type Component = z.output<typeof Component>;
const Hash = z.object({ alg: Text, content: Text });
const Root = Component.extend({ hashes: z.array(Hash).max(1000).nullish() });
const Tools = z.union([
  z.array(z.object({ name: Text.nullish(), version: Text.nullish() })).max(100),
  z.object({ components: z.array(Component).max(100).nullish() }),
]);
const Rating = z.object({ severity: Text.nullish(), score: z.number().nullish(), method: Text.nullish() });

const Vulnerability = z.object({
  id: Identifier,
  references: z
    .array(z.object({ id: Identifier }))
    .max(2000)
    .nullish(),
  ratings: z.array(Rating).max(1000).nullish(),
  published: Time.nullish(),
  affects: list(z.object({ ref: Text }), 100_000).nullish(),
});

const Report = z.object({
  bomFormat: z.literal('CycloneDX'),
  metadata: z.object({ timestamp: Time.nullish(), tools: Tools.nullish(), component: Root.nullish() }).nullish(),
  components: list(Component, 500_000).nullish(),
  vulnerabilities: list(Vulnerability, MAX_FINDINGS),
});

const METHOD_VERSION: Readonly<Record<string, number>> = { CVSSv2: 2, CVSSv3: 3, CVSSv31: 3.1, CVSSv4: 4 };

/**
 * Reads a CycloneDX document with vulnerabilities (vulnerability disclosure report, CycloneDX 1.4 to 1.7). A document without the member `vulnerabilities` is an SBOM and no report: that nobody
 * looked for vulnerabilities does not mean that there are none; and neither does an empty list, which Trivy writes into every SBOM. What `analysis` says is a matter of the rule's VEX and suppresses nothing here. A ref that no component has is still a finding.
 */
export function readCycloneDxReport(json: unknown): ScanReport | undefined {
  const head = z.object({ bomFormat: z.literal('CycloneDX'), vulnerabilities: z.unknown() }).safeParse(json);
  if (!head.success || head.data.vulnerabilities === undefined) return undefined;
  const report = Report.parse(json);
  if (report.vulnerabilities.length === 0)
    throw malformed("is empty, as in an SBOM for which nobody looked; give the scanner's own JSON instead", 'vulnerabilities');
  const count = report.vulnerabilities.reduce((sum, { affects }) => sum + Math.max(affects?.length ?? 0, 1), 0);
  if (count > MAX_FINDINGS) throw malformed(`holds more than ${MAX_FINDINGS} findings`, 'vulnerabilities');
  const root = report.metadata?.component ?? undefined;
  const components = new Map((report.components ?? []).flatMap((one) => (one['bom-ref'] ? [[one['bom-ref'], one] as const] : [])));
  if (root?.['bom-ref'] && !components.has(root['bom-ref'])) components.set(root['bom-ref'], root);
  const findings = report.vulnerabilities.flatMap((one) => findingsOf(one, components));
  const hashes = (root?.hashes ?? []).filter(({ alg }) => alg === 'SHA-256').map(({ content }) => `sha256:${content}`);
  return {
    scanner: toolName(report.metadata?.tools ?? undefined),
    scannedAt: report.metadata?.timestamp ?? undefined,
    scannedDigests: digestsIn([...hashes, ociDigest(root?.purl)]),
    findings,
    suppressed: 0,
  };
}

function findingsOf(vulnerability: z.output<typeof Vulnerability>, components: ReadonlyMap<string, Component>): Finding[] {
  const ratings = vulnerability.ratings ?? [];
  const severities = ratings.map(({ severity }) => severityOf(severity)).sort((a, b) => severityRank(b) - severityRank(a));
  const scores = ratings.map(({ method, score }): Cvss | undefined =>
    score === undefined || score === null
      ? undefined
      : { version: (Object.hasOwn(METHOD_VERSION, method ?? '') ? METHOD_VERSION[method ?? ''] : undefined) ?? Number.NaN, score },
  );
  const base = {
    id: vulnerability.id,
    aliases: [...new Set((vulnerability.references ?? []).map(({ id }) => id))].filter((id) => id !== vulnerability.id).sort(),
    severity: severities[0] ?? 'unknown',
    fixedIn: [],
    fix: 'unknown' as const,
    ...stated('cvss', newestCvss(scores)),
    ...stated('published', vulnerability.published),
  };
  const refs = vulnerability.affects?.map(({ ref }) => ref) ?? [];
  return (refs.length > 0 ? refs : ['']).map((ref) => {
    const component = components.get(ref);
    return { ...base, package: component?.name ?? (ref || 'an unnamed package'), version: component?.version ?? '', purl: component?.purl || undefined };
  });
}

function toolName(tools: z.output<typeof Tools> | undefined): string {
  const [tool] = (Array.isArray(tools) ? tools : tools?.components) ?? [];
  return `CycloneDX ${[tool?.name, tool?.version].filter((text) => text).join(' ')}`.trim();
}

function ociDigest(purl: string | null | undefined): string | undefined {
  const parsed = parsePurl(purl ?? '');
  return parsed?.type === 'oci' ? parsed.version : undefined;
}
