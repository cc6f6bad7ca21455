// SPDX-License-Identifier: Apache-2.0
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import type { Rule } from '../../lib/policy/policy-schema.ts';
import type { SignerRequirement } from '../../lib/policy/schema-parts.ts';
import { type CaseContext, type Facts, goodFacts, PREDICATE_OF } from './facts.ts';
import { loggedSlots, type SignerName, type Slot, TYPE_OF } from './policies.ts';

/** A signature of a statement. With a flaw it is one that must count for nothing. */
export type Signing = { by: SignerName | 'stranger'; isLogged: boolean; flaw?: 'tampered' | 'of another image' | 'pending' };

/** One statement with its signatures, each of which becomes a referrer of the image. */
export type Statement = { slot: Slot; type: string; predicate: unknown; signings: Signing[] };

/** Statements by slot, and what is there beside them and counts for nothing. */
export type CaseEvidence = { slots: Map<Slot, Statement[]>; beside: Statement[]; facts: Facts };

/** Evidence that meets every rule of the policy. */
export function goodEvidence(context: CaseContext, form: '0.2' | '1'): CaseEvidence {
  const { needs, rules } = context.policy;
  const facts = goodFacts(context, form);
  const evidence: CaseEvidence = { slots: new Map(), beside: [], facts };
  for (const [slot, need] of Object.entries(needs) as [Slot, SignerRequirement][]) {
    const count = slot === 'tests' ? testRuns(rules) : 1;
    const signings = fewest(need).map((by) => ({ by, isLogged: loggedSlots(rules).includes(slot) }));
    const statements = Array.from({ length: count }, (_, run) => statementOf(slot, { ...facts[slot], ...(slot === 'tests' && { run }) } as never, signings));
    evidence.slots.set(slot, statements);
  }
  return evidence;
}

/** The statement of a slot that says these facts. */
export function statementOf<S extends Slot>(slot: S, facts: Facts[S], signings: readonly Signing[]): Statement {
  const older = slot === 'provenance' && (facts as Facts['provenance']).form === '0.2';
  return {
    slot,
    type: older ? PREDICATE_TYPE.slsaprovenance : TYPE_OF[slot],
    predicate: PREDICATE_OF[slot](facts),
    signings: signings.map((signing) => ({ ...signing })),
  };
}

function testRuns(rules: readonly Rule[]): number {
  return Math.max(1, ...rules.flatMap((rule) => (rule.type === 'attestation' ? rule.min : [])));
}

/** How many signers a requirement needs, of whom. */
export function quorum(need: SignerRequirement): { count: number; of: readonly string[] } {
  if ('any' in need) return { count: 1, of: need.any };
  return 'all' in need ? { count: need.all.length, of: need.all } : { count: need.threshold, of: need.of };
}

function fewest(need: SignerRequirement): SignerName[] {
  const { count, of } = quorum(need);
  return of.slice(0, count) as SignerName[];
}
