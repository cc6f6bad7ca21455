// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { deniedError, inputError } from '../errors/errors.ts';
import type { Logger } from '../log/log.ts';
import { type ContentSource, collectBlob } from '../registry/content.ts';
import { type Descriptor, type ImageManifest, MEDIA_TYPE, parseManifest } from '../registry/oci.ts';
import { assembleImage } from './assemble-image.ts';
import { createFindingTree } from './finding-tree.ts';
import { createLayerPass, createLinkPass, DEFAULT_IMAGE_LIMITS, type ImageLimits, type ImageState, overLimit } from './layer-pass.ts';
import { readLayer, unpackLayer } from './layer-stream.ts';
import { byText, type ImageCatalogue, type Platform } from './model.ts';

export type CatalogueImageOptions = {
  source: ContentSource;
  /** Only this platform of an index, `os/architecture[/variant]`. */
  platform?: string | undefined;
  signal?: AbortSignal | undefined;
  log: Logger;
  limits?: Partial<ImageLimits>;
};

const MAX_CONFIG_BYTES = 4 * 1024 * 1024;
const MAX_INDEX_DEPTH = 3;
const LAYER_TYPE = /^application\/vnd\.(?:oci\.image\.layer\.(?:nondistributable\.)?v1\.tar|docker\.image\.rootfs\.diff\.tar)(?:[.+](?:gzip|zstd))?$/;
const CONFIG_TYPES: string[] = [MEDIA_TYPE.ociConfig, MEDIA_TYPE.dockerConfig];
const imageConfig = z.object({
  created: z.iso.datetime({ offset: true }).optional().catch(undefined),
  os: z.string().max(128).optional(),
  architecture: z.string().max(128).optional(),
  variant: z.string().max(128).optional(),
  rootfs: z.object({ diff_ids: z.array(z.string().max(256)).max(1000) }).optional(),
});
type ImageConfig = z.infer<typeof imageConfig>;

/**
 * What the artifact holds: one catalogue for an image, one per platform for an index, sorted by platform and digest. Layers are read bottom up, each
 * once and as a stream; blob digests and diffIDs are verified. Attestation manifests of BuildKit in an index are no images and are passed over.
 * Throws denied DIFF_ID_MISMATCH, input PLATFORM_NOT_FOUND, IMAGE_OVER_LIMIT, LAYER_CORRUPT, TAR_CORRUPT, IMAGE_INVALID, transient ABORTED, and what the source throws.
 */
export async function catalogueImage(options: CatalogueImageOptions): Promise<ImageCatalogue[]> {
  const images = await imagesOf(options.source, options.source.root, 0);
  const chosen = images.filter(({ platform }) => options.platform === undefined || platform === undefined || fits(platform, options.platform));
  if (chosen.length === 0) {
    const listed = images.map(({ platform }) => (platform === undefined ? 'unknown' : platformText(platform))).join(', ');
    throw inputError('PLATFORM_NOT_FOUND', `${options.source.name} has no image for ${options.platform ?? 'any platform'}`, {
      hint: listed === '' ? 'its index lists no image' : `it has ${listed.slice(0, 500)}`,
    });
  }
  const catalogues: ImageCatalogue[] = [];
  for (const { descriptor, platform } of chosen) catalogues.push(await catalogueOne(descriptor, platform, options));
  return catalogues.sort((a, b) => byText(catalogueKey(a), catalogueKey(b)));
}

/** `linux/arm64` asks for any variant. */
function fits(platform: Platform, asked: string): boolean {
  return `${platformText(platform)}/`.startsWith(`${asked}/`);
}

/** `linux/arm64/v8` */
export function platformText({ os, architecture, variant }: Platform): string {
  return variant === undefined ? `${os}/${architecture}` : `${os}/${architecture}/${variant}`;
}

function catalogueKey({ platform, digest }: ImageCatalogue): string {
  return `${platform === undefined ? '' : platformText(platform)} ${digest}`;
}

type ListedImage = { descriptor: Descriptor; platform?: Platform | undefined };

async function imagesOf(source: ContentSource, descriptor: Descriptor, depth: number): Promise<ListedImage[]> {
  const { bytes } = await source.manifest(descriptor.digest);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind === 'manifest') return [{ descriptor, platform: descriptor.platform }];
  if (depth >= MAX_INDEX_DEPTH) throw inputError('IMAGE_INVALID', `${source.name} nests indexes more than ${MAX_INDEX_DEPTH} deep`);
  const images = new Map<string, ListedImage>();
  for (const child of manifest.manifests) {
    const isAttestation = child.annotations?.['vnd.docker.reference.type'] === 'attestation-manifest' || child.platform?.os === 'unknown';
    if (isAttestation || child.artifactType !== undefined) continue;
    for (const image of await imagesOf(source, child, depth + 1)) images.set(image.descriptor.digest, image);
  }
  return [...images.values()];
}

async function catalogueOne(descriptor: Descriptor, platform: Platform | undefined, options: CatalogueImageOptions): Promise<ImageCatalogue> {
  const { source, log } = options;
  const { bytes } = await source.manifest(descriptor.digest);
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind !== 'manifest') throw inputError('IMAGE_INVALID', `${descriptor.digest} of ${source.name} is not an image manifest`);
  const config = await readConfig(source, manifest);
  const limits = { ...DEFAULT_IMAGE_LIMITS, ...options.limits };
  const image: ImageState = { name: source.name, tree: createFindingTree(), unknowns: [], entries: 0, limits };
  if (config === undefined) {
    image.unknowns.push({ path: '', reason: `config of type ${manifest.config.mediaType}: only container images are read for packages` });
  }
  const stated =
    config?.os !== undefined && config.architecture !== undefined ? { os: config.os, architecture: config.architecture, variant: config.variant } : undefined;
  if (options.platform !== undefined && stated !== undefined && !fits(stated, options.platform)) {
    throw inputError('PLATFORM_NOT_FOUND', `${source.name} is an image for ${platformText(stated)}, not for ${options.platform}`);
  }
  const unpackedBytes = config === undefined ? 0 : await readLayers(image, manifest, config, options);
  const layerDigests = manifest.layers.map((layer) => layer.digest);
  const findings = [...image.tree.entries()].map(({ path, layer, value }) => ({ path, layer: layerDigests[layer], value }));
  const { packages, unknowns, distribution } = assembleImage(findings);
  log.info('catalogued image', {
    digest: descriptor.digest,
    packages: packages.length,
    layers: manifest.layers.length,
    unpackedBytes,
    unknowns: unknowns.length,
  });
  return {
    packages,
    unknowns: [...image.unknowns, ...unknowns],
    digest: descriptor.digest,
    platform: platform ?? stated,
    created: config?.created,
    distribution,
    layers: manifest.layers.length,
    unpackedBytes,
    entries: image.entries,
  };
}

async function readConfig(source: ContentSource, manifest: ImageManifest): Promise<ImageConfig | undefined> {
  if (!CONFIG_TYPES.includes(manifest.config.mediaType)) return undefined;
  const bytes = await collectBlob(source, manifest.config, MAX_CONFIG_BYTES);
  try {
    return imageConfig.parse(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw inputError('IMAGE_INVALID', `the image config ${manifest.config.digest} of ${source.name} is malformed`, { cause });
  }
}

/** Applies every layer to the tree; gives the unpacked bytes. */
async function readLayers(image: ImageState, manifest: ImageManifest, config: ImageConfig, options: CatalogueImageOptions): Promise<number> {
  const diffIds = config.rootfs?.diff_ids ?? [];
  if (diffIds.length !== manifest.layers.length) {
    throw inputError('IMAGE_INVALID', `${options.source.name} has ${manifest.layers.length} layers and ${diffIds.length} diffIDs`);
  }
  let unpacked = 0;
  for (const [number, layer] of manifest.layers.entries()) {
    const what = `layer ${number + 1} of ${manifest.layers.length} (${layer.digest}) of ${options.source.name}`;
    if (!LAYER_TYPE.test(layer.mediaType)) {
      image.unknowns.push({ path: '', reason: `layer of type ${layer.mediaType}: not read` });
      continue;
    }
    options.log.progress(`reading ${what}`);
    const pass = createLayerPass(image, number, what);
    const read = (push: (chunk: Buffer) => void): Promise<string> =>
      readLayer(unpackLayer(options.source.blob(layer), what), push, { signal: options.signal, what });
    const diffId = await read((chunk) => {
      unpacked += chunk.length;
      if (unpacked > image.limits.unpackedBytes) throw overLimit(image.name, `${image.limits.unpackedBytes} unpacked bytes`);
      pass.scanner.push(chunk);
    });
    pass.scanner.end();
    if (diffId !== diffIds[number]) throw diffIdMismatch(what, diffIds[number], diffId);
    if (pass.openLinks.size > 0) {
      const second = createLinkPass(image, number, what, pass.openLinks);
      await read((chunk) => second.push(chunk));
    }
  }
  return unpacked;
}

function diffIdMismatch(what: string, stated: string | undefined, found: string): Error {
  return deniedError('DIFF_ID_MISMATCH', `${what} unpacks to ${found}, and the image config says ${stated?.slice(0, 100)}`, {
    hint: 'config and layers do not belong together; build the image again',
  });
}
