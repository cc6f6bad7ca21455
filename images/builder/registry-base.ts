// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../../lib/errors/errors.ts';
import { formatReference, parseDigestReference } from '../../lib/reference/reference.ts';
import type { Registry } from '../../lib/registry/client.ts';
import { type ContentSource, collectBlob } from '../../lib/registry/content.ts';
import { type ImageManifest, MEDIA_TYPE, parseManifest } from '../../lib/registry/oci.ts';
import { ARCHITECTURES, type Architecture, type Base, type BaseImage } from './base.ts';

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_LAYER_BYTES = 512 * 1024 * 1024;

const Config = z.object({
  os: z.literal('linux'),
  architecture: z.string(),
  config: z.record(z.string(), z.unknown()).default({}),
  rootfs: z.object({ diff_ids: z.array(z.string()) }),
  history: z.array(z.record(z.string(), z.unknown())).default([]),
});

/**
 * The base of a release from its registry. `reference` must name a digest, because a tag can be moved between two builds; all that is read is checked
 * against it. Throws input BASE_UNPINNED, BASE_INVALID, BASE_PLATFORM_MISSING and what the registry client throws.
 */
export async function registryBase(registry: Registry, reference: string, architectures: readonly Architecture[] = ARCHITECTURES): Promise<Base> {
  const ref = parsePinned(reference);
  const source = await registry.source(ref);
  const name = formatReference(ref);
  const images = new Map<Architecture, BaseImage>();
  for (const architecture of architectures) images.set(architecture, await readImage(source, name, architecture));
  return { name, images };
}

function parsePinned(reference: string): ReturnType<typeof parseDigestReference> {
  try {
    return parseDigestReference(reference);
  } catch (cause) {
    throw inputError('BASE_UNPINNED', `the base image "${reference}" is not named by digest`, {
      hint: 'give a distroless image of Node 24 for linux/amd64 and linux/arm64 as HOST/NAME:nonroot@sha256:… with the digest of its index',
      cause,
    });
  }
}

async function manifestDigest(source: ContentSource, name: string, architecture: Architecture): Promise<string> {
  const { bytes, descriptor } = await source.manifest(source.root.digest);
  const root = parseManifest(bytes, descriptor.mediaType);
  if (root.kind === 'manifest') return descriptor.digest;
  const found = root.manifests.find(({ platform }) => platform?.os === 'linux' && platform.architecture === architecture);
  if (found === undefined) throw inputError('BASE_PLATFORM_MISSING', `the base ${name} has no image for linux/${architecture}`);
  return found.digest;
}

async function readImage(source: ContentSource, name: string, architecture: Architecture): Promise<BaseImage> {
  const { bytes, descriptor } = await source.manifest(await manifestDigest(source, name, architecture));
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind !== 'manifest') throw inputError('BASE_INVALID', `the base ${name} holds an index inside its index`);
  const config = await readConfig(source, name, manifest);
  if (config.architecture !== architecture)
    throw inputError('BASE_PLATFORM_MISSING', `the base ${name} has an image for linux/${config.architecture} where linux/${architecture} is needed`);
  const diffIds = config.rootfs.diff_ids;
  if (diffIds.length !== manifest.layers.length)
    throw inputError('BASE_INVALID', `the base ${name} has ${manifest.layers.length} layers and ${diffIds.length} diff IDs`);
  const layers = manifest.layers.map(async (layer, at) => ({
    mediaType: layer.mediaType === MEDIA_TYPE.dockerLayerGzip ? MEDIA_TYPE.ociLayerGzip : layer.mediaType,
    bytes: await collectBlob(source, layer, MAX_LAYER_BYTES),
    diffId: diffIds[at] ?? '',
  }));
  return { layers: await Promise.all(layers), config: config.config, history: config.history, digest: descriptor.digest };
}

async function readConfig(source: ContentSource, name: string, manifest: ImageManifest): Promise<z.infer<typeof Config>> {
  const bytes = await collectBlob(source, manifest.config, MAX_CONFIG_BYTES);
  try {
    return Config.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw inputError('BASE_INVALID', `the base ${name} has an image config that cannot be read`, { cause });
  }
}
