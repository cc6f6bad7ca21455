// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import * as z from 'zod';
import { digestHex } from '../reference/digest.ts';
import { parseReference, repositoryName } from '../reference/reference.ts';
import { STAGES } from './schema-parts.ts';
import type { JudgedType, Verdict } from './verdict.ts';

/** Extension field of the predicate: a summary speaks for the rules of one stage. SLSA asks for URIs as names of such fields. */
export const STAGE_FIELD = 'https://supply-chain.tekton.dev/vsa/stage';

/** What a passed rule lets the summary say; a level is claimed only if every rule of its type passed. Names of our own may not begin with SLSA_. */
const LEVELS: Readonly<Record<JudgedType, string>> = {
  signature: 'TSC_SIGNED',
  'log-entry': 'TSC_LOGGED',
  sbom: 'TSC_SBOM',
  attestation: 'TSC_ATTESTED',
  vulnerabilities: 'TSC_VULNERABILITIES',
  provenance: 'TSC_PROVENANCE',
  'base-image': 'TSC_BASE_IMAGE',
  approval: 'TSC_APPROVED',
  gatekeeper: 'TSC_GATEKEEPER',
};

const Sha256Set = z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) });
const Uri = z.string().min(1).max(2000);

/** Field for field what this module writes, so that a summary of somebody else's, or of another shape, never equals one of ours. */
const Vsa = z.strictObject({
  verifier: z.strictObject({ id: Uri, version: z.record(z.string().max(100), z.string().max(200)).optional() }),
  timeVerified: z.string().max(64).optional(),
  resourceUri: Uri,
  policy: z.strictObject({ uri: Uri, digest: Sha256Set }),
  inputAttestations: z.array(z.strictObject({ uri: Uri, digest: Sha256Set })).max(2000),
  verificationResult: z.enum(['PASSED', 'FAILED']),
  verifiedLevels: z.array(z.string().max(100)).max(100),
  slsaVersion: z.string().max(20),
  [STAGE_FIELD]: z.enum(STAGES),
});

/** The predicate of a SLSA verification summary. */
export type Vsa = z.output<typeof Vsa>;

export type VsaContext = {
  /** URI of the verifier; consumers trust the pair of signer and this. */
  verifier: { id: string; version: Record<string, string> };
  /** Where a consumer fetches the artifact. */
  resourceUri: string;
  policyUri: string;
};

/**
 * The SLSA VSA 1.2 predicate of a verdict (slsa.dev/spec/v1.2/verification_summary). `inputAttestations` lists everything that counted for a rule, sorted; verification summaries
 * are never among it, so that publishing one does not ask for the next. `dependencyLevels` is left out: nothing is claimed about dependencies.
 */
export function vsaPredicate(verdict: Verdict, context: VsaContext): Vsa {
  const repository = repositoryName(parseReference(verdict.subject.reference));
  const inputs = [...new Set(verdict.rules.flatMap((rule) => rule.evidence))].sort();
  return {
    verifier: { id: context.verifier.id, version: context.verifier.version },
    timeVerified: verdict.judgedAt,
    resourceUri: context.resourceUri,
    policy: { uri: context.policyUri, digest: { sha256: digestHex(verdict.policy.digest) } },
    inputAttestations: inputs.map((digest) => ({ uri: `${repository}@${digest}`, digest: { sha256: digestHex(digest) } })),
    verificationResult: verdict.outcome === 'passed' ? 'PASSED' : 'FAILED',
    verifiedLevels: verdict.outcome === 'passed' ? levels(verdict) : ['FAILED'],
    slsaVersion: '1.2',
    [STAGE_FIELD]: verdict.stage,
  };
}

function levels(verdict: Verdict): string[] {
  const types = [...new Set(verdict.rules.map((rule) => rule.type))];
  return types
    .filter((type) => verdict.rules.every((rule) => rule.type !== type || rule.outcome === 'passed'))
    .map((type) => LEVELS[type])
    .sort();
}

/** Whether two predicates say the same but for the time: then the one that is published need not be written again. Anything that is not such a summary equals nothing. */
export function sameVsa(a: unknown, b: unknown): boolean {
  const [left, right] = [Vsa.safeParse(a), Vsa.safeParse(b)];
  if (!left.success || !right.success) return false;
  return isDeepStrictEqual({ ...left.data, timeVerified: undefined }, { ...right.data, timeVerified: undefined });
}
