// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Evidence } from '../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { digestHex } from '../reference/digest.ts';
import { type DigestReference, parseReference, repositoryName } from '../reference/reference.ts';
import { oneLine } from './foreign-text.ts';
import { acceptedStatements, missing, namesIn, type Statement } from './rules/accepted.ts';
import type { Judgement } from './rules/judgement.ts';
import type { SummaryPolicy } from './summary-policy.ts';
import type { Problem } from './verdict.ts';
import { STAGE_FIELD } from './vsa.ts';

/** Clocks of verifier, log and admission may differ by so much. */
const SKEW_MS = 5 * 60_000;
const HOUR_MS = 60 * 60_000;
const REMEDY = 'have policy-check judge the artifact anew for this stage, with the key of the verifier';

/** What of a SLSA VSA decides; anything else may stand beside it. */
const Summary = z.object({
  verifier: z.object({ id: z.string() }),
  timeVerified: z.iso.datetime({ offset: true }),
  resourceUri: z.string(),
  policy: z.object({ uri: z.string().optional(), digest: z.object({ sha256: z.string() }).optional() }),
  verificationResult: z.enum(['PASSED', 'FAILED']),
  verifiedLevels: z.array(z.string()),
  [STAGE_FIELD]: z.string().optional(),
});
type Summary = z.output<typeof Summary>;

type Candidate = { summary: Summary; verifiedAt: number; statement: Statement };

export type SummaryInput = { image: DigestReference; evidence: Evidence; now: Date };

/**
 * Whether the artifact has a verification summary that stands for its evidence: signed as asked, by the verifier, for a policy, stage and repository that are accepted, PASSED, with the
 * levels asked for, and not too old (SLSA VSA 1.2, "How to verify"). The age is that of `timeVerified`, which the signer states: a log or timestamp only says when the signature was
 * there at the latest, and anybody can have an old one logged anew. Of several the latest decides, so that a FAILED one takes back what passed before.
 */
export function acceptSummary({ accept }: SummaryPolicy, { image, evidence, now }: SummaryInput): Judgement {
  const statements = acceptedStatements(evidence, PREDICATE_TYPE.vsa, accept.signers, ({ verification }) => !accept.logged || verification.log !== undefined);
  const fail = (summary: string, problems: Problem[], used: Statement = []): Judgement => ({
    ...{ outcome: 'failed', summary, facts: [], problems },
    evidence: used.map(({ digest }) => digest),
  });
  if (statements.length === 0) return fail('no accepted verification summary', noneThere(accept, evidence));
  const looked = statements.map((statement) => candidateOf(statement, accept, image));
  const candidates = looked.filter((found) => 'summary' in found);
  const latest = candidates.toSorted((a, b) => b.verifiedAt - a.verifiedAt || failedFirst(a, b))[0];
  if (latest === undefined)
    return fail(
      'no verification summary that is accepted here',
      looked.flatMap((found) => ('reason' in found ? [found] : [])),
    );
  const { summary, statement } = latest;
  const reason = whyNot(latest, accept, now);
  const object = statement[0]?.digest ?? evidence.digest;
  if (reason !== undefined) return fail('the latest verification summary is not accepted', [{ object, reason, remedy: REMEDY }], statement);
  const by = [...new Set(statement.flatMap(namesIn))].join(', ');
  const facts = [`${object} by ${by}, verified at ${summary.timeVerified}: ${oneLine(summary.verifiedLevels.join(', '), 300)}`];
  return { outcome: 'passed', summary: `verification summary by ${by}`, facts, problems: [], evidence: statement.map(({ digest }) => digest) };
}

function noneThere(accept: SummaryPolicy['accept'], evidence: Evidence): Problem[] {
  const unlogged = accept.logged ? acceptedStatements(evidence, PREDICATE_TYPE.vsa, accept.signers).flat() : [];
  if (unlogged.length === 0) return missing(evidence, PREDICATE_TYPE.vsa, accept.signers);
  return unlogged.map(({ digest, verification }) => ({
    object: digest,
    reason: `is not in a log${verification.logProblem === undefined ? '' : `: ${oneLine(verification.logProblem)}`}`,
    remedy: 'publish the verification summary with log=now, or have rekor-upload log it',
  }));
}

/** A summary that speaks about what was asked, or why it does not. */
function candidateOf(statement: Statement, accept: SummaryPolicy['accept'], image: DigestReference): Candidate | Problem {
  const object = statement[0]?.digest ?? '';
  const parsed = Summary.safeParse(statement[0]?.statement?.predicate);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return {
      object,
      reason: `is no verification summary that can be judged: ${oneLine(issue?.path.join('.') ?? '')} ${oneLine(issue?.message ?? '')}`,
      remedy: REMEDY,
    };
  }
  const summary = parsed.data;
  const reason = whyElse(summary, accept, image);
  return reason === undefined ? { summary, verifiedAt: Date.parse(summary.timeVerified), statement } : { object, reason, remedy: REMEDY };
}

function whyElse(summary: Summary, accept: SummaryPolicy['accept'], image: DigestReference): string | undefined {
  const { verifier, policy, resourceUri, [STAGE_FIELD]: stage } = summary;
  if (verifier.id !== accept.verifier) return `is by verifier ${oneLine(verifier.id)}, not ${accept.verifier}`;
  if (accept.stage !== 'any' && stage !== accept.stage) return `speaks for stage ${oneLine(stage ?? 'none')}, not ${accept.stage}`;
  const isAccepted = accept.policies.some(
    ({ uri, digest }) => (uri === undefined || uri === policy.uri) && (digest === undefined || digestHex(digest) === policy.digest?.sha256),
  );
  if (!isAccepted) return `is about policy ${oneLine(policy.uri ?? 'without a name')} (sha256:${oneLine(policy.digest?.sha256 ?? '?')}), which is not accepted`;
  const repositories = [repositoryName(image), ...accept.repositories];
  if (!repositories.includes(repositoryIn(resourceUri) ?? '')) return `was written for ${oneLine(resourceUri)}, not for ${repositories[0]}`;
  return undefined;
}

function whyNot({ summary, verifiedAt, statement }: Candidate, accept: SummaryPolicy['accept'], now: Date): string | undefined {
  const signedAt = statement.map(({ verification }) => verification.time?.at.getTime()).find((time) => time !== undefined);
  if (verifiedAt > now.getTime() + SKEW_MS) return `claims to be verified at ${summary.timeVerified}, which is still to come`;
  if (signedAt !== undefined && verifiedAt > signedAt + SKEW_MS) return `claims to be verified at ${summary.timeVerified}, after it was signed`;
  if (summary.verificationResult !== 'PASSED') return `says FAILED (verified at ${summary.timeVerified})`;
  const hours = Math.floor((now.getTime() - verifiedAt) / HOUR_MS);
  if (now.getTime() - verifiedAt > accept.maxAgeHours * HOUR_MS) return `was verified ${hours} hours ago, and at most ${accept.maxAgeHours} are accepted`;
  const lacking = accept.levels.filter((level) => !summary.verifiedLevels.includes(level));
  return lacking.length === 0 ? undefined : `does not state ${lacking.join(', ')}`;
}

/** Of two of the same time the worse decides. */
function failedFirst(a: Candidate, b: Candidate): number {
  return Number(b.summary.verificationResult === 'FAILED') - Number(a.summary.verificationResult === 'FAILED');
}

function repositoryIn(resourceUri: string): string | undefined {
  try {
    return repositoryName(parseReference(resourceUri.replace(/^oci:\/\//, '')));
  } catch {
    return undefined;
  }
}
