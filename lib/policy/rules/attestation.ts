// SPDX-License-Identifier: Apache-2.0
import { predicateTypeUri } from '../../intoto/predicate-type.ts';
import { acceptedStatements, digestsOf, missing, namesIn, pieceName } from './accepted.ts';
import type { RuleJudge } from './judgement.ts';
import { signersInWords } from './signers.ts';

/** Whether there are as many different attestations of the predicate type, by the named signers, as the rule asks. */
export const judgeAttestation: RuleJudge<'attestation'> = (rule, { evidence }) => {
  const uri = predicateTypeUri(rule.predicateType) ?? rule.predicateType;
  const statements = acceptedStatements(evidence, uri, rule.signers);
  const what = `${pieceName(uri)} by ${signersInWords(rule.signers)}`;
  const facts = statements.flat().map((piece) => `${piece.digest} is a ${pieceName(uri)} by ${namesIn(piece).join(', ')}`);
  const used = digestsOf(statements);
  if (statements.length >= rule.min) return { outcome: 'passed', summary: `${statements.length} × ${what}`, facts, problems: [], evidence: used };
  if (statements.length === 0) return { outcome: 'failed', summary: `no ${what}`, facts, problems: missing(evidence, uri, rule.signers), evidence: used };
  const problem = {
    object: evidence.digest,
    reason: `there are ${statements.length} different ${pieceName(uri)}s, and ${rule.min} must be there`,
    remedy: `attest the missing ones as ${signersInWords(rule.signers)}`,
  };
  return { outcome: 'failed', summary: `${statements.length} of ${rule.min} × ${what}`, facts, problems: [problem], evidence: used };
};
