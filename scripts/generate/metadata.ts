// SPDX-License-Identifier: Apache-2.0
import type { TaskSpec } from '../../lib/spec/spec.ts';

/** Where the images of the suite are published; `supply-chain catalog render` can put another host in its place. */
export const IMAGE_REPOSITORY = 'ghcr.io/tekton-supply-chain';

/** The oldest Tekton that everything in the catalog works with: from 1.9 on a Pipeline may take the name of a Task from a param. */
export const MIN_PIPELINES_VERSION = '1.9.0';

export const PLATFORMS = 'linux/amd64,linux/arm64';

/** The image of a Task as the catalog names it: by version, to be pinned by digest when it is rendered. */
export function imageOf(name: string, version: string): string {
  return `${IMAGE_REPOSITORY}/${name}:${version}`;
}

/**
 * Labels and annotations that catalog tools read: catlin (version label, minVersion, categories; displayName, tags and platforms
 * recommended) and Artifact Hub's Tekton tracker (displayName, platforms, tags, category, license).
 */
export function catalogMetadata(spec: TaskSpec, version: string): object {
  return {
    name: spec.name,
    labels: { 'app.kubernetes.io/version': version },
    annotations: {
      'tekton.dev/displayName': spec.title,
      'tekton.dev/categories': spec.categories.join(', '),
      'tekton.dev/tags': spec.tags.join(', '),
      'tekton.dev/platforms': PLATFORMS,
      'tekton.dev/pipelines.minVersion': MIN_PIPELINES_VERSION,
      'artifacthub.io/category': 'security',
      'artifacthub.io/license': 'Apache-2.0',
    },
  };
}
