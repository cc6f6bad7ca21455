// SPDX-License-Identifier: Apache-2.0
import { type JunitCase, junitXml } from './junit.ts';
import { ruleHelp } from './rule-help.ts';
import { ruleState, whyNotJudged } from './rule-state.ts';
import type { Problem, RuleResult, Verdict } from './verdict.ts';

/** The verdict as JUnit XML, each rule a test case. JUnit has no warnings: a rule of level warn that failed is skipped, with the reason, so that it is seen and fails no build. */
export function verdictJunit(verdict: Verdict): string {
  const className = `${verdict.policy.name}.${verdict.stage}`;
  const policy: JunitCase[] =
    verdict.problems.length === 0
      ? []
      : [{ className, name: 'the policy', end: { kind: 'failed', why: 'the policy enforces nothing', text: lines(verdict.problems) } }];
  const notJudged = verdict.notJudged.map((rule): JunitCase => {
    return { className, name: rule.id, end: { kind: 'skipped', why: `not judged at stage ${verdict.stage}: ${whyNotJudged(rule, verdict.stage)}` } };
  });
  return junitXml([
    {
      name: `${verdict.policy.name} on ${verdict.subject.reference}`,
      at: verdict.judgedAt,
      properties: [
        ['subject', verdict.subject.reference],
        ['policy-digest', verdict.policy.digest],
        ['stage', verdict.stage],
        ['outcome', verdict.outcome],
      ],
      cases: [...policy, ...verdict.rules.map((rule) => ruleCase(className, rule)), ...notJudged],
    },
  ]);
}

function ruleCase(className: string, rule: RuleResult): JunitCase {
  const state = ruleState(rule);
  const help = ruleHelp(rule.type);
  const output = [
    rule.summary,
    ...rule.facts,
    ...rule.evidence.map((digest) => `evidence: ${digest}`),
    `asks: ${help.asks}`,
    `to meet it: ${help.remedy}`,
  ].join('\n');
  const base = { className, name: rule.id, output };
  if (state === 'passed') return { ...base, end: { kind: 'passed' } };
  if (state === 'failed') return { ...base, end: { kind: 'failed', why: rule.summary, text: lines(rule.problems) } };
  return { ...base, end: { kind: 'skipped', why: `warning: ${rule.summary}`, text: lines(rule.problems) } };
}

function lines(problems: readonly Problem[]): string {
  return problems.map(({ object, reason, remedy }) => `${object}: ${reason}\n  to do: ${remedy}`).join('\n');
}
