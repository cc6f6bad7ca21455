// SPDX-License-Identifier: Apache-2.0
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { acceptedStatements, digestsOf, missing, namesIn } from './accepted.ts';
import type { RuleJudge } from './judgement.ts';
import { signersInWords } from './signers.ts';

/** Whether the artifact itself is signed by the named signers. */
export const judgeSignature: RuleJudge<'signature'> = (rule, { evidence }) => {
  const statements = acceptedStatements(evidence, PREDICATE_TYPE.signature, rule.signers);
  const used = digestsOf(statements);
  const wanted = signersInWords(rule.signers);
  if (statements.length === 0) {
    const problems = missing(evidence, PREDICATE_TYPE.signature, rule.signers);
    return { outcome: 'failed', summary: `not signed by ${wanted}`, facts: [], problems, evidence: [] };
  }
  const facts = statements.flat().map((piece) => `${piece.digest} is a signature by ${namesIn(piece).join(', ')}`);
  return { outcome: 'passed', summary: `signed by ${wanted}`, facts, problems: [], evidence: used };
};
