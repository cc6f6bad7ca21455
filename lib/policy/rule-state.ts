// SPDX-License-Identifier: Apache-2.0
import type { RuleResult, Verdict } from './verdict.ts';

/** How a rule ended in one word: a failed rule of level warn is `warned`. */
export type RuleState = 'passed' | 'failed' | 'warned';

export const RULE_MARK: Readonly<Record<RuleState, string>> = { passed: '✓', failed: '✗', warned: '!' };

export function ruleState({ outcome, level }: Pick<RuleResult, 'outcome' | 'level'>): RuleState {
  if (outcome === 'passed') return 'passed';
  return level === 'enforce' ? 'failed' : 'warned';
}

/** How many rules of the verdict ended in each state. */
export function ruleCounts({ rules }: Pick<Verdict, 'rules'>): Record<RuleState, number> {
  const counts = { passed: 0, failed: 0, warned: 0 };
  for (const rule of rules) counts[ruleState(rule)] += 1;
  return counts;
}

/** Why a rule of the policy has no result in a verdict of the stage: it belongs to others, or is for other images. */
export function whyNotJudged({ stages }: { stages: readonly string[] }, stage: string): string {
  return stages.includes(stage) ? 'it is for other images' : `it belongs to stage ${stages.join(', ')}`;
}
