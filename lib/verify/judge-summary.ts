// SPDX-License-Identifier: Apache-2.0
import { collectEvidence } from '../evidence/collect.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { acceptSummary } from '../policy/accept-summary.ts';
import type { Judgement } from '../policy/rules/judgement.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import type { Trust } from '../sigstore/trusted-root.ts';
import type { LoadedSummaryPolicy } from './load-policy.ts';

export type SummaryRequest = { registry: Registry; image: DigestReference; policy: LoadedSummaryPolicy; trust: Trust | undefined; now: Date };

/** cosign's annotation of a referrer (specs/BUNDLE_SPEC.md). */
const PREDICATE_TYPE_ANNOTATION = 'dev.sigstore.bundle.predicateType';

/**
 * Whether the artifact has a verification summary that the policy accepts in place of its evidence: one listing, and the summaries among it. Throws what the registry throws, as
 * `judgeArtifact` does.
 */
export async function judgeSummary({ registry, image, policy, trust, now }: SummaryRequest): Promise<Judgement> {
  const parties = { keys: policy.keys, identities: policy.identities, trust };
  const evidence = await collectEvidence(withSummariesAlone(registry), image, parties);
  return acceptSummary(policy.policy, { image, evidence, now });
}

/** What says that it is something else is not read: an SBOM of megabytes has no part in this. A summary that says so hides itself alone, and could as well not be there. */
function withSummariesAlone(registry: Registry): Registry {
  return {
    ...registry,
    async referrers(subject, filter) {
      const listed = await registry.referrers(subject, filter);
      return listed.filter(({ annotations }) => (annotations?.[PREDICATE_TYPE_ANNOTATION] ?? PREDICATE_TYPE.vsa) === PREDICATE_TYPE.vsa);
    },
  };
}

/** Why summaries cannot be judged without a trusted root; undefined when they can. */
export function whySummariesNeedTrust({ policy }: Pick<LoadedSummaryPolicy, 'policy'>): string | undefined {
  if (policy.accept.logged) return 'the summary policy asks for log entries, and no trusted root says which logs to believe';
  if (policy.signers.some(({ identity }) => identity !== undefined))
    return 'the summary policy names signers by identity, and no trusted root says which certificate authorities to believe';
  return undefined;
}
