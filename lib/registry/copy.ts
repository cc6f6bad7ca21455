// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { type ImageReference, repositoryName } from '../reference/reference.ts';
import type { Registry } from './client.ts';
import type { ContentSource } from './content.ts';
import { type Descriptor, INDEX_TYPES, MANIFEST_TYPES, MAX_DESCRIPTORS, MEDIA_TYPE, parseManifest } from './oci.ts';

const MAX_DEPTH = 4;
const PARALLEL_BLOBS = 4;

type Copy = { source: ContentSource; registry: Registry; ref: ImageReference; seen: Set<string>; from: string | undefined };

/**
 * Copies an artifact to the repository of `ref`: an index with all it names, children before parents, so that the target
 * never holds a manifest whose parts are missing; the root gets the tag of `ref` if it has one. Bytes are kept as they
 * are, so digests stay; blobs that exist are skipped, and mounted where source and target share a registry. Layers that
 * may not be distributed (foreign layers) are left where their URLs point to.
 * Gives the root's descriptor. Throws refused COPY_TOO_LARGE (1000 manifests, 4 levels) and what source and registry throw.
 */
export async function copyArtifact(source: ContentSource, registry: Registry, ref: ImageReference): Promise<Descriptor> {
  const target = { registry: ref.registry, repository: ref.repository };
  const isSameRegistry = source.origin?.registry === ref.registry && source.origin.repository !== ref.repository;
  const copy: Copy = { source, registry, ref: target, seen: new Set(), from: isSameRegistry ? source.origin?.repository : undefined };
  return copyManifest(copy, source.root, 1, ref.tag);
}

async function copyManifest(copy: Copy, descriptor: Descriptor, depth: number, tag: string | undefined): Promise<Descriptor> {
  copy.seen.add(descriptor.digest);
  if (depth > MAX_DEPTH || copy.seen.size > MAX_DESCRIPTORS) {
    throw refusedError('COPY_TOO_LARGE', `${copy.source.name} nests deeper than ${MAX_DEPTH} levels or names more than ${MAX_DESCRIPTORS} manifests`);
  }
  const { descriptor: found, bytes } = await copy.source.manifest(descriptor.digest);
  const manifest = parseManifest(bytes, found.mediaType);
  if (manifest.kind === 'index') {
    for (const child of manifest.manifests) {
      if (!copy.seen.has(child.digest)) await copyChild(copy, child, depth + 1);
    }
  } else {
    await copyBlobs(copy, [manifest.config, ...manifest.layers]);
  }
  return copy.registry.putManifest({ ...copy.ref, ...(tag !== undefined && { tag }) }, bytes, manifest.mediaType);
}

async function copyChild(copy: Copy, child: Descriptor, depth: number): Promise<void> {
  if (!MANIFEST_TYPES.includes(child.mediaType) && !INDEX_TYPES.includes(child.mediaType)) {
    throw refusedError(
      'MANIFEST_UNSUPPORTED',
      `${copy.source.name} names ${child.digest} of type ${JSON.stringify(child.mediaType)} as a manifest; it cannot be copied to ${repositoryName(copy.ref)}`,
    );
  }
  await copyManifest(copy, child, depth, undefined);
}

async function copyBlobs(copy: Copy, descriptors: readonly Descriptor[]): Promise<void> {
  const unique = [...new Map(descriptors.filter(isDistributable).map((descriptor) => [descriptor.digest, descriptor])).values()];
  const work = unique.values();
  const worker = async (): Promise<void> => {
    for (const descriptor of work) {
      const content = { descriptor, open: () => copy.source.blob(descriptor) };
      await copy.registry.putBlob(copy.ref, content, copy.from === undefined ? {} : { from: copy.from });
    }
  };
  await Promise.all(Array.from({ length: Math.min(PARALLEL_BLOBS, unique.length) }, worker));
}

/** Image spec 1.1, layer.md, "Non-Distributable Layers", and Docker's foreign layers. */
function isDistributable({ mediaType }: Descriptor): boolean {
  return mediaType !== MEDIA_TYPE.dockerForeignLayer && !mediaType.startsWith('application/vnd.oci.image.layer.nondistributable.');
}
