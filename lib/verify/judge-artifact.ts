// SPDX-License-Identifier: Apache-2.0
import { type CollectedEvidence, collectEvidence } from '../evidence/collect.ts';
import { judge } from '../policy/judge.ts';
import type { Stage } from '../policy/policy-schema.ts';
import type { ScanFile } from '../policy/rules/judgement.ts';
import type { Verdict } from '../policy/verdict.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { parseManifest } from '../registry/oci.ts';
import type { Trust } from '../sigstore/trusted-root.ts';
import type { LoadedPolicy } from './load-policy.ts';
import { readSbomFacts } from './sbom-facts.ts';

export type JudgeRequest = {
  registry: Registry;
  image: DigestReference;
  policy: LoadedPolicy;
  trust: Trust | undefined;
  stage: Stage;
  scan?: ScanFile | undefined;
  now: Date;
};

/**
 * The one judgement of the suite: collects and verifies all evidence about the artifact, and judges it by the policy. Step, command line and admission give the same answer because they ask here.
 * Throws what the registry throws (unreachable, throttled, refused and unknown are answers of their own, never "unsigned").
 */
export async function judgeArtifact(request: JudgeRequest): Promise<{ verdict: Verdict; evidence: CollectedEvidence }> {
  const { registry, image, policy, trust, stage, scan, now } = request;
  const configDigest = await readConfigDigest(registry, image);
  const evidence = await collectEvidence(registry, image, { keys: policy.keys, identities: policy.identities, trust });
  const verdict = judge({ policy: policy.policy, policyDigest: policy.digest, evidence, stage, now, scan, configDigest, readSbom: readSbomFacts });
  return { verdict, evidence };
}

/** The digest of the image's config, undefined for an index; reading the manifest also tells an unknown artifact from an unsigned one. */
async function readConfigDigest(registry: Registry, image: DigestReference): Promise<string | undefined> {
  const { bytes, descriptor } = await registry.manifest(image);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  return manifest.kind === 'manifest' ? manifest.config.digest : undefined;
}
