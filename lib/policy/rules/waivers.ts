// SPDX-License-Identifier: Apache-2.0
import { type Finding, identifiers } from '../findings.ts';
import { globMatches } from '../glob.ts';
import type { Waiver } from '../vulnerabilities-schema.ts';
import { DAY_MS } from './stated-time.ts';

/** The waivers of a rule at one moment: asks for findings, and tells afterwards what was used, unused, expired and soon to expire. */
export type Waivers = {
  /** Whether a waiver that applies covers the finding. */
  cover(finding: Finding): boolean;
  /** The waiver that would cover the finding if it had not expired, in words. */
  expiredFor(finding: Finding): string | undefined;
  /** One text a waiver. */
  facts(): string[];
  /** What somebody has to do about waivers. */
  notes(): string[];
};

/** A waiver applies until the end of its last day in UTC; it covers findings that have its identifier as id or as an alias for the same single vulnerability. `repository` is that of the artifact. */
export function waiversAt(all: readonly Waiver[], now: Date, repository: string, warningDays: number): Waivers {
  const entries = all.filter(({ images }) => images === undefined || images.some((glob) => globMatches(glob, repository)));
  const byId = Map.groupBy(entries, (entry) => entry.id.toUpperCase());
  const uses = new Map<Waiver, number>();
  const candidates = (finding: Finding): Waiver[] =>
    identifiers(finding).flatMap((id) => (byId.get(id.toUpperCase()) ?? []).filter((entry) => isFor(entry, finding)));
  return {
    cover(finding) {
      const entry = candidates(finding).find((candidate) => endOf(candidate) > now.getTime());
      if (entry) uses.set(entry, (uses.get(entry) ?? 0) + 1);
      return entry !== undefined;
    },
    expiredFor(finding) {
      const entry = candidates(finding).find((candidate) => endOf(candidate) <= now.getTime());
      return entry && `its waiver, approved by ${entry.approver}, expired after ${entry.expires}`;
    },
    facts: () => entries.map((entry) => factOf(entry, uses.get(entry) ?? 0, now)),
    notes: () => entries.flatMap((entry) => noteOf(entry, uses.get(entry) ?? 0, now, warningDays)),
  };
}

function isFor(entry: Waiver, finding: Finding): boolean {
  if (entry.package !== undefined && entry.package !== finding.package) return false;
  return entry.purl === undefined || (finding.purl !== undefined && globMatches(entry.purl, finding.purl));
}

function nameOf(entry: Waiver): string {
  return `waiver ${entry.id}${entry.package === undefined ? '' : ` in ${entry.package}`}${entry.purl === undefined ? '' : ` in ${entry.purl}`}`;
}

function factOf(entry: Waiver, uses: number, now: Date): string {
  const ticket = entry.ticket === undefined ? '' : ` (${entry.ticket})`;
  if (endOf(entry) <= now.getTime()) return `${nameOf(entry)}: expired after ${entry.expires} and no longer applies`;
  if (uses === 0) return `${nameOf(entry)}: matches nothing`;
  return `${nameOf(entry)}: ${uses} findings are waived until ${entry.expires}, approved by ${entry.approver}, because: ${entry.reason}${ticket}`;
}

function noteOf(entry: Waiver, uses: number, now: Date, warningDays: number): string[] {
  const left = endOf(entry) - now.getTime();
  if (left <= 0) return [`${nameOf(entry)} expired after ${entry.expires}: renew it with ${entry.approver}, or take it out.`];
  if (uses === 0) return [`${nameOf(entry)} matches nothing: take it out.`];
  return left <= warningDays * DAY_MS ? [`${nameOf(entry)} expires soon, after ${entry.expires}: renew it with ${entry.approver}, or update the package.`] : [];
}

function endOf(entry: Waiver): number {
  return Date.parse(`${entry.expires}T00:00:00Z`) + DAY_MS;
}
