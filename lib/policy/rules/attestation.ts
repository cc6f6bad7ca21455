// SPDX-License-Identifier: Apache-2.0
import { predicateTypeUri } from '../../intoto/predicate-type.ts';
import type { Problem } from '../verdict.ts';
import { acceptedStatements, digestsOf, missing, namesIn, pieceName, type Statement } from './accepted.ts';
import { unmetConditions } from './conditions.ts';
import type { RuleJudge } from './judgement.ts';
import { signersInWords } from './signers.ts';

/** Whether there are as many different attestations of the predicate type, by the named signers and meeting the conditions, as the rule asks. */
export const judgeAttestation: RuleJudge<'attestation'> = (rule, { evidence }) => {
  const uri = predicateTypeUri(rule.predicateType) ?? rule.predicateType;
  const signed = acceptedStatements(evidence, uri, rule.signers);
  const unmet = signed.flatMap((statement) => problemsOf(statement, unmetConditions(statement[0]?.statement?.predicate, rule.conditions), pieceName(uri)));
  const refused = new Set(unmet.map(({ object }) => object));
  const statements = signed.filter(([piece]) => piece && !refused.has(piece.digest));
  const what = `${pieceName(uri)} by ${signersInWords(rule.signers)}`;
  const facts = statements.flat().map((piece) => `${piece.digest} is a ${pieceName(uri)} by ${namesIn(piece).join(', ')}`);
  if (statements.length >= rule.min) {
    facts.push(...unmet.map(({ object, reason }) => `${object} does not count: it ${reason}`));
    const met = rule.conditions.length > 0 ? `, meeting ${rule.conditions.length} conditions` : '';
    return { outcome: 'passed', summary: `${statements.length} × ${what}${met}`, facts, problems: [], evidence: digestsOf(statements) };
  }
  const used = digestsOf(signed);
  if (signed.length === 0) return { outcome: 'failed', summary: `no ${what}`, facts, problems: missing(evidence, uri, rule.signers), evidence: used };
  const few = {
    object: evidence.digest,
    reason: `there are ${statements.length} different ${pieceName(uri)}s${unmet.length > 0 ? ' that meet the conditions' : ''}, and ${rule.min} must be there`,
    remedy: `attest the missing ones as ${signersInWords(rule.signers)}`,
  };
  return { outcome: 'failed', summary: `${statements.length} of ${rule.min} × ${what}`, facts, problems: [...unmet, few], evidence: used };
};

function problemsOf([piece]: Statement, unmet: readonly string[], name: string): Problem[] {
  if (piece === undefined) return [];
  const remedy = 'do again what the attestation is about until its result is what the rule asks, and attest that';
  return unmet.map((why) => ({ object: piece.digest, reason: `is a ${name} that does not meet a condition: ${why}`, remedy }));
}
