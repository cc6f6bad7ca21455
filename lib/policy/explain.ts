// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import type { Policy } from './policy-schema.ts';
import { type RuleHelp, ruleHelp } from './rule-help.ts';
import { type RuleState, ruleState, whyNotJudged } from './rule-state.ts';
import { ruleInWords } from './rule-words.ts';
import type { Problem } from './verdict.ts';
import type { VerdictFile } from './verdict-file.ts';

/** What one rule of a policy asks; `settings` are sentences. */
export type ExplainedRule = RuleHelp & { id: string; type: string; description?: string; settings: string[] };

/** How one rule of a verdict ended and what to do; `state` is `not-judged` where the stage did not ask for it. */
export type ExplainedResult = RuleHelp & { id: string; type: string; state: RuleState | 'not-judged'; summary: string; problems: Problem[]; facts: string[] };

/** The rules of a policy in plain words, or the one with the id. Throws input RULE_UNKNOWN. */
export function explainPolicy(policy: Policy, id?: string): ExplainedRule[] {
  return chosen(policy.rules, id, `policy ${policy.metadata.name}`).map((rule) => ({
    id: rule.id,
    type: rule.type,
    ...(rule.description !== undefined && { description: rule.description }),
    ...ruleHelp(rule.type),
    settings: ruleInWords(rule),
  }));
}

/** Why a verdict is what it is: its rules with what is wrong and what to do, failed ones first. Throws input RULE_UNKNOWN. */
export function explainVerdict(verdict: VerdictFile, id?: string): ExplainedResult[] {
  const judged = verdict.rules.map((rule) => ({ ...rule, state: ruleState(rule) }));
  const notJudged = verdict.notJudged.map((rule) => ({
    ...rule,
    state: 'not-judged' as const,
    summary: whyNotJudged(rule, verdict.stage),
    problems: [],
    facts: [],
  }));
  const order = ['failed', 'warned', 'passed', 'not-judged'];
  return chosen([...judged, ...notJudged], id, 'the verdict')
    .map(({ id: name, type, state, summary, problems, facts }) => ({ id: name, type, state, summary, problems, facts, ...ruleHelp(type) }))
    .sort((a, b) => order.indexOf(a.state) - order.indexOf(b.state));
}

function chosen<T extends { id: string }>(rules: readonly T[], id: string | undefined, where: string): readonly T[] {
  const found = id === undefined ? rules : rules.filter((rule) => rule.id === id);
  if (found.length > 0 || id === undefined) return found;
  throw inputError('RULE_UNKNOWN', `${where} has no rule "${id}"`, { hint: `its rules are ${rules.map((rule) => rule.id).join(', ')}` });
}
