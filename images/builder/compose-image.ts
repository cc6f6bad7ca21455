// SPDX-License-Identifier: Apache-2.0
import { composeLayer, composeLayout, type ImageParts, type Layout } from '../../lib/artifact/write-layout.ts';
import { type Architecture, type Base, baseFor } from './base.ts';
import { filesOfCopy } from './copy-files.ts';
import type { Recipe } from './dockerfile.ts';

export type ComposeOptions = {
  /** Root of the project, which COPY reads. */
  root: string;
  base: Base;
  architectures: readonly Architecture[];
  /** Seconds since 1970 for all that carries a time (reproducible-builds.org, SOURCE_DATE_EPOCH). */
  epoch: number;
  /** Commit that the image is built from, for the annotation `org.opencontainers.image.revision`. */
  revision?: string | undefined;
};

const ANNOTATION = 'org.opencontainers.image.';

/**
 * The image of a Dockerfile for each architecture, with an index over them when there are several. As with an engine: one layer a COPY, labels,
 * user and entrypoint over the base's config, CMD of the base dropped. Otherwise than with one: times from `epoch`, and the labels of the OCI
 * namespace also as annotations on index and manifests.
 */
export async function composeImage(recipe: Recipe, { root, base, architectures, epoch, revision }: ComposeOptions): Promise<Layout> {
  const created = new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
  const layers = await Promise.all(recipe.copies.map(async (copy) => composeLayer(await filesOfCopy(root, copy), { mtime: epoch })));
  const annotations = {
    ...Object.fromEntries(Object.entries(recipe.labels).filter(([key]) => key.startsWith(ANNOTATION))),
    ...(revision !== undefined && { [`${ANNOTATION}revision`]: revision }),
    ...(base.name !== undefined && { [`${ANNOTATION}base.name`]: base.name }),
  };
  const images = architectures.map((architecture): ImageParts => {
    const below = baseFor(base, architecture);
    const { Cmd: _replaced, ...inherited } = below.config;
    return {
      platform: { os: 'linux', architecture },
      created,
      layers: [...below.layers, ...layers],
      config: {
        ...inherited,
        User: recipe.user,
        Entrypoint: recipe.entrypoint,
        Labels: { ...(inherited['Labels'] as Record<string, string> | undefined), ...recipe.labels },
      },
      history: [...baseHistory(below, created), ...ownHistory(recipe, created)],
      annotations: { ...annotations, [`${ANNOTATION}base.digest`]: below.digest },
    };
  });
  return composeLayout(images, annotations);
}

/** A history that does not have one entry a layer would make the image invalid for some tools, so the base's is made up where it does not fit. */
function baseHistory({ history, layers }: { history: Record<string, unknown>[]; layers: unknown[] }, created: string): Record<string, unknown>[] {
  const fits = history.filter((entry) => entry['empty_layer'] !== true).length === layers.length;
  return fits ? history : layers.map(() => ({ created, created_by: 'base image' }));
}

function ownHistory({ labels, copies, user, entrypoint }: Recipe, created: string): Record<string, unknown>[] {
  const empty = (text: string) => ({ created, created_by: text, empty_layer: true });
  return [
    empty(`LABEL ${Object.keys(labels).join(' ')}`),
    ...copies.map(({ text }) => ({ created, created_by: text })),
    empty(`USER ${user}`),
    empty(`ENTRYPOINT ${JSON.stringify(entrypoint)}`),
  ];
}
