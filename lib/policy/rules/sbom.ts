// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../errors/errors.ts';
import type { VerifiedPiece } from '../../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../../intoto/predicate-type.ts';
import { oneLine } from '../foreign-text.ts';
import type { RuleOf } from '../policy-schema.ts';
import { SBOM_FORMATS, type SbomFacts, type SbomFormat } from '../sbom-reader.ts';
import type { Problem } from '../verdict.ts';
import { acceptedStatements, digestsOf, missing, type Statement } from './accepted.ts';
import type { RuleInput, RuleJudge } from './judgement.ts';
import { forbiddenReasons } from './sbom-packages.ts';
import { signersInWords } from './signers.ts';
import { whyTooOld } from './stated-time.ts';

const PREDICATES: Readonly<Record<SbomFormat, string>> = { cyclonedx: PREDICATE_TYPE.cyclonedx, spdx: PREDICATE_TYPE.spdxjson };

const SHOWN_REASONS = 3;
const COMPLETENESS: Readonly<Record<SbomFacts['completeness'], string>> = {
  complete: 'is complete',
  incomplete: 'is not whole',
  unknown: 'states that nobody knows whether it is complete',
  'not stated': 'does not state that it is complete',
};

/** Whether an attested SBOM by the named signers is there, about this artifact and as whole as the rule asks. One that meets the rule is enough; the others are facts. */
export const judgeSbom: RuleJudge<'sbom'> = (rule, input) => {
  const formats = SBOM_FORMATS.filter((format) => rule.format === 'any' || rule.format === format);
  const statements = formats.flatMap((format) => acceptedStatements(input.evidence, PREDICATES[format], rule.signers));
  const wanted = signersInWords(rule.signers);
  if (statements.length === 0) {
    const problems = formats.flatMap((format) => missing(input.evidence, PREDICATES[format], rule.signers));
    return { outcome: 'failed', summary: `no SBOM by ${wanted}`, facts: [], problems, evidence: [] };
  }
  const facts: string[] = [];
  const problems: Problem[] = [];
  for (const statement of statements) {
    const [piece] = statement;
    if (piece === undefined) continue;
    const { sbom, problems: found } = inspect(piece, statement, rule, input);
    if (sbom !== undefined && found.length === 0) {
      const described = `${oneLine(sbom.format)}, ${sbom.components} components, completeness ${sbom.completeness}`;
      const states = sbom.rootDigests.length > 0 ? 'its root names this artifact' : 'its root names no digest; the attestation alone ties it to the artifact';
      const others = problems.map((problem) => `${problem.object} does not meet the rule: it ${problem.reason}`);
      return {
        outcome: 'passed',
        summary: `SBOM by ${wanted}: ${described}`,
        facts: [`${piece.digest}: ${described}; ${states}`, ...others],
        problems: [],
        evidence: digestsOf([statement]),
      };
    }
    problems.push(...found);
  }
  return { outcome: 'failed', summary: `SBOM by ${wanted} does not meet the rule`, facts, problems, evidence: digestsOf(statements) };
};

function inspect(
  piece: VerifiedPiece,
  statement: Statement,
  rule: RuleOf<'sbom'>,
  { evidence, readSbom, now }: RuleInput,
): { sbom?: SbomFacts; problems: Problem[] } {
  const remedy = 'make the SBOM of this artifact again, for example with sbom-generate, and attest it';
  let sbom: SbomFacts;
  try {
    sbom = readSbom(piece.statement?.predicate, `the SBOM in ${piece.digest}`, piece.predicateType === PREDICATES.spdx ? 'spdx' : 'cyclonedx');
  } catch (error) {
    if (!(error instanceof StepError)) throw error;
    return { problems: [{ object: piece.digest, reason: `cannot be read: ${oneLine(error.message, 500)}`, remedy }] };
  }
  const reasons: string[] = [];
  if (sbom.rootDigests.length > 0 && !sbom.rootDigests.includes(evidence.digest))
    reasons.push(`describes another artifact: its root is ${sbom.rootDigests.map((digest) => oneLine(digest, 80)).join(', ')}`);
  if (rule.requireComplete && sbom.completeness !== 'complete') reasons.push(`${COMPLETENESS[sbom.completeness]}${because(sbom)}`);
  if (sbom.components < rule.minComponents) reasons.push(`holds ${sbom.components} components, fewer than ${rule.minComponents}`);
  const old = rule.maxAgeDays === undefined ? undefined : whyTooOld(sbom.created, rule.maxAgeDays, now, statement);
  if (old !== undefined) reasons.push(old);
  reasons.push(...forbiddenReasons(rule, sbom));
  return { sbom, problems: reasons.map((reason) => ({ object: piece.digest, reason, remedy })) };
}

function because({ reasons = [] }: SbomFacts): string {
  if (reasons.length === 0) return '';
  const shown = reasons.slice(0, SHOWN_REASONS).map((reason) => oneLine(reason, 150));
  return `: ${shown.join('; ')}${reasons.length > shown.length ? `; and ${reasons.length - shown.length} more` : ''}`;
}
