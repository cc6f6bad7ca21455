// SPDX-License-Identifier: Apache-2.0
import { type AttestContext, attest } from '../../lib/attest/attest.ts';
import { openLog } from '../../lib/attest/open-log.ts';
import type { CollectedEvidence } from '../../lib/evidence/collect.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { sameVsa, type Vsa, vsaPredicate } from '../../lib/policy/vsa.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import { openSigningKey, type SigningKey } from '../../lib/sigstore/signing-key.ts';
import type { Trust } from '../../lib/sigstore/trusted-root.ts';
import { whoSigned } from '../../lib/sigstore/who-signed.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

/** Who verifies, in every VSA; consumers trust the pair of this and the signer. */
const VERIFIER_ID = 'https://github.com/tekton-supply-chain/tekton-supply-chain/tasks/policy-check';

/** The key that signs the VSA, and the log that it goes to. */
export type Verifier = { key: SigningKey } & Pick<AttestContext, 'rekor' | 'trust'>;

/**
 * The verifier when a signing key is bound, undefined without one: the VSA is then not published.
 * Throws input KEY_MISSING, KEY_INVALID, KEY_PASSWORD_WRONG, REKOR_URL_MISSING or LOG_UNKNOWN.
 */
export async function openVerifier({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps, trust: Trust | undefined): Promise<Verifier | undefined> {
  const folder = workspaces['signing-key'];
  if (folder === undefined) return undefined;
  const rekor = openLog({ http: deps.http, mode: params.log, url: params['rekor-url'], trust });
  return { key: await openSigningKey(folder, params.key, params['key-password']), rekor, trust };
}

/** The VSA of a verdict. When the artifact carries one by the same key that differs in its time alone, that one is given, so that nothing new is published when policy, inputs and result are the same. */
export function vsaFor({ params }: Inputs<typeof spec>, version: string, verdict: Verdict, evidence: CollectedEvidence, verifier: Verifier | undefined): Vsa {
  const fresh = vsaPredicate(verdict, {
    verifier: { id: VERIFIER_ID, version: { 'policy-check': version } },
    resourceUri: `oci://${repositoryName(params.image)}`,
    policyUri: `file:${params.policy}`,
  });
  if (!verifier) return fresh;
  const published = evidence.pieces.find(
    (piece) =>
      piece.predicateType === PREDICATE_TYPE.vsa &&
      piece.bundle &&
      whoSigned(piece.bundle, [verifier.key]).length > 0 &&
      sameVsa(piece.statement?.predicate, fresh),
  );
  return published ? (published.statement?.predicate as Vsa) : fresh;
}

/** Signs and publishes the VSA about the artifact, a failed one too; gives the digest of the referrer manifest. */
export async function publishVsa({ params }: Inputs<typeof spec>, deps: StepDeps, predicate: Vsa, { key, rekor, trust }: Verifier): Promise<string> {
  const what = { predicateType: PREDICATE_TYPE.vsa, predicate, log: params.log };
  const { action, bundleDigest } = await attest({ ...deps, rekor, trust }, params.image, key, what);
  deps.log.info(`verification summary: ${action}`, { bundle: bundleDigest });
  return bundleDigest;
}
