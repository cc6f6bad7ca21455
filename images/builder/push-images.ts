// SPDX-License-Identifier: Apache-2.0
import { formatReference, type ImageReference, parseReference } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { copyArtifact } from '../../lib/registry/copy.ts';
import { type BuiltImage, imageSource } from './built-image.ts';

/**
 * Pushes each image to `REPOSITORY/NAME:VERSION`, index and all; gives the references by digest. From the second image on the registry is asked to
 * mount what the first one brought there, so that the base goes over the wire once. Throws input REFERENCE_INVALID and what the registry client throws.
 */
export async function pushImages(registry: Registry, images: readonly BuiltImage[], repository: string): Promise<string[]> {
  const targets = images.map((image) => ({ image, target: parseReference(`${repository}/${image.name}:${image.version}`) }));
  const pushed: string[] = [];
  let first: ImageReference | undefined;
  for (const { image, target } of targets) {
    const source = await imageSource(image);
    const origin = first === undefined ? {} : { origin: { registry: first.registry, repository: first.repository } };
    const { digest } = await copyArtifact({ ...source, ...origin }, registry, target);
    first ??= target;
    pushed.push(formatReference({ ...target, digest }));
  }
  return pushed;
}
