// SPDX-License-Identifier: Apache-2.0
import { sha256Digest } from '../reference/digest.ts';
import { type Descriptor, EMPTY_CONFIG, EMPTY_DESCRIPTOR, type ImageManifest, type Manifest, MEDIA_TYPE } from './oci.ts';

/** A file of an artifact: its bytes with their media type and descriptor annotations. */
export type ArtifactLayer = { mediaType: string; bytes: Buffer; annotations?: Record<string, string> };

export type ArtifactContent = {
  artifactType: string;
  /** Of the manifest; nothing is added, so equal content gives equal bytes. */
  annotations?: Record<string, string>;
  layers: readonly ArtifactLayer[];
  /** Default: the empty descriptor. */
  config?: { mediaType: string; bytes: Buffer };
};

/** A manifest ready to be written, and the blobs it names. */
export type ComposedArtifact = { manifest: Buffer; blobs: Buffer[] };

/**
 * Composes the OCI image manifest of an artifact (image spec 1.1, manifest.md, "Guidelines for Artifact Usage") that
 * refers to `subject`. Member and annotation order are fixed and no time is added: the same input gives the same digest,
 * which makes pushing it twice one referrer.
 */
export function composeArtifact(content: ArtifactContent, subject: Pick<Descriptor, 'mediaType' | 'digest' | 'size'> | undefined): ComposedArtifact {
  const config = content.config ?? { mediaType: MEDIA_TYPE.ociEmpty, bytes: EMPTY_CONFIG };
  const manifest = {
    schemaVersion: 2,
    mediaType: MEDIA_TYPE.ociManifest,
    artifactType: content.artifactType,
    config: content.config === undefined ? EMPTY_DESCRIPTOR : describe(config),
    layers: content.layers.map(describe),
    ...(subject !== undefined && { subject: { mediaType: subject.mediaType, digest: subject.digest, size: subject.size } }),
    ...(content.annotations !== undefined && Object.keys(content.annotations).length > 0 && { annotations: sorted(content.annotations) }),
  };
  const blobs = new Map([config, ...content.layers].map(({ bytes }) => [sha256Digest(bytes), bytes]));
  return { manifest: Buffer.from(JSON.stringify(manifest)), blobs: [...blobs.values()] };
}

/** The descriptor that a referrers listing shows for a manifest: with its artifact type (else the config's type) and annotations (distribution spec 1.1, "Listing Referrers"). */
export function referrerDescriptor(manifest: Manifest, bytes: Buffer): Descriptor {
  const artifactType = manifest.artifactType ?? (manifest.kind === 'manifest' ? (manifest as ImageManifest).config.mediaType : undefined);
  return {
    mediaType: manifest.mediaType,
    digest: sha256Digest(bytes),
    size: bytes.length,
    ...(artifactType !== undefined && { artifactType }),
    ...(manifest.annotations !== undefined && { annotations: manifest.annotations }),
  };
}

/** The descriptor of a layer; annotations are in the order of their names. */
export function describe(layer: ArtifactLayer): Descriptor {
  const { mediaType, bytes, annotations } = layer;
  return { mediaType, digest: sha256Digest(bytes), size: bytes.length, ...(annotations !== undefined && { annotations: sorted(annotations) }) };
}

function sorted(record: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(record).sort(([a], [b]) => (a < b ? -1 : 1)));
}
