// SPDX-License-Identifier: Apache-2.0
import { type Finding, identifiers } from '../findings.ts';
import type { RuleOf } from '../policy-schema.ts';

type Ignore = RuleOf<'vulnerabilities'>['ignore'][number];

const DAY_MS = 24 * 60 * 60 * 1000;
const SOON_DAYS = 14;

/** The ignore list at one moment: asks for findings, and tells afterwards what was used, unused, expired and soon to expire. */
export type Ignores = { covers(finding: Finding): boolean; facts(): string[] };

/** An entry applies until the end of its last day in UTC; it covers findings that have its identifier as id or as an alias for the same single vulnerability. */
export function ignoresAt(entries: readonly Ignore[], now: Date): Ignores {
  const active = entries.filter((entry) => now.getTime() < endOf(entry));
  const byId = Map.groupBy(active, (entry) => entry.id.toUpperCase());
  const used = new Map<Ignore, number>();
  return {
    covers(finding) {
      const candidates = identifiers(finding).flatMap((id) => byId.get(id.toUpperCase()) ?? []);
      const entry = candidates.find((candidate) => candidate.package === undefined || candidate.package === finding.package);
      if (entry) used.set(entry, (used.get(entry) ?? 0) + 1);
      return entry !== undefined;
    },
    facts: () => entries.flatMap((entry) => factsOf(entry, used.get(entry) ?? 0, now)),
  };
}

function factsOf(entry: Ignore, uses: number, now: Date): string[] {
  const name = `ignore ${entry.id}${entry.package === undefined ? '' : ` in ${entry.package}`}`;
  const left = endOf(entry) - now.getTime();
  if (left <= 0) return [`${name}: expired after ${entry.expires} and no longer applies`];
  if (uses === 0) return [`${name}: matches nothing`];
  const soon = left <= SOON_DAYS * DAY_MS ? ', which is soon' : '';
  return [`${name}: ${uses} findings are ignored until ${entry.expires}${soon}, because: ${entry.reason}`];
}

function endOf(entry: Ignore): number {
  return Date.parse(`${entry.expires}T00:00:00Z`) + DAY_MS;
}
