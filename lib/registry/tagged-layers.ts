// SPDX-License-Identifier: Apache-2.0
import { refusedError, StepError } from '../errors/errors.ts';
import { sha256Digest } from '../reference/digest.ts';
import { formatReference, type ImageReference } from '../reference/reference.ts';
import { fetchManifestIfPresent } from './manifests.ts';
import { MEDIA_TYPE, parseManifest } from './oci.ts';
import { changeTag, type RawEntry, type TagContent, type TagSet, type UnionOptions } from './tag-union.ts';

/** What tells layers of one manifest apart: cosign keeps several signatures of the same payload, each in this annotation. */
const SIGNATURE = 'dev.cosignproject.cosign/signature';

/**
 * Adds a layer to the image manifest under a tag, beside those that are there (cosign specs/SIGNATURE_SPEC.md, "Storage"), so that concurrent writers end with the union (`changeTag`).
 * `put` writes the config, which names all layers. A layer that is there already is not added again.
 * Throws refused LEGACY_TAG_INVALID when the tag holds anything but a manifest, and what `changeTag` and `put` throw.
 */
export async function addTaggedLayer(options: UnionOptions, ref: ImageReference, layer: RawEntry, put: (bytes: Buffer) => Promise<unknown>): Promise<void> {
  const set: TagSet = {
    ref,
    name: `the manifest ${formatReference(ref)}`,
    entries: 'layers',
    keyOf: ({ digest, annotations }) => `${digest} ${(annotations as Record<string, string> | undefined)?.[SIGNATURE] ?? ''}`,
    read: () => readLayers(options, ref),
    async compose(document, layers) {
      const config = configOf(layers);
      await put(config);
      const described = { mediaType: MEDIA_TYPE.ociConfig, size: config.length, digest: sha256Digest(config) };
      const manifest = { ...document, schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config: described, layers };
      return { bytes: Buffer.from(JSON.stringify(manifest)), mediaType: MEDIA_TYPE.ociManifest };
    },
    // A registry refuses a manifest without its layers, and keeps the layers of one that was replaced for longer than this takes.
    gone: async () => new Set(),
    dropped: () => undefined,
  };
  await changeTag(options, set, { add: layer });
}

async function readLayers({ session }: UnionOptions, ref: ImageReference): Promise<TagContent> {
  try {
    const found = await fetchManifestIfPresent(session, ref);
    if (found === undefined) return { entries: [], document: {}, etag: undefined };
    if (parseManifest(found.bytes, found.descriptor.mediaType).kind !== 'manifest') throw invalid(ref, 'it holds an index');
    const document = JSON.parse(found.bytes.toString('utf8')) as Record<string, unknown>;
    return { entries: document['layers'] as RawEntry[], document, etag: found.etag };
  } catch (error) {
    if (!(error instanceof StepError) || error.kind !== 'input') throw error;
    throw invalid(ref, error.message);
  }
}

/** The image config that cosign writes (go-containerregistry's empty image, appended to): it is what its next append starts from. */
function configOf(layers: readonly RawEntry[]): Buffer {
  const config = {
    architecture: '',
    created: '0001-01-01T00:00:00Z',
    history: layers.map(() => ({ created: '0001-01-01T00:00:00Z' })),
    os: '',
    rootfs: { type: 'layers', diff_ids: layers.map(({ digest }) => digest) },
    config: {},
  };
  return Buffer.from(JSON.stringify(config));
}

function invalid(ref: ImageReference, why: string): StepError {
  return refusedError('LEGACY_TAG_INVALID', `the tag ${formatReference(ref)}, where cosign keeps signatures, cannot be written to: ${why}`, {
    hint: 'find out who wrote it, and delete the tag if it is not what cosign wrote',
  });
}
