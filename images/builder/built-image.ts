// SPDX-License-Identifier: Apache-2.0
import { layoutSource } from '../../lib/artifact/layout-source.ts';
import { type Layout, layoutFiles } from '../../lib/artifact/write-layout.ts';
import { bugError } from '../../lib/errors/errors.ts';
import type { ContentSource } from '../../lib/registry/content.ts';
import { type ImageManifest, parseManifest } from '../../lib/registry/oci.ts';
import type { Architecture } from './base.ts';

/** An image as the builder has it in memory; `version` becomes its tag. */
export type BuiltImage = { name: string; version: string; layout: Layout };

/** The image's content for a copy to a registry. */
export function imageSource({ name, layout }: BuiltImage): Promise<ContentSource> {
  const files = layoutFiles(layout);
  return layoutSource({
    name: `the image ${name}`,
    async find(path) {
      const bytes = files.get(path);
      return bytes && { size: bytes.length, stream: () => one(bytes) };
    },
  });
}

async function* one(bytes: Buffer): AsyncGenerator<Buffer> {
  yield bytes;
}

/** The manifest of one architecture, undefined when the image has none for it. */
export function manifestOf({ name, layout }: BuiltImage, architecture: Architecture): { digest: string; manifest: ImageManifest } | undefined {
  const { root, blobs } = layout;
  const index = parseManifest(blob(name, blobs, root.digest), root.mediaType);
  const listed = index.kind === 'index' ? index.manifests : [root];
  const found = listed.find(({ platform }) => platform?.architecture === architecture);
  if (found === undefined) return undefined;
  const manifest = parseManifest(blob(name, blobs, found.digest), found.mediaType);
  if (manifest.kind !== 'manifest') throw bugError('LAYOUT_NESTED', `the image ${name} has an index inside its index`);
  return { digest: found.digest, manifest };
}

function blob(name: string, blobs: ReadonlyMap<string, Buffer>, digest: string): Buffer {
  const bytes = blobs.get(digest);
  if (bytes === undefined) throw bugError('LAYOUT_BLOB_MISSING', `the image ${name} names ${digest} and does not hold it`);
  return bytes;
}
