// SPDX-License-Identifier: Apache-2.0
import { describeResource } from '../../lib/argocd/application.ts';
import type { LiveImage } from '../../lib/argocd/argocd.ts';
import { containerImages } from '../../lib/argocd/container-images.ts';
import { deniedError, type StepError } from '../../lib/errors/errors.ts';
import { type DigestReference, formatReference, parseReference, repositoryName } from '../../lib/reference/reference.ts';
import type { Effort } from './effort.ts';
import type { Goal } from './goal.ts';

const MAX_LISTED = 10;

/** Why what runs is not what is expected, undefined when it is, or when no image is expected. Denied IMAGE_MISMATCH. */
export async function imageProblem(effort: Pick<Effort, 'argo' | 'app' | 'goal'>): Promise<StepError | undefined> {
  const { argo, app, goal } = effort;
  const { image } = goal;
  if (image === undefined) return undefined;
  const managed = (await argo.managedResources()) ?? [];
  const declared = managed.flatMap((resource) => containerImages(resource.live).map((name) => ({ image: name, where: describeResource(resource) })));
  // Where no object of Git has containers of ours, an operator may have made the pods.
  const found = declared.some((live) => concerns(live, image)) ? declared : [...declared, ...(await argo.images(app))];
  const problems = mismatches(found, image, goal.otherDigests);
  if (problems.length === 0) return undefined;
  const lines = problems.slice(0, MAX_LISTED).map((problem) => `  - ${problem}`);
  if (problems.length > lines.length) lines.push(`  - and ${problems.length - lines.length} more`);
  return deniedError('IMAGE_MISMATCH', `application ${app.metadata.name} does not run ${formatReference(image)}:\n${lines.join('\n')}`);
}

/** Throws denied IMAGE_MISMATCH. */
export async function refuseWrongImage(effort: Pick<Effort, 'argo' | 'app' | 'goal'>): Promise<void> {
  const problem = await imageProblem(effort);
  if (problem) throw problem;
}

/**
 * What speaks against the expected image: a container of its repository with another digest or a bare tag, no container with the digest at all (from
 * whatever repository, since releases are mirrored), and with `otherDigests` any container of something else.
 */
export function mismatches(found: readonly LiveImage[], image: DigestReference, otherDigests: Goal['otherDigests']): string[] {
  const parsed = found.map((live) => ({ ...live, reference: parse(live.image) }));
  const wrong = parsed
    .filter(({ reference }) => reference?.digest !== image.digest)
    .filter((live) => concerns(live, image) || (otherDigests !== undefined && !otherDigests.includes(live.reference?.digest ?? '')))
    .map(({ where, image: name }) => `${where}: runs ${name}`);
  if (parsed.some(({ reference }) => reference?.digest === image.digest)) return wrong;
  const seen = [...new Set(found.map((live) => live.image))].slice(0, 5).join(', ');
  return [...wrong, ...(wrong.length > 0 ? [] : [`no container has this digest; there are ${seen || 'no containers'}`])];
}

function concerns(live: LiveImage, image: Goal['image']): boolean {
  const reference = parse(live.image);
  return reference !== undefined && image !== undefined && repositoryName(reference) === repositoryName(image);
}

function parse(text: string): ReturnType<typeof parseReference> | undefined {
  try {
    return parseReference(text);
  } catch {
    // What a manifest calls an image and is none has no digest either.
    return undefined;
  }
}
