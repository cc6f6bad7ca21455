// SPDX-License-Identifier: Apache-2.0
import { attest } from '../../lib/attest/attest.ts';
import type { CollectedEvidence } from '../../lib/evidence/collect.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { sameVsa, type Vsa, vsaPredicate } from '../../lib/policy/vsa.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import { createRekor } from '../../lib/sigstore/rekor.ts';
import { openSigningKey, type SigningKey } from '../../lib/sigstore/signing-key.ts';
import { type Trust, trustedLogAt } from '../../lib/sigstore/trusted-root.ts';
import { whoSigned } from '../../lib/sigstore/who-signed.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

/** Who verifies, in every VSA; consumers trust the pair of this and the signer. */
const VERIFIER_ID = 'https://github.com/tekton-supply-chain/tekton-supply-chain/tasks/policy-check';

/**
 * The VSA of a verdict. When the artifact carries one by the same key that differs in its time alone, that one is given, so that nothing new is published when policy, inputs and result are the same.
 * Throws input KEY_MISSING, KEY_INVALID or KEY_PASSWORD_WRONG when the workspace signing-key is bound and its key does not open.
 */
export async function vsaFor(
  inputs: Inputs<typeof spec>,
  deps: StepDeps,
  verdict: Verdict,
  evidence: CollectedEvidence,
): Promise<{ predicate: Vsa; key: SigningKey | undefined }> {
  const { params, workspaces } = inputs;
  const fresh = vsaPredicate(verdict, {
    verifier: { id: VERIFIER_ID, version: { 'policy-check': deps.version } },
    resourceUri: `oci://${repositoryName(params.image)}`,
    policyUri: `file:${params.policy}`,
  });
  const folder = workspaces['signing-key'];
  if (folder === undefined) return { predicate: fresh, key: undefined };
  const key = await openSigningKey(folder, params.key, params['key-password']);
  const published = evidence.pieces.find(
    (piece) =>
      piece.predicateType === PREDICATE_TYPE.vsa && piece.bundle && whoSigned(piece.bundle, [key]).length > 0 && sameVsa(piece.statement?.predicate, fresh),
  );
  return { predicate: published ? (published.statement?.predicate as Vsa) : fresh, key };
}

/** Signs and publishes the VSA about the artifact, a failed one too; gives the digest of the referrer manifest. */
export async function publishVsa(
  { params }: Inputs<typeof spec>,
  deps: StepDeps,
  predicate: Vsa,
  by: { key: SigningKey; context: VsaContext },
): Promise<string> {
  const { action, bundleDigest } = await attest({ ...deps, ...by.context }, params.image, by.key, {
    predicateType: PREDICATE_TYPE.vsa,
    predicate,
    log: params.log,
  });
  deps.log.info(`verification summary: ${action}`, { bundle: bundleDigest });
  return bundleDigest;
}
