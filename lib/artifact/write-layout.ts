// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { gzip, gzipSync, zstdCompressSync } from 'node:zlib';
import { sha256Digest } from '../reference/digest.ts';
import { type Descriptor, MEDIA_TYPE, type Platform } from '../registry/oci.ts';
import { blobPath } from './layout-source.ts';
import { type TarFile, writeTar } from './write-tar.ts';

export type LayerCompression = 'gzip' | 'none' | 'zstd';
/** A layer as a registry holds it; `diffId` is the digest of the tar inside. */
export type ReadyLayer = { mediaType: string; bytes: Buffer; diffId: string };
export type ImageParts = {
  platform?: Platform;
  /** Bottom first. */
  layers: ({ files: TarFile[]; compression?: LayerCompression } | ReadyLayer)[];
  /** RFC 3339; left out when not given. */
  created?: string;
  /** The `history` member of the image config (image spec 1.1, config.md): one entry a layer, besides those with `empty_layer`. */
  history?: readonly Record<string, unknown>[];
  /** The `config` member of the image config: Entrypoint, Env, Labels … */
  config?: Record<string, unknown>;
  annotations?: Record<string, string>;
};
export type Layout = { root: Descriptor; blobs: Map<string, Buffer> };

/** RFC 1952, 2.3: the byte of the header that names the system that wrote it, which zlib fills differently on macOS and Linux. */
const GZIP_SYSTEM_BYTE = 9;
const GZIP_UNIX = 3;
const GZIP = { level: 6 };

const LAYER_TYPE = { gzip: MEDIA_TYPE.ociLayerGzip, none: MEDIA_TYPE.ociLayer, zstd: MEDIA_TYPE.ociLayerZstd };

/** The blobs of an OCI image, the same bytes for the same parts; with several images an index over them, with these annotations. */
export function composeLayout(images: ImageParts[], annotations?: Record<string, string>): Layout {
  const blobs = new Map<string, Buffer>();
  const manifests = images.map((image) => composeImage(image, blobs));
  const [only] = manifests;
  if (manifests.length === 1 && only !== undefined) return { root: only, blobs };
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests, ...(annotations !== undefined && { annotations }) };
  return { root: addBlob(blobs, Buffer.from(JSON.stringify(index)), MEDIA_TYPE.ociIndex), blobs };
}

function composeImage(image: ImageParts, blobs: Map<string, Buffer>): Descriptor {
  const platform = image.platform ?? { os: 'linux', architecture: 'amd64' };
  const diffIds: string[] = [];
  const layers = image.layers.map((layer) => {
    const { bytes, mediaType, diffId } = 'bytes' in layer ? layer : compressedLayer(layer.files, layer.compression);
    diffIds.push(diffId);
    return addBlob(blobs, bytes, mediaType);
  });
  const config = {
    ...(image.created !== undefined && { created: image.created }),
    architecture: platform.architecture,
    os: platform.os,
    ...(platform.variant !== undefined && { variant: platform.variant }),
    config: image.config ?? {},
    rootfs: { type: 'layers', diff_ids: diffIds },
    ...(image.history !== undefined && { history: image.history }),
  };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    config: addBlob(blobs, Buffer.from(JSON.stringify(config)), MEDIA_TYPE.ociConfig),
    layers,
    ...(image.annotations !== undefined && { annotations: image.annotations }),
  };
  return { ...addBlob(blobs, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.ociManifest), platform };
}

function compressedLayer(files: TarFile[], compression: LayerCompression = 'gzip'): ReadyLayer {
  const tar = writeTar(files);
  return { mediaType: LAYER_TYPE[compression], bytes: compress(tar, compression), diffId: sha256Digest(tar) };
}

function compress(tar: Buffer, compression: LayerCompression): Buffer {
  if (compression === 'none') return tar;
  return compression === 'zstd' ? zstdCompressSync(tar) : withSystem(gzipSync(tar, GZIP));
}

/**
 * A gzip layer of the files in their order, compressed beside this thread; `mtime` in seconds, as for `writeTar`. The same bytes as `composeLayout` makes,
 * on every system with one version of zlib.
 */
export async function composeLayer(files: TarFile[], { mtime }: { mtime: number }): Promise<ReadyLayer> {
  const tar = writeTar(files, mtime);
  return { mediaType: LAYER_TYPE.gzip, bytes: withSystem(await promisify(gzip)(tar, GZIP)), diffId: sha256Digest(tar) };
}

function withSystem(bytes: Buffer): Buffer {
  bytes[GZIP_SYSTEM_BYTE] = GZIP_UNIX;
  return bytes;
}

function addBlob(blobs: Map<string, Buffer>, bytes: Buffer, mediaType: string): Descriptor {
  const digest = sha256Digest(bytes);
  blobs.set(digest, bytes);
  return { mediaType, digest, size: bytes.length };
}

/** The files of an OCI image layout by path (image spec 1.1, image-layout.md). */
export function layoutFiles({ root, blobs }: Layout): Map<string, Buffer> {
  const index = { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [root] };
  const files = new Map<string, Buffer>([
    ['oci-layout', Buffer.from('{"imageLayoutVersion":"1.0.0"}')],
    ['index.json', Buffer.from(JSON.stringify(index))],
  ]);
  for (const digest of [...blobs.keys()].sort()) files.set(blobPath(digest), blobs.get(digest) ?? Buffer.alloc(0));
  return files;
}

/** Writes an OCI image layout folder; `dir` is made when it is missing. */
export async function writeLayout(dir: string, layout: Layout): Promise<void> {
  await mkdir(join(dir, 'blobs/sha256'), { recursive: true });
  for (const [path, bytes] of layoutFiles(layout)) await writeFile(join(dir, path), bytes);
}

/** The same layout as one tar (an OCI archive). */
export function ociArchive(layout: Layout): Buffer {
  return writeTar([...layoutFiles(layout)].map(([path, content]) => ({ path, content })));
}
