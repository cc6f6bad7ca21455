// SPDX-License-Identifier: Apache-2.0
import { blobPath } from '../../lib/artifact/layout-source.ts';
import { type TarFile, writeTar } from '../../lib/artifact/write-tar.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { MEDIA_TYPE } from '../../lib/registry/oci.ts';
import type { Architecture } from './base.ts';
import { type BuiltImage, manifestOf } from './built-image.ts';

/**
 * A tar that an engine loads: an OCI image layout (image spec 1.1) with a `manifest.json` that names the same blobs, because an engine up to
 * version 24 does not read a layout. Holds one architecture of each image, tagged `REPOSITORY/NAME:VERSION`; the image ID in the engine is the digest
 * of the image config. Throws input PLATFORM_NOT_FOUND.
 */
export function engineArchive(images: readonly BuiltImage[], { architecture, repository }: { architecture: Architecture; repository: string }): Buffer {
  const blobs = new Map<string, Buffer>();
  const [manifests, entries]: [unknown[], unknown[]] = [[], []];
  for (const image of images) {
    const found = manifestOf(image, architecture);
    if (found === undefined) throw inputError('PLATFORM_NOT_FOUND', `the image ${image.name} has no variant for linux/${architecture}`);
    const { digest, manifest } = found;
    const tag = `${repository}/${image.name}:${image.version}`;
    for (const one of [digest, manifest.config.digest, ...manifest.layers.map((layer) => layer.digest)]) blobs.set(one, bytesOf(image, one));
    entries.push({ Config: blobPath(manifest.config.digest), RepoTags: [tag], Layers: manifest.layers.map((layer) => blobPath(layer.digest)) });
    manifests.push({
      mediaType: manifest.mediaType,
      digest,
      size: bytesOf(image, digest).length,
      annotations: { 'io.containerd.image.name': tag, 'org.opencontainers.image.ref.name': image.version },
      platform: { os: 'linux', architecture },
    });
  }
  const files: TarFile[] = [
    { path: 'oci-layout', content: '{"imageLayoutVersion":"1.0.0"}' },
    { path: 'index.json', content: JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }) },
    { path: 'manifest.json', content: JSON.stringify(entries) },
    ...[...blobs].map(([digest, content]) => ({ path: blobPath(digest), content })),
  ];
  return writeTar(files.toSorted((a, b) => (a.path < b.path ? -1 : 1)));
}

function bytesOf({ layout }: BuiltImage, digest: string): Buffer {
  return layout.blobs.get(digest) ?? Buffer.alloc(0);
}
