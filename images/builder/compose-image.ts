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
 * The image of a Dockerfile (or of what it says for each architecture) for each architecture, with an index over them when there are several. As with an engine: one layer a COPY, labels,
 * user and entrypoint over the base's config, CMD of the base dropped. Otherwise than with one: times from `epoch`, and the labels of the OCI
 * namespace also as annotations on index and manifests.
 */
export async function composeImage(
  recipe: Recipe | ((architecture: Architecture) => Recipe),
  { root, base, architectures, epoch, revision }: ComposeOptions,
): Promise<Layout> {
  const created = new Date(epoch * 1000).toISOString().replace('.000Z', 'Z');
  const recipes = new Map(architectures.map((one) => [one, typeof recipe === 'function' ? recipe(one) : recipe]));
  const copies = new Map([...recipes.values()].flatMap((one) => one.copies.map((copy) => [copy.text, copy])));
  const layers = new Map(
    await Promise.all([...copies].map(async ([text, copy]) => [text, await composeLayer(await filesOfCopy(root, copy), { mtime: epoch })] as const)),
  );
  const [{ labels } = { labels: {} }] = recipes.values();
  const annotations = {
    ...Object.fromEntries(Object.entries(labels).filter(([key]) => key.startsWith(ANNOTATION))),
    ...(revision !== undefined && { [`${ANNOTATION}revision`]: revision }),
    ...(base.name !== undefined && { [`${ANNOTATION}base.name`]: base.name }),
  };
  const images = [...recipes].map(([architecture, own]): ImageParts => {
    const below = baseFor(base, architecture);
    const { Cmd: _replaced, ...inherited } = below.config;
    return {
      platform: { os: 'linux', architecture },
      created,
      layers: [...below.layers, ...own.copies.flatMap(({ text }) => layers.get(text) ?? [])],
      config: {
        ...inherited,
        User: own.user,
        Entrypoint: own.entrypoint,
        Labels: { ...(inherited['Labels'] as Record<string, string> | undefined), ...own.labels },
      },
      history: [...baseHistory(below, created), ...ownHistory(own, created)],
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
