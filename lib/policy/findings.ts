// SPDX-License-Identifier: Apache-2.0
import { bugError } from '../errors/errors.ts';
import { parsePurl } from './package-url.ts';

/** From harmless to worst; `unknown` stands apart because a scanner that knows no severity says nothing about it. */
export const SEVERITIES = ['negligible', 'low', 'medium', 'high', 'critical'] as const;
export type KnownSeverity = (typeof SEVERITIES)[number];
export type Severity = KnownSeverity | 'unknown';
export type FixState = 'available' | 'none' | 'unknown' | 'wont-fix';

/** A CVSS base score, and the version of CVSS that it is of. */
export type Cvss = { version: number; score: number };

/** One vulnerability in one package. Texts come from a scanner and are foreign; what it does not say is undefined. */
export type Finding = {
  id: string;
  /** Other identifiers of the same vulnerability, sorted. */
  aliases: string[];
  severity: Severity;
  package: string;
  version: string;
  purl?: string | undefined;
  /** Versions without the vulnerability, as the scanner writes them. */
  fixedIn: string[];
  fix: FixState;
  /** The worst score of the newest CVSS version; scores of several versions cannot be compared. */
  cvss?: Cvss | undefined;
  /** Probability of exploitation, 0 to 1. */
  epss?: number | undefined;
  /** Whether it is known to be exploited. */
  kev?: boolean | undefined;
  /** When it was published, and when the first fix was there (RFC 3339), as the report states it. */
  published?: string | undefined;
  fixed?: string | undefined;
};

const FIX_ORDER: readonly FixState[] = ['unknown', 'none', 'wont-fix', 'available'];

/** Words of other scanners for the five severities (CycloneDX, OSV and GitHub advisories). */
const SYNONYMS: Readonly<Record<string, KnownSeverity>> = { moderate: 'medium', important: 'high', info: 'negligible', none: 'negligible' };

/** The severity that a scanner wrote in its own case; anything but the known words is `unknown`. */
export function severityOf(text: string | null | undefined): Severity {
  const word = (text ?? '').toLowerCase();
  return SEVERITIES.find((severity) => severity === word) ?? (Object.hasOwn(SYNONYMS, word) ? (SYNONYMS[word] ?? 'unknown') : 'unknown');
}

/** The severity that a CVSS 3 or 4 base score stands for (CVSS v3.1, "Qualitative Severity Rating Scale"). */
export function severityOfScore(score: number | undefined): Severity {
  if (score === undefined) return 'unknown';
  return score >= 9 ? 'critical' : score >= 7 ? 'high' : score >= 4 ? 'medium' : score > 0 ? 'low' : 'negligible';
}

/** -1 for unknown, then rising from negligible to critical. */
export function severityRank(severity: Severity): number {
  return severity === 'unknown' ? -1 : SEVERITIES.indexOf(severity);
}

/** Of several scores the worst of the newest version; undefined when there is none that is a score. */
export function newestCvss(scores: Iterable<Cvss | undefined>): Cvss | undefined {
  let best: Cvss | undefined;
  for (const one of scores) {
    if (one === undefined || !(one.score >= 0 && one.score <= 10) || Number.isNaN(one.version)) continue;
    if (best === undefined || one.version > best.version || (one.version === best.version && one.score > best.score)) best = one;
  }
  return best;
}

/**
 * The identifiers that all mean this one vulnerability. An advisory that covers several CVEs is none of them: its aliases do not identify it, and ignoring one of the CVEs must not ignore the others.
 */
export function identifiers(finding: Pick<Finding, 'id' | 'aliases'>): string[] {
  const all = [...new Set([finding.id, ...finding.aliases])];
  return all.filter(isCve).length > 1 ? [finding.id] : all;
}

function isCve(id: string): boolean {
  return /^CVE-/i.test(id);
}

/** One finding for each vulnerability and package, worst first: what scanners report under several identifiers or at several paths is united, with the worst severity and the best known fix. */
export function uniteFindings(findings: Iterable<Finding>): Finding[] {
  const all = [...findings];
  const cves = cvesByAlias(all);
  const groups = Map.groupBy(all, (finding) => inPackage(finding, mainIdentifier(finding, cves)));
  return [...groups.values()].flatMap(byPurl).map(unite).sort(byWeight);
}

/** Packages of one name in several ecosystems are several, each with its own purl; what has none is united with the others only where they are one. */
function byPurl(findings: readonly Finding[]): Finding[][] {
  const kind = ({ purl }: Finding): string => {
    const parsed = parsePurl(purl ?? '');
    return parsed ? `${parsed.type}/${parsed.name}` : '';
  };
  const kinds = Map.groupBy(findings, kind);
  const named = kinds.size - Number(kinds.has(''));
  return named <= 1 ? [[...findings]] : [...kinds.values()];
}

/** The CVEs that findings about the same package give as another name for what is no CVE. */
function cvesByAlias(findings: readonly Finding[]): Map<string, Set<string>> {
  const cves = new Map<string, Set<string>>();
  for (const finding of findings) {
    const ids = identifiers(finding);
    const cve = ids.find(isCve);
    if (cve === undefined) continue;
    for (const id of ids) if (!isCve(id)) cves.set(inPackage(finding, id), (cves.get(inPackage(finding, id)) ?? new Set()).add(cve.toUpperCase()));
  }
  return cves;
}

/** The CVE of the finding, also where only another finding tells it; an alias of several CVEs is none of them, so that a waiver for one never covers another. */
function mainIdentifier(finding: Finding, cves: ReadonlyMap<string, ReadonlySet<string>>): string {
  const ids = identifiers(finding);
  const own = ids.find(isCve);
  if (own !== undefined) return own;
  const told = new Set<string>();
  for (const id of ids) {
    const names = cves.get(inPackage(finding, id));
    if (names !== undefined && names.size > 1) return smallest(ids) ?? finding.id;
    for (const name of names ?? []) told.add(name);
  }
  const [only] = told;
  return told.size === 1 && only !== undefined ? only : (smallest(ids) ?? finding.id);
}

function smallest(ids: readonly string[]): string | undefined {
  return ids.toSorted()[0];
}

function inPackage(finding: Finding, id: string): string {
  return JSON.stringify([id.toUpperCase(), finding.package, finding.version]);
}

/** All at once, because their lists may be long. */
function unite(findings: readonly Finding[]): Finding {
  const [first] = findings;
  if (first === undefined) throw bugError('NO_FINDINGS', 'there is no finding to unite');
  if (findings.length === 1) return first;
  const aliases = new Set(findings.flatMap(({ id, aliases: more }) => [id, ...more]));
  aliases.delete(first.id);
  const worst = <T>(of: (finding: Finding) => T | undefined, choose: (one: T, two: T) => T): T | undefined =>
    findings.map(of).reduce((one, two) => (one === undefined || two === undefined ? (one ?? two) : choose(one, two)));
  return {
    id: first.id,
    aliases: [...aliases].sort(),
    severity: findings.map(({ severity }) => severity).reduce((one, two) => (severityRank(one) >= severityRank(two) ? one : two)),
    package: first.package,
    version: first.version,
    purl: findings.find(({ purl }) => purl !== undefined)?.purl,
    fixedIn: [...new Set(findings.flatMap(({ fixedIn }) => fixedIn))].sort(),
    fix: findings.map(({ fix }) => fix).reduce((one, two) => (FIX_ORDER.indexOf(one) >= FIX_ORDER.indexOf(two) ? one : two)),
    ...stated('cvss', newestCvss(findings.map(({ cvss }) => cvss))),
    ...stated(
      'epss',
      worst((finding) => finding.epss, Math.max),
    ),
    ...stated(
      'kev',
      worst(
        (finding) => finding.kev,
        (one, two) => one || two,
      ),
    ),
    ...stated(
      'published',
      worst((finding) => finding.published, earlier),
    ),
    ...stated(
      'fixed',
      worst((finding) => finding.fixed, earlier),
    ),
  };
}

/** A member for what is stated, none for what is not. */
export function stated<K extends string, V>(key: K, value: V | null | undefined): { [k in K]?: V } {
  return value === undefined || value === null ? {} : ({ [key]: value } as { [k in K]?: V });
}

function earlier(a: string, b: string): string {
  return Date.parse(a) <= Date.parse(b) ? a : b;
}

function byWeight(a: Finding, b: Finding): number {
  const text = (finding: Finding): string => `${finding.id}\0${finding.package}\0${finding.version}`;
  return severityRank(b.severity) - severityRank(a.severity) || (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0);
}
