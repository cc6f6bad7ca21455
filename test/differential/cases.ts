// SPDX-License-Identifier: Apache-2.0
import type { Rule } from '../../lib/policy/policy-schema.ts';
import type { Breakage } from './breakage.ts';
import { DOCUMENT_BREAKAGES } from './content-breakages.ts';
import { type CaseEvidence, goodEvidence, type Signing, statementOf } from './evidence.ts';
import { type CaseContext, type Facts, goodFacts, hoursAgo } from './facts.ts';
import { type GeneratedPolicy, isInForce, isJudged, loggedSlots, makePolicy, type PolicyOptions, type Slot } from './policies.ts';
import { SCAN_BREAKAGES } from './scan-breakages.ts';
import { type Chooser, seeded } from './seeded.ts';
import { SIGNING_BREAKAGES } from './signing-breakages.ts';

/** One policy × evidence case. What must come of it follows from the breakages and the rules that are in force. */
export type Case = {
  /** Names policy, breakages and what lies beside, for people. */
  name: string;
  policy: GeneratedPolicy;
  breakages: readonly Breakage[];
  beside: readonly Beside[];
  form: '0.2' | '1';
  truth: Truth;
};

/** Whether the verdict passes, and the rules that fail, by level as they are in force, in the order of the policy. */
export type Truth = { passes: boolean; failed: string[]; warned: string[] };

/** Something beside the evidence that must change nothing. */
export type Beside = { name: string; slot: Slot; by: Signing['by']; flaw?: Signing['flaw']; says(facts: Facts, context: CaseContext): Partial<Facts[Slot]> };

export const BREAKAGES: readonly Breakage[] = [...SIGNING_BREAKAGES, ...DOCUMENT_BREAKAGES, ...SCAN_BREAKAGES];

const BESIDE: readonly Beside[] = [
  { name: "a stranger's signature", slot: 'signature', by: 'stranger', says: () => ({}) },
  { name: "a stranger's rejection", slot: 'approval', by: 'stranger', says: (_, context) => ({ decision: 'rejected', decidedAt: hoursAgo(context, 1) }) },
  {
    name: "a stranger's critical finding",
    slot: 'scan',
    by: 'stranger',
    says: () => ({ findings: [{ id: 'CVE-2026-1', severity: 'Critical', isFixed: true }] }),
  },
  { name: "a stranger's withdrawal of VEX", slot: 'vex', by: 'stranger', says: (_, context) => ({ status: 'affected', at: hoursAgo(context, 1) }) },
  { name: "a stranger's provenance", slot: 'provenance', by: 'stranger', says: () => ({ base: 'registry.example/scratch/node' }) },
  { name: 'an SBOM by somebody whom no rule asks for', slot: 'sbom', by: 'auditor', says: () => ({ components: [] }) },
  { name: 'a rejection of another image', slot: 'approval', by: 'release', flaw: 'of another image', says: () => ({ decision: 'rejected' }) },
  {
    name: 'a tampered critical finding',
    slot: 'scan',
    by: 'release',
    flaw: 'tampered',
    says: () => ({ findings: [{ id: 'CVE-2026-1', severity: 'Critical', isFixed: true }] }),
  },
];

export type CasesOptions = PolicyOptions & { seed: number; policies: number; casesEach: number };

/** Cases by policy; equal options give equal cases. Breakages are dealt from a shuffled deck, so that each has its turn before one comes again. */
export function makeCases({ seed, policies, casesEach, timed }: CasesOptions): Case[] {
  const choose = seeded(seed);
  let deck: Breakage[] = [];
  /** The next breakage of the deck that can be done to evidence for this policy and besides those. */
  const deal = (policy: GeneratedPolicy, chosen: readonly Breakage[]): Breakage[] => {
    const fits = (one: Breakage): boolean => one.applies(policy) && !chosen.some(({ slot, kind }) => slot === one.slot && kind === one.kind);
    if (!deck.some(fits)) deck = [...deck, ...choose.shuffled(BREAKAGES)];
    const at = deck.findIndex(fits);
    return at < 0 ? [] : deck.splice(at, 1);
  };
  return Array.from({ length: policies }, (_, number) => makePolicy(`policy-${number}`, choose, { timed })).flatMap((policy) =>
    Array.from({ length: casesEach }, (_, number) => {
      const count = number === 0 ? 0 : choose.pick([1, 1, 1, 2, 3]);
      const breakages: Breakage[] = [];
      for (let left = count; left > 0; left--) breakages.push(...deal(policy, breakages));
      return makeCase(choose, policy, breakages, number);
    }),
  );
}

function makeCase(choose: Chooser, policy: GeneratedPolicy, breakages: readonly Breakage[], number: number): Case {
  const beside = choose.chance(0.3) ? choose.shuffled(BESIDE).slice(0, 2) : [];
  const said = [breakages.map(({ name }) => name).join(' + ') || 'nothing broken', ...beside.map(({ name }) => `beside ${name}`)];
  return {
    name: `${policy.name}/${number}: ${said.join(', ')}`,
    policy,
    breakages,
    beside,
    form: loggedSlots(policy.rules).includes('provenance') ? '1' : choose.pick(['0.2', '1']),
    truth: truthOf(policy, breakages),
  };
}

function truthOf(policy: GeneratedPolicy, breakages: readonly Breakage[]): Truth {
  const hit = policy.rules.filter((rule) => isJudged(rule) && breakages.some((one) => one.hits(rule, policy)));
  const ids = (rules: readonly Rule[]): string[] => rules.map(({ id }) => id);
  const failed = ids(hit.filter(isInForce));
  return { passes: failed.length === 0, failed, warned: ids(hit.filter((rule) => !isInForce(rule))) };
}

/** The evidence of a case about its image, whose SHA-256 is `hex`. */
export function evidenceOf({ policy, breakages, beside, form }: Case, hex: string, now: Date): CaseEvidence {
  const context = { policy, hex, now };
  const evidence = goodEvidence(context, form);
  // Signatures come last, so that what a breakage adds has them, too.
  for (const breakage of breakages.toSorted((a, b) => Number(a.kind === 'signing') - Number(b.kind === 'signing'))) breakage.apply(evidence, context);
  const facts = goodFacts(context, form);
  for (const { slot, by, flaw, says } of beside)
    evidence.beside.push(statementOf(slot, { ...facts[slot], ...says(facts, context) } as never, [{ by, isLogged: true, ...(flaw && { flaw }) }]));
  return evidence;
}
