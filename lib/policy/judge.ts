// SPDX-License-Identifier: Apache-2.0
import type { Evidence, EvidencePiece } from '../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { oneLine } from './foreign-text.ts';
import { globMatches } from './glob.ts';
import { API_VERSION, type Policy, type Rule, type RuleType, type Stage } from './policy-schema.ts';
import { judgeApproval } from './rules/approval.ts';
import { judgeAttestation } from './rules/attestation.ts';
import { judgeBaseImage } from './rules/base-image.ts';
import { type Judgement, type RuleInput, type RuleJudge, repositoryOf, type ScanFile } from './rules/judgement.ts';
import { judgeLogEntry } from './rules/log-entry.ts';
import { judgeProvenance } from './rules/provenance.ts';
import { judgeSbom } from './rules/sbom.ts';
import { judgeSignature } from './rules/signature.ts';
import { judgeVulnerabilities } from './rules/vulnerabilities.ts';
import type { SbomReader } from './sbom-reader.ts';
import type { JudgedEvidence, Outcome, Problem, RuleResult, Verdict } from './verdict.ts';

const MAX_PROBLEMS = 200;
const MAX_FACTS = 100;

/** One judge for each type of rule; a new type does not compile without one. */
const JUDGES: { readonly [T in RuleType]: RuleJudge<T> } = {
  signature: judgeSignature,
  'log-entry': judgeLogEntry,
  sbom: judgeSbom,
  attestation: judgeAttestation,
  provenance: judgeProvenance,
  'base-image': judgeBaseImage,
  approval: judgeApproval,
  vulnerabilities: judgeVulnerabilities,
};

export type JudgeInput = {
  policy: Policy;
  /** From `policyDigest`. */
  policyDigest: string;
  /** Verified with the keys of the policy under the names of its signers. */
  evidence: Evidence;
  stage: Stage;
  now: Date;
  readSbom: SbomReader;
  scan?: ScanFile | undefined;
  /** Digest of the artifact's image config; lets a scan report that names nothing else be told from one about another image. */
  configDigest?: string | undefined;
};

/** Judges the evidence about one artifact by the rules of one stage: pure, no I/O, no clock but `now`. Passed only if the policy enforces something at this stage and every enforced rule passed. */
export function judge(input: JudgeInput): Verdict {
  const { policy, evidence, stage } = input;
  const repository = repositoryOf(evidence);
  const judged = policy.rules.filter((rule) => rule.stages.includes(stage) && isFor(rule, repository)).map((rule) => atMoment(rule, input.now));
  const judgements = judged.map((rule) => judgeRule(rule, { ...input, scan: input.scan, configDigest: input.configDigest }));
  const rules = judged.map((rule, index) => resultOf(rule, judgements[index] as Judgement));
  const problems = judged.some((rule) => rule.level === 'enforce') ? [] : [enforcesNothing(policy, stage)];
  const failed = problems.length > 0 || rules.some((rule) => rule.level === 'enforce' && rule.outcome === 'failed');
  const outcome: Outcome = failed ? 'failed' : 'passed';
  return {
    apiVersion: API_VERSION,
    kind: 'Verdict',
    subject: { reference: evidence.subject, digest: evidence.digest },
    policy: { name: policy.metadata.name, digest: input.policyDigest },
    stage,
    judgedAt: input.now.toISOString(),
    outcome,
    problems,
    rules,
    notJudged: policy.rules.filter(({ id }) => !rules.some((rule) => rule.id === id)).map(({ id, type, level, stages }) => ({ id, type, level, stages })),
    evidence: evidence.pieces.map((piece) => judgedEvidence(piece, rules)),
    notes: [
      ...notesOn(evidence, rules),
      ...policy.rules.flatMap((rule) => noteOnScope(rule, input, repository)),
      ...judgements.flatMap(({ notes }) => notes ?? []).map((note) => oneLine(note, 600)),
    ],
  };
}

function isFor({ images }: Rule, repository: string): boolean {
  return images === undefined || images.some((glob) => globMatches(glob, repository));
}

/** The rule as it stands at this moment: before the first moment (UTC) of its day it only warns. */
function atMoment(rule: Rule, now: Date): Rule {
  return rule.level === 'enforce' && isToCome(rule, now) ? { ...rule, level: 'warn' } : rule;
}

function isToCome({ effectiveFrom }: Rule, now: Date): boolean {
  return effectiveFrom !== undefined && now.getTime() < Date.parse(`${effectiveFrom}T00:00:00Z`);
}

function noteOnScope(rule: Rule, { stage, now }: JudgeInput, repository: string): string[] {
  if (!rule.stages.includes(stage)) return [];
  if (!isFor(rule, repository)) return [`Rule ${rule.id} was not judged: it is for other images (${rule.images?.join(', ').slice(0, 300)}).`];
  return rule.level === 'enforce' && isToCome(rule, now) ? [`Rule ${rule.id} only warns until it is enforced from ${rule.effectiveFrom} on.`] : [];
}

function judgeRule(rule: Rule, input: RuleInput): Judgement {
  // The table pairs every type with its own judge, which the compiler cannot follow through a union.
  return (JUDGES[rule.type] as RuleJudge<RuleType>)(rule, input);
}

function resultOf({ id, type, level }: Rule, judgement: Judgement): RuleResult {
  const { outcome, summary, facts, problems, evidence } = judgement;
  const shown = problems.slice(0, MAX_PROBLEMS);
  const known = facts.slice(0, MAX_FACTS);
  if (facts.length > known.length) known.push(`and ${facts.length - known.length} more facts`);
  if (problems.length > shown.length) known.push(`${problems.length} problems, of which the first ${shown.length} are listed`);
  return { id, type, level, outcome, summary: oneLine(summary, 300), facts: known, problems: shown, evidence: [...new Set(evidence)].sort() };
}

/** A verdict that nothing could fail would vouch for anything. */
function enforcesNothing(policy: Policy, stage: Stage): Problem {
  return {
    object: `policy ${policy.metadata.name}`,
    reason: `enforces nothing at stage ${stage}: it has no rule of level enforce there`,
    remedy: `give a rule level enforce and stage ${stage}; to only look, run the step with enforce=false`,
  };
}

function judgedEvidence(piece: EvidencePiece, rules: readonly RuleResult[]): JudgedEvidence {
  const { digest, kind, predicateType, verification } = piece;
  const base = { digest, kind, ...(predicateType !== undefined && { predicateType: oneLine(predicateType) }) };
  if (verification.state === 'rejected') return { ...base, state: 'rejected', reason: oneLine(verification.reason, 500), signers: [], usedBy: [] };
  const { log, logProblem, time } = verification;
  const identities = verification.signers
    .flatMap(({ identity }) => identity ?? [])
    .map(({ subject, issuer }) => ({ subject: oneLine(subject), issuer: oneLine(issuer) }));
  return {
    ...base,
    state: 'verified',
    ...(logProblem !== undefined && { reason: oneLine(logProblem, 500) }),
    signers: verification.signers.map((signer) => oneLine(signer.name)),
    ...(log !== undefined && { log: { ...log, log: oneLine(log.log), origin: oneLine(log.origin) } }),
    ...(identities.length > 0 && { identities }),
    ...(time !== undefined && { time: { at: time.at.toISOString(), by: oneLine(time.by) } }),
    usedBy: rules.filter((rule) => rule.evidence.includes(digest)).map((rule) => rule.id),
  };
}

/** Whether what is pending was published since; its pending form stays behind where a registry does not delete. */
function isPublished(evidence: Evidence, pending: EvidencePiece): boolean {
  return evidence.pieces.some(
    ({ kind, payloadDigest, verification }) => kind !== 'pending' && verification.state === 'verified' && payloadDigest === pending.payloadDigest,
  );
}

function notesOn(evidence: Evidence, rules: readonly RuleResult[]): string[] {
  const used = new Set(rules.flatMap((rule) => rule.evidence));
  const timeless = evidence.pieces.filter(
    ({ digest, verification }) => used.has(digest) && verification.state === 'verified' && verification.time === undefined,
  );
  const rejected = evidence.pieces.filter(
    ({ kind, predicateType, verification }) => kind !== 'other' && predicateType !== PREDICATE_TYPE.vsa && verification.state === 'rejected',
  );
  const pending = evidence.pieces.filter((piece) => piece.kind === 'pending' && piece.verification.state === 'verified' && !isPublished(evidence, piece));
  const summaries = evidence.pieces.filter(({ predicateType }) => predicateType === PREDICATE_TYPE.vsa);
  const others = evidence.pieces.filter(({ kind }) => kind === 'other');
  return [
    timeless.length > 0 &&
      `No trusted time for ${timeless.length} of ${used.size} pieces of evidence that counted: neither a log nor a timestamp authority says when they were signed.`,
    rejected.length > 0 && `${rejected.length} pieces of evidence were rejected and counted for nothing; the reasons stand in the list of evidence.`,
    pending.length > 0 && `${pending.length} pieces of evidence are signed, not logged yet, and counted for nothing.`,
    summaries.length > 0 && `${summaries.length} verification summaries (VSA) are there and were not looked at: every verdict is judged anew.`,
    others.length > 0 && `${others.length} referrers of the artifact are no evidence and were not looked at.`,
    !rules.some((rule) => rule.type === 'vulnerabilities') && 'Vulnerabilities were not judged: no rule of this stage asks for a scan.',
    !rules.some((rule) => rule.type === 'log-entry') && 'Log entries were not asked for: no rule of this stage does.',
  ].filter((note) => note !== false);
}
