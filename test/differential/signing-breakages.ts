// SPDX-License-Identifier: Apache-2.0
import type { Rule } from '../../lib/policy/policy-schema.ts';
import type { SignerRequirement } from '../../lib/policy/schema-parts.ts';
import type { Breakage } from './breakage.ts';
import { quorum, type Signing } from './evidence.ts';
import { type GeneratedPolicy, loggedSlots, type Slot, TYPE_OF } from './policies.ts';

/** What becomes of the signatures of every statement of a slot. The auditor is trusted, and asked for by no rule. */
const CHANGES: Readonly<Record<string, (signings: readonly Signing[]) => Signing[]>> = {
  'not there': () => [],
  'signed by a stranger': (signings) => signings.map((one) => ({ ...one, by: 'stranger' })),
  'signed by somebody whom no rule asks for': (signings) => signings.map((one) => ({ ...one, by: 'auditor' })),
  tampered: (signings) => signings.map((one) => ({ ...one, flaw: 'tampered' })),
  'of another image': (signings) => signings.map((one) => ({ ...one, flaw: 'of another image' })),
  pending: (signings) => signings.map((one) => ({ ...one, flaw: 'pending' })),
  'not in the log': (signings) => signings.map((one) => ({ ...one, isLogged: false })),
  'in the log by its last signer alone': (signings) => signings.map((one, at) => ({ ...one, isLogged: one.isLogged && at === signings.length - 1 })),
  'one signer short': (signings) => signings.slice(0, -1),
  'signed twice by one signer': (signings) => signings.map((one) => ({ ...one, by: signings[0]?.by ?? one.by })),
  'tampered with by one of its signers': (signings) => signings.map((one, at) => (at === 0 ? { ...one, flaw: 'tampered' } : one)),
};

const SLOTS = Object.keys(TYPE_OF) as Slot[];

/** Types of the rules that look at a slot and fail when nobody vouches for what is in it. */
const RULES_OF: Readonly<Record<Slot, readonly Rule['type'][]>> = {
  signature: ['signature'],
  sbom: ['sbom'],
  provenance: ['provenance', 'base-image'],
  tests: ['attestation'],
  scan: ['vulnerabilities'],
  // Good evidence has a finding that is blocked but for the VEX.
  vex: ['vulnerabilities'],
  approval: ['approval'],
};

/** Every change of signatures in every slot. */
export const SIGNING_BREAKAGES: readonly Breakage[] = SLOTS.flatMap((slot) =>
  Object.entries(CHANGES).map(([name, change]) => ({
    name: `${slot} ${name}`,
    slot,
    kind: 'signing',
    applies: (policy) => policy.needs[slot] !== undefined && JSON.stringify(change(before(policy, slot))) !== JSON.stringify(before(policy, slot)),
    hits: (rule, policy) => isHit(rule, policy, { slot, after: change(before(policy, slot)) }),
    apply: ({ slots }) => {
      for (const statement of slots.get(slot) ?? []) statement.signings = change(statement.signings);
    },
  })),
);

function before({ needs, rules }: GeneratedPolicy, slot: Slot): Signing[] {
  const need = needs[slot];
  if (need === undefined) return [];
  const { count, of } = quorum(need);
  return of.slice(0, count).map((by) => ({ by: by as Signing['by'], isLogged: loggedSlots(rules).includes(slot) }));
}

function isHit(rule: Rule, { needs, rules }: GeneratedPolicy, { slot, after }: { slot: Slot; after: readonly Signing[] }): boolean {
  const sound = after.filter(({ flaw }) => flaw === undefined);
  if (rule.type === 'log-entry')
    return (
      loggedSlots(rules).includes(slot) &&
      !isMet(
        rule.signers,
        sound.filter(({ isLogged }) => isLogged),
      )
    );
  const need = needs[slot];
  return RULES_OF[slot].includes(rule.type) && need !== undefined && !isMet(need, sound);
}

function isMet(need: SignerRequirement, signings: readonly Signing[]): boolean {
  const { count, of } = quorum(need);
  return new Set(signings.map(({ by }) => by).filter((by) => of.includes(by))).size >= count;
}
