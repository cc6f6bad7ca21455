// SPDX-License-Identifier: Apache-2.0
import type { AttestContext } from '../../lib/attest/attest.ts';
import { attestAll, withChildren } from '../../lib/attest/attest-all.ts';
import { openServices } from '../../lib/attest/open-services.ts';
import { openSigner } from '../../lib/attest/open-signer.ts';
import type { Signer } from '../../lib/attest/signer.ts';
import { isBy } from '../../lib/attest/standing.ts';
import type { CollectedEvidence } from '../../lib/evidence/collect.ts';
import { PREDICATE_TYPE } from '../../lib/intoto/predicate-type.ts';
import type { Verdict } from '../../lib/policy/verdict.ts';
import { sameVsa, type Vsa, vsaPredicate } from '../../lib/policy/vsa.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { Trust } from '../../lib/sigstore/trusted-root.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import { readTrustFile } from '../../lib/step/house-files.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

/** Who verifies, in every VSA; consumers trust the pair of this and the signer. */
const VERIFIER_ID = 'https://github.com/tekton-supply-chain/tekton-supply-chain/tasks/policy-check';

const RENEWED_AFTER_MS = 24 * 60 * 60 * 1000;

/** Who signs the VSA, and the services that it goes to. */
export type Verifier = { signer: Signer; services: Pick<AttestContext, 'rekor' | 'furtherLogs' | 'authorities' | 'trust'> };

/**
 * The verifier when a signing key or an identity token is bound, or key-ref given, undefined without: the VSA is then not published.
 * Throws what `openSigner` and `openServices` throw, and what reading the signing config does.
 */
export async function openVerifier(inputs: Inputs<typeof spec>, deps: StepDeps, trust: Trust | undefined): Promise<Verifier | undefined> {
  const { params, workspaces } = inputs;
  if (params['key-ref'] === undefined && workspaces['signing-key'] === undefined && workspaces['identity-token'] === undefined) return undefined;
  const config = await readTrustFile(inputs, 'signing-config');
  const { fulcio, ...services } = openServices({ http: deps.http, mode: params.log, url: params['rekor-url'], config, trust, now: deps.now() });
  return { signer: await openSigner(inputs, deps, fulcio), services: { ...services, trust } };
}

/** The VSA of a verdict. When the artifact carries one of the last day by the same signer that differs in its time alone, that one is given, so that nothing new is published when policy, inputs and result are the same. */
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
      sameVsa(piece.statement?.predicate, fresh) &&
      isRecent(piece.statement?.predicate as Vsa, fresh) &&
      isBy(piece, params.image, verifier.signer, verifier.services.trust),
  );
  return published ? (published.statement?.predicate as Vsa) : fresh;
}

/** Who accepts a VSA by its age has to find a new one when the artifact was judged anew; for an unknown time it is not recent. */
export function isRecent(published: Pick<Vsa, 'timeVerified'>, fresh: Pick<Vsa, 'timeVerified'>): boolean {
  const age = Date.parse(fresh.timeVerified ?? '') - Date.parse(published.timeVerified ?? '');
  return age >= 0 && age < RENEWED_AFTER_MS;
}

/** Signs and publishes the VSA about the artifact, and about all that an index holds, a failed one too; gives the digest of the artifact's referrer manifest. */
export async function publishVsa({ params }: Inputs<typeof spec>, deps: StepDeps, predicate: Vsa, { signer, services }: Verifier): Promise<string> {
  const what = { predicateType: PREDICATE_TYPE.vsa, predicate, log: params.log };
  // Pending evidence is about one digest at a time.
  const subjects = params.log === 'later' ? [params.image] : await withChildren(deps.registry, params.image);
  const { action, bundleDigest } = await attestAll({ ...deps, ...services }, subjects, signer, what);
  deps.log.info(`verification summary: ${action}`, { bundle: bundleDigest });
  return bundleDigest;
}
