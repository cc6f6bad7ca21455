// SPDX-License-Identifier: Apache-2.0
import type { Rule } from '../../lib/policy/policy-schema.ts';
import type { CaseEvidence } from './evidence.ts';
import type { CaseContext } from './facts.ts';
import type { GeneratedPolicy, Slot } from './policies.ts';

/** One thing that is done to good evidence, and which rules of a policy it makes fail. */
export type Breakage = {
  name: string;
  slot: Slot;
  /** Of each kind a slot takes one, so that no breakage undoes another. */
  kind: 'signing' | 'content';
  /** Whether there is something to do in evidence for this policy. */
  applies(policy: GeneratedPolicy): boolean;
  hits(rule: Rule, policy: GeneratedPolicy): boolean;
  apply(evidence: CaseEvidence, context: CaseContext): void;
};
