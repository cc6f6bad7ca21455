// SPDX-License-Identifier: Apache-2.0
import { APPROVAL_TYPE, Approval } from '../approval-predicate.ts';
import { oneLine } from '../foreign-text.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { Problem } from '../verdict.ts';
import { acceptedStatements, digestsOf, missing, type Statement } from './accepted.ts';
import { alternativesInWords, matchesAny } from './conditions.ts';
import type { RuleJudge } from './judgement.ts';
import { signersInWords } from './signers.ts';
import { instant, whyTooOld } from './stated-time.ts';

type Decision = { statement: Statement; object: string; approval: Approval; at: number };

/** Whether a gate attested that enough people approved, and no later decision of a gate that counts rejects. A decision that cannot be read fails the rule: it may be a rejection. */
export const judgeApproval: RuleJudge<'approval'> = (rule, { evidence, now }) => {
  const statements = acceptedStatements(evidence, APPROVAL_TYPE, rule.signers);
  const wanted = signersInWords(rule.signers);
  if (statements.length === 0)
    return {
      outcome: 'failed',
      summary: `no approval attested by ${wanted}`,
      facts: [],
      problems: missing(evidence, APPROVAL_TYPE, rule.signers),
      evidence: [],
    };
  const used = digestsOf(statements);
  const decisions = statements.map(decisionOf);
  const unreadable = decisions.filter((one) => 'reason' in one);
  if (unreadable.length > 0) return { outcome: 'failed', summary: 'an approval cannot be read', facts: [], problems: unreadable, evidence: used };
  const counted = decisions.filter((one) => 'approval' in one).filter(({ approval }) => isInScope(approval, rule));
  const facts = counted.map(
    ({ object, approval }) =>
      `${object}: ${approval.decision} at ${oneLine(approval.gate)} by ${approval.approvers.map((name) => oneLine(name, 100)).join(', ') || 'nobody'} on ${approval.decidedAt}`,
  );
  const problems: Problem[] = [];
  for (const decision of counted) {
    const why = whyNot(decision, counted, rule, now);
    if (why === undefined) {
      const { approval, statement } = decision;
      return {
        outcome: 'passed',
        summary: `approved at ${oneLine(approval.gate)}, by the word of ${wanted}`,
        facts,
        problems: [],
        evidence: digestsOf([statement]),
      };
    }
    problems.push({ object: decision.object, reason: why, remedy: 'have the artifact approved, by this digest, and the decision attested' });
  }
  if (problems.length === 0)
    problems.push({ object: evidence.digest, reason: `has no approval of ${scopeInWords(rule)}`, remedy: 'have the artifact approved there' });
  return { outcome: 'failed', summary: `no approval by ${wanted} meets the rule`, facts, problems, evidence: used };
};

function decisionOf(statement: Statement): Decision | Problem {
  const [piece] = statement;
  const object = piece?.digest ?? '';
  const parsed = Approval.safeParse(piece?.statement?.predicate);
  const at = instant(parsed.data?.decidedAt);
  if (parsed.success && at !== undefined) return { statement, object, approval: parsed.data, at };
  const issue = parsed.error?.issues[0];
  const place =
    issue === undefined ? 'decidedAt: is no time' : `${issue.path.map(String).join('.').slice(0, 100) || 'the top'}: ${issue.message.slice(0, 200)}`;
  return { object, reason: `cannot be read as an approval: ${place}`, remedy: 'have the gate attest its decision again' };
}

/** A rejection that names no environment is one for all. */
function isInScope({ gate, environment, decision }: Approval, { gates, environments }: RuleOf<'approval'>): boolean {
  if (gates !== undefined && !matchesAny(gate, gates)) return false;
  return environments === undefined || (environment === undefined ? decision === 'rejected' : matchesAny(environment, environments));
}

function scopeInWords({ gates, environments }: RuleOf<'approval'>): string {
  const parts = [gates && `gate ${alternativesInWords(gates)}`, environments && `environment ${alternativesInWords(environments)}`];
  return parts.filter((part) => part !== undefined).join(' and ');
}

function whyNot({ statement, approval, at }: Decision, all: readonly Decision[], rule: RuleOf<'approval'>, now: Date): string | undefined {
  if (approval.decision === 'rejected') return 'is a rejection';
  if (all.some((other) => other.approval.decision === 'rejected' && other.at >= at)) return 'was rejected afterwards';
  const people = new Set(
    approval.approvers.filter((name) => name !== approval.requester && (rule.approvers === undefined || matchesAny(name, rule.approvers))),
  );
  if (people.size < rule.minApprovers) return `is by ${people.size} people who count, and ${rule.minApprovers} must approve`;
  const old =
    rule.maxAgeDays === undefined
      ? whyTooOld(approval.decidedAt, Number.POSITIVE_INFINITY, now, undefined)
      : whyTooOld(approval.decidedAt, rule.maxAgeDays, now, statement);
  return old;
}
