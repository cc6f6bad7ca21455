// SPDX-License-Identifier: Apache-2.0
import { type KnownSeverity, SEVERITIES } from './policy-schema.ts';

export type Severity = KnownSeverity | 'unknown';
export type FixState = 'available' | 'none' | 'unknown' | 'wont-fix';

/** One vulnerability in one package. Texts come from a scanner and are foreign. */
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
};

const FIX_ORDER: readonly FixState[] = ['unknown', 'none', 'wont-fix', 'available'];

/** The severity that a scanner wrote in its own case; anything but the known words is `unknown`. */
export function severityOf(text: string | null | undefined): Severity {
  const word = (text ?? '').toLowerCase();
  return SEVERITIES.find((severity) => severity === word) ?? 'unknown';
}

/** -1 for unknown, then rising from negligible to critical. */
export function severityRank(severity: Severity): number {
  return severity === 'unknown' ? -1 : SEVERITIES.indexOf(severity);
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
  const united = new Map<string, Finding>();
  for (const finding of findings) {
    const ids = identifiers(finding);
    const key = JSON.stringify([(ids.find(isCve) ?? finding.id).toUpperCase(), finding.package, finding.version]);
    const known = united.get(key);
    united.set(key, known === undefined ? finding : unite(known, finding));
  }
  return [...united.values()].sort(byWeight);
}

function unite(a: Finding, b: Finding): Finding {
  return {
    id: a.id,
    aliases: [...new Set([...a.aliases, b.id, ...b.aliases])].filter((id) => id !== a.id).sort(),
    severity: severityRank(a.severity) >= severityRank(b.severity) ? a.severity : b.severity,
    package: a.package,
    version: a.version,
    purl: a.purl ?? b.purl,
    fixedIn: [...new Set([...a.fixedIn, ...b.fixedIn])].sort(),
    fix: FIX_ORDER.indexOf(a.fix) >= FIX_ORDER.indexOf(b.fix) ? a.fix : b.fix,
  };
}

function byWeight(a: Finding, b: Finding): number {
  const text = (finding: Finding): string => `${finding.id}\0${finding.package}\0${finding.version}`;
  return severityRank(b.severity) - severityRank(a.severity) || (text(a) < text(b) ? -1 : text(a) > text(b) ? 1 : 0);
}
