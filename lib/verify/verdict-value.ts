// SPDX-License-Identifier: Apache-2.0
import type { Judgement } from '../policy/rules/judgement.ts';
import type { JudgedType, Outcome, Problem, RuleResult, Verdict } from '../policy/verdict.ts';

/** The check that a verification summary stands for. */
export const SUMMARY_CHECK = 'verification-summary';
type Check = JudgedType | typeof SUMMARY_CHECK;

/** Why a rule failed, short enough for the message of an admission. `rule` is `policy` where the policy itself is at fault. */
export type Failure = { rule: string; type: Check | 'policy'; message: string; remedy: string };

/** What Gatekeeper gets about one image. Everything but an explicit `passed` has to deny. */
export type VerdictValue = {
  verdict: Outcome;
  /** `registry/repository@sha256:…`: what was judged, also when a tag was asked about. */
  image: string;
  policy: { name: string; digest: string };
  stage: string;
  judgedAt: string;
  /** By type of rule. A type that no rule of the stage has is not there. */
  checks: Partial<Record<Check, Outcome>>;
  /** By identifier of the rule. */
  rules: Record<string, Outcome>;
  /** Of failed rules of both levels. */
  failures: Failure[];
};

const MAX_FAILURES = 20;
const MAX_TEXT = 400;

/** The verdict in the words of the protocol. */
export function verdictValue(verdict: Verdict): VerdictValue {
  const failed = verdict.rules.filter(({ outcome }) => outcome !== 'passed');
  const failures = [...verdict.problems.map((problem) => failureOf('policy', 'policy', '', [problem])), ...failed.map(failureOfRule)];
  return {
    verdict: verdict.outcome,
    image: verdict.subject.reference,
    policy: verdict.policy,
    stage: verdict.stage,
    judgedAt: verdict.judgedAt,
    checks: checksOf(verdict.rules),
    rules: Object.fromEntries(verdict.rules.map(({ id, outcome }) => [id, outcome])),
    failures: failures.slice(0, MAX_FAILURES),
  };
}

/** The same of a verification summary that was asked for in place of the evidence: one rule, which is a check of its own, so that no verdict is taken for it, nor it for one of the evidence. */
export function summaryValue(judgement: Judgement, about: Pick<VerdictValue, 'image' | 'policy' | 'stage' | 'judgedAt'>): VerdictValue {
  const { outcome, summary, problems } = judgement;
  return {
    verdict: outcome,
    ...about,
    checks: { [SUMMARY_CHECK]: outcome },
    rules: { [SUMMARY_CHECK]: outcome },
    failures: outcome === 'passed' ? [] : [failureOf(SUMMARY_CHECK, SUMMARY_CHECK, summary, problems)],
  };
}

/** A check is passed if every enforced rule of its type is; where the policy only warns, those rules decide, since a Constraint asks for the fact. */
function checksOf(rules: readonly RuleResult[]): Partial<Record<JudgedType, Outcome>> {
  const types = [...new Set(rules.map(({ type }) => type))];
  return Object.fromEntries(
    types.map((type) => {
      const ofType = rules.filter((rule) => rule.type === type);
      const enforced = ofType.filter(({ level }) => level === 'enforce');
      const deciding = enforced.length > 0 ? enforced : ofType;
      return [type, deciding.every(({ outcome }) => outcome === 'passed') ? 'passed' : 'failed'];
    }),
  );
}

function failureOfRule({ id, type, summary, problems }: RuleResult): Failure {
  return failureOf(id, type, summary, problems);
}

function failureOf(rule: string, type: Failure['type'], summary: string, problems: readonly Problem[]): Failure {
  const [first] = problems;
  const more = problems.length > 1 ? ` (and ${problems.length - 1} more)` : '';
  const parts = [summary, first && `${first.object}: ${first.reason}${more}`].filter((part) => part);
  return { rule, type, message: cut(parts.join('; ')), remedy: cut(first?.remedy ?? '') };
}

function cut(text: string): string {
  return text.length <= MAX_TEXT ? text : `${text.slice(0, MAX_TEXT - 1)}…`;
}
