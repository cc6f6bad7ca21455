// SPDX-License-Identifier: Apache-2.0
import { deniedError, StepError } from '../../lib/errors/errors.ts';
import { type DigestReference, formatReference, type ImageReference, repositoryName } from '../../lib/reference/reference.ts';
import { copyArtifact } from '../../lib/registry/copy.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

/** Copies the evidence first and tags last, so that nobody finds the release by its tag before its evidence is there. */
export async function run({ params }: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const { image, to, tag } = params;
  const target: DigestReference = { registry: to.registry, repository: to.repository, digest: image.digest };
  const source = await deps.registry.source(image);
  if (tag !== undefined && !params['move-tag']) await refuseTakenTag({ ...to, tag }, image.digest, deps);
  await copyArtifact(source, deps.registry, to);
  const copied = await copyEvidence(image, target, deps);
  if (tag !== undefined) await setTag({ ...to, tag }, target, deps);
  deps.log.info(`promoted to ${formatReference(target)}`, { tag, evidence: copied });
  return {
    results: {
      subject: `${repositoryName(image)}@${image.digest}`,
      'release-reference': formatReference(target),
      'evidence-copied': String(copied),
    },
  };
}

async function refuseTakenTag(named: ImageReference, digest: string, deps: StepDeps): Promise<void> {
  const found = await deps.registry.resolve(named).catch((error: unknown) => {
    if (error instanceof StepError && error.code === 'MANIFEST_UNKNOWN') return undefined;
    throw error;
  });
  if (found && found.digest !== digest) throw deniedError('TAG_TAKEN', `the tag ${formatReference(named)} names ${found.digest} already, not ${digest}`);
}

/** Referrers of the artifact, and those of its referrers are none of ours: a signature on a signature speaks about another subject. */
async function copyEvidence(image: DigestReference, target: DigestReference, deps: StepDeps): Promise<number> {
  const there = new Set((await deps.registry.referrers(target)).map(({ digest }) => digest));
  const missing = (await deps.registry.referrers(image)).filter(({ digest }) => !there.has(digest));
  for (const { digest } of missing) {
    const source = await deps.registry.source({ registry: image.registry, repository: image.repository, digest });
    await copyArtifact(source, deps.registry, { registry: target.registry, repository: target.repository });
  }
  return missing.length;
}

async function setTag(named: ImageReference, target: DigestReference, deps: StepDeps): Promise<void> {
  const { bytes, descriptor } = await deps.registry.manifest(target);
  await deps.registry.putManifest(
    { registry: named.registry, repository: named.repository, ...(named.tag !== undefined && { tag: named.tag }) },
    bytes,
    descriptor.mediaType,
  );
}
