// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import * as z from 'zod';
import { inputError, type StepError } from '../errors/errors.ts';
import { sha256Digest } from '../reference/digest.ts';
import { type ContentSource, verifiedBlob } from '../registry/content.ts';
import { type Descriptor, MEDIA_TYPE } from '../registry/oci.ts';
import type { ArchivedFile, ArchiveFile } from './archive-file.ts';
import type { SeenContent } from './tar-index.ts';

const MAX_MANIFEST_JSON = 1024 * 1024;
const MAX_CONFIG = 4 * 1024 * 1024;
const path = z.string().min(1).max(1024);
const manifestJson = z.array(z.object({ Config: path, RepoTags: z.array(z.string().max(512)).max(100).nullish(), Layers: z.array(path).max(1000) })).max(1000);

/**
 * The image of a `docker save` archive without an OCI index (manifest.json, Docker image spec v1.2 "Combined Image JSON + Filesystem Changeset
 * Format"). The archive holds no OCI manifest, so one is composed from config and layers as they lie there: the same archive always gives the
 * same digest, which is not the digest a registry would give. Throws input ARCHIVE_INVALID, ARCHIVE_AMBIGUOUS (several images, listed).
 */
export async function dockerArchiveSource(archive: ArchiveFile, name: string): Promise<ContentSource> {
  const image = chooseImage(await readManifestJson(archive, name), name);
  const config = await describe(archive, image.Config, name, MEDIA_TYPE.ociConfig);
  if (config.size > MAX_CONFIG) throw invalid(name, `its image config has ${config.size} bytes`);
  const layers: Descriptor[] = [];
  const paths = new Map([[config.digest, image.Config]]);
  const described = new Map<string, Descriptor>();
  for (const layer of image.Layers) {
    const descriptor = described.get(layer) ?? (await describe(archive, layer, name));
    described.set(layer, descriptor);
    layers.push(descriptor);
    paths.set(descriptor.digest, layer);
  }
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers }));
  const root: Descriptor = { mediaType: MEDIA_TYPE.ociManifest, digest: sha256Digest(bytes), size: bytes.length };
  return {
    name,
    root,
    async manifest(digest) {
      if (digest !== root.digest) throw invalid(name, `it has no manifest ${digest}`);
      return { descriptor: root, bytes };
    },
    async *blob(descriptor) {
      const found = archive.find(paths.get(descriptor.digest) ?? '');
      if (found === undefined) throw invalid(name, `it has no blob ${descriptor.digest}`);
      yield* verifiedBlob(found.stream(), descriptor, `blob ${descriptor.digest} of ${name}`);
    },
  };
}

async function readManifestJson(archive: ArchiveFile, name: string): Promise<z.infer<typeof manifestJson>> {
  const found = archive.find('manifest.json');
  if (found === undefined) throw invalid(name, 'it has neither index.json nor manifest.json');
  if (found.size > MAX_MANIFEST_JSON) throw invalid(name, `its manifest.json has ${found.size} bytes`);
  const chunks: Buffer[] = [];
  for await (const chunk of found.stream()) chunks.push(chunk);
  try {
    return manifestJson.parse(JSON.parse(Buffer.concat(chunks).toString('utf8')));
  } catch (cause) {
    throw invalid(name, 'its manifest.json is malformed', cause);
  }
}

function chooseImage<T extends { Config: string; RepoTags?: string[] | null | undefined }>(images: T[], name: string): T {
  const [only, ...more] = images;
  if (only === undefined) throw invalid(name, 'its manifest.json lists no image');
  if (more.length === 0) return only;
  const listed = images.map((image) => image.RepoTags?.[0] ?? image.Config).slice(0, 10);
  throw inputError('ARCHIVE_AMBIGUOUS', `${name} holds ${images.length} images: ${listed.join(', ')}`, { hint: 'save one image into an archive of its own' });
}

/** Digest and size by reading the file once, unless the index pass has; a layer's media type by its first bytes. */
async function describe(archive: ArchiveFile, file: string, name: string, mediaType?: string): Promise<Descriptor> {
  const found = archive.find(file.replace(/^\.\//, ''));
  if (found === undefined) throw invalid(name, `its manifest.json names ${file.slice(0, 200)}, which is not there`);
  const { digest, head } = found.seen ?? (await see(found));
  return { mediaType: mediaType ?? layerType(head), digest, size: found.size };
}

async function see(file: ArchivedFile): Promise<SeenContent> {
  const hash = createHash('sha256');
  let head: Buffer | undefined;
  for await (const chunk of file.stream()) {
    head ??= Buffer.from(chunk.subarray(0, 16));
    hash.update(chunk);
  }
  return { digest: `sha256:${hash.digest('hex')}`, head: head ?? Buffer.alloc(0) };
}

function layerType(head: Buffer): string {
  const magic = head.subarray(0, 4).toString('hex');
  if (magic.startsWith('1f8b')) return MEDIA_TYPE.ociLayerGzip;
  return magic === '28b52ffd' ? MEDIA_TYPE.ociLayerZstd : MEDIA_TYPE.ociLayer;
}

function invalid(name: string, why: string, cause?: unknown): StepError {
  return inputError('ARCHIVE_INVALID', `${name} is not a docker or OCI image archive: ${why}`, { cause });
}
