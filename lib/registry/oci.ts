// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { inputError } from '../errors/errors.ts';
import { isDigest } from '../reference/digest.ts';

/** Media types of the OCI image spec 1.1 (media-types.md) and the Docker types they came from. */
export const MEDIA_TYPE = {
  ociManifest: 'application/vnd.oci.image.manifest.v1+json',
  ociIndex: 'application/vnd.oci.image.index.v1+json',
  ociConfig: 'application/vnd.oci.image.config.v1+json',
  ociEmpty: 'application/vnd.oci.empty.v1+json',
  ociLayer: 'application/vnd.oci.image.layer.v1.tar',
  ociLayerGzip: 'application/vnd.oci.image.layer.v1.tar+gzip',
  ociLayerZstd: 'application/vnd.oci.image.layer.v1.tar+zstd',
  dockerManifest: 'application/vnd.docker.distribution.manifest.v2+json',
  dockerList: 'application/vnd.docker.distribution.manifest.list.v2+json',
  dockerConfig: 'application/vnd.docker.container.image.v1+json',
  dockerLayerGzip: 'application/vnd.docker.image.rootfs.diff.tar.gzip',
  dockerForeignLayer: 'application/vnd.docker.image.rootfs.foreign.diff.tar.gzip',
} as const;

export const MANIFEST_TYPES: readonly string[] = [MEDIA_TYPE.ociManifest, MEDIA_TYPE.dockerManifest];
export const INDEX_TYPES: readonly string[] = [MEDIA_TYPE.ociIndex, MEDIA_TYPE.dockerList];

/** Largest manifest that is read or written: the 4 MiB that the distribution spec asks registries to accept. */
export const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;
/** Most layers of a manifest and most entries of an index. */
export const MAX_DESCRIPTORS = 1000;

/** The empty descriptor's content (OCI image spec 1.1, manifest.md, "Guidance for an Empty Descriptor"). */
export const EMPTY_CONFIG = Buffer.from('{}');
export const EMPTY_DESCRIPTOR: Descriptor = {
  mediaType: MEDIA_TYPE.ociEmpty,
  digest: 'sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a',
  size: 2,
};

const annotations = z.record(z.string().max(1024), z.string().max(65_536)).refine((record) => Object.keys(record).length <= 256, 'more than 256 annotations');
const platform = z.object({ os: z.string().max(128), architecture: z.string().max(128), variant: z.string().max(128).optional() });
const descriptor = z.object({
  mediaType: z.string().min(1).max(255),
  digest: z.string().refine(isDigest, 'not a sha256 digest'),
  size: z.number().int().nonnegative().max(Number.MAX_SAFE_INTEGER),
  artifactType: z.string().max(255).optional(),
  annotations: annotations.optional(),
  platform: platform.optional(),
  data: z.string().max(1_048_576).optional(),
});
const head = {
  schemaVersion: z.literal(2),
  mediaType: z.string().max(255).optional(),
  artifactType: z.string().max(255).optional(),
  subject: descriptor.optional(),
  annotations: annotations.optional(),
};
const imageManifest = z.object({ ...head, config: descriptor, layers: z.array(descriptor).max(MAX_DESCRIPTORS) });
const imageIndex = z.object({ ...head, manifests: z.array(descriptor).max(MAX_DESCRIPTORS) });

/** OCI content descriptor (image spec 1.1, descriptor.md), sha256 only. `size` in bytes. */
export type Descriptor = z.infer<typeof descriptor>;
export type Platform = z.infer<typeof platform>;
/** An image manifest (manifest.md), OCI or Docker schema 2. */
export type ImageManifest = z.infer<typeof imageManifest> & { kind: 'manifest'; mediaType: string };
/** An image index (image-index.md) or Docker manifest list. */
export type ImageIndex = z.infer<typeof imageIndex> & { kind: 'index'; mediaType: string };
export type Manifest = ImageManifest | ImageIndex;
export type Index = ImageIndex;

/**
 * Reads a manifest or index. `mediaType` is what the source said it is; the type inside the document, which the digest
 * covers, goes before it. Throws input MANIFEST_INVALID (size, JSON, shape, 1000 descriptors, both kinds at once) or
 * MANIFEST_UNSUPPORTED (Docker schema 1 and other types).
 */
export function parseManifest(bytes: Uint8Array, mediaType: string | undefined): Manifest {
  const json = parseJson(bytes);
  const type = manifestMediaType(json, mediaType);
  const isIndex = INDEX_TYPES.includes(type);
  if (!isIndex && !MANIFEST_TYPES.includes(type)) {
    throw inputError('MANIFEST_UNSUPPORTED', `manifests of type ${printable(type)} are not supported`, {
      hint: 'push the artifact as an OCI or Docker schema 2 image or index',
    });
  }
  if (isIndex ? 'layers' in json || 'config' in json : 'manifests' in json) {
    throw inputError('MANIFEST_INVALID', 'the manifest claims to be an image and an index at once');
  }
  if (isIndex) return { kind: 'index', ...check(imageIndex, json), mediaType: type };
  return { kind: 'manifest', ...check(imageManifest, json), mediaType: type };
}

/** One descriptor of foreign JSON, or an input MANIFEST_INVALID. */
export function parseDescriptor(value: unknown): Descriptor {
  return check(descriptor, value);
}

function check<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.map(String).join('.') ?? '';
  throw inputError('MANIFEST_INVALID', `the manifest is malformed at ${printable(where) || 'its top'}: ${printable(issue?.message ?? 'unknown')}`);
}

function parseJson(bytes: Uint8Array): Record<string, unknown> {
  if (bytes.length > MAX_MANIFEST_BYTES) {
    throw inputError('MANIFEST_INVALID', `the manifest is larger than ${MAX_MANIFEST_BYTES} bytes`);
  }
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
  } catch (cause) {
    throw inputError('MANIFEST_INVALID', 'the manifest is not JSON', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) throw inputError('MANIFEST_INVALID', 'the manifest is not a JSON object');
  return value as Record<string, unknown>;
}

/** The document's own type, else the source's if it is a manifest type at all, else what the members say (Docker and OCI both let `mediaType` be absent). */
function manifestMediaType(json: Record<string, unknown>, said: string | undefined): string {
  if (typeof json['mediaType'] === 'string') return json['mediaType'];
  if (json['schemaVersion'] === 1) return 'application/vnd.docker.distribution.manifest.v1+json';
  const type = said?.split(';')[0]?.trim().toLowerCase();
  if (type !== undefined && (MANIFEST_TYPES.includes(type) || INDEX_TYPES.includes(type))) return type;
  return 'manifests' in json ? MEDIA_TYPE.ociIndex : MEDIA_TYPE.ociManifest;
}

function printable(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, '?').slice(0, 120);
}
