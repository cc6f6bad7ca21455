// SPDX-License-Identifier: Apache-2.0
import type { VerifiedPiece } from '../../evidence/evidence.ts';
import { predicateTypeUri } from '../../intoto/predicate-type.ts';
import { oneLine } from '../foreign-text.ts';
import type { RuleOf } from '../policy-schema.ts';
import type { Problem } from '../verdict.ts';
import { acceptedStatements, digestsOf, missing, namedPieces, namesIn, pieceName } from './accepted.ts';
import type { RuleInput, RuleJudge } from './judgement.ts';

/** Whether evidence of each asked type, by the named signers, is in a transparency log that counts. */
export const judgeLogEntry: RuleJudge<'log-entry'> = (rule, input) => {
  const facts: string[] = [];
  const problems: Problem[] = [];
  const used: string[] = [];
  const absent: string[] = [];
  for (const type of rule.for) {
    const uri = predicateTypeUri(type) ?? type;
    const logged = acceptedStatements(input.evidence, uri, rule.signers, (piece) => whyNotLogged(piece, rule.logs) === undefined);
    used.push(...digestsOf(logged));
    for (const { digest, verification } of logged.flat())
      facts.push(`${digest} (${pieceName(uri)}) is entry ${verification.log?.index} of ${oneLine(verification.log?.log ?? '')}`);
    if (logged.length > 0) continue;
    absent.push(pieceName(uri));
    problems.push(...unlogged(rule, uri, input));
  }
  if (problems.length > 0) return { outcome: 'failed', summary: `not in the log: ${absent.join(', ')}`, facts, problems, evidence: used };
  return {
    outcome: 'passed',
    summary: `in the log: ${rule.for.map((type) => pieceName(predicateTypeUri(type) ?? type)).join(', ')}`,
    facts,
    problems,
    evidence: used,
  };
};

function unlogged(rule: RuleOf<'log-entry'>, uri: string, { evidence }: RuleInput): Problem[] {
  const problems = namedPieces(evidence, uri, rule.signers).flatMap((piece) => {
    const reason = whyNotLogged(piece, rule.logs);
    const remedy = `publish it with a log entry${rule.logs ? ` of ${rule.logs.join(' or ')}` : ''} (cosign-sign with log=now, or log=later and then rekor-upload)`;
    return reason === undefined ? [] : [{ object: piece.digest, reason: `is a ${pieceName(uri)} by ${namesIn(piece).join(', ')} and ${reason}`, remedy }];
  });
  return problems.length > 0 ? problems : missing(evidence, uri, rule.signers);
}

/** Why the piece's log entry does not count; undefined when it does. */
function whyNotLogged({ verification }: VerifiedPiece, logs: readonly string[] | undefined): string | undefined {
  const { log, logProblem } = verification;
  if (log === undefined) return logProblem === undefined ? 'holds no log entry' : `its log entry does not count: ${oneLine(logProblem, 500)}`;
  if (logs === undefined || logs.some((url) => sameUrl(url, log.log))) return undefined;
  return `is in the log ${oneLine(log.log)}, which the rule does not name`;
}

function sameUrl(a: string, b: string): boolean {
  return a.replace(/\/+$/, '') === b.replace(/\/+$/, '');
}
