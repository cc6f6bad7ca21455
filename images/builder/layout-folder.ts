// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { blobPath } from '../../lib/artifact/layout-source.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { digestHex } from '../../lib/reference/digest.ts';
import { MEDIA_TYPE } from '../../lib/registry/oci.ts';
import type { BuiltImage } from './built-image.ts';

const REF_NAME = 'org.opencontainers.image.ref.name';

/**
 * Writes all images into one OCI image layout (image spec 1.1, image-layout.md), in which they share their base; each is listed under the name
 * `NAME:VERSION`, sorted. Blobs that no image of this call holds are deleted, so that equal images give equal folders.
 */
export async function writeLayoutFolder(folder: string, images: readonly BuiltImage[]): Promise<void> {
  const blobs = new Map(images.flatMap(({ layout }) => [...layout.blobs]));
  const blobFolder = join(folder, 'blobs/sha256');
  await mkdir(blobFolder, { recursive: true });
  for (const [digest, bytes] of blobs) {
    const file = join(folder, blobPath(digest));
    const there = await readBoundedIfPresent(file, bytes.length, 'blob').catch(() => undefined);
    if (there === undefined || !there.equals(bytes)) await writeAtomic(file, bytes);
  }
  const manifests = images
    .map(({ name, version, layout }) => ({ ...layout.root, annotations: { [REF_NAME]: `${name}:${version}` } }))
    .toSorted((a, b) => (a.annotations[REF_NAME] < b.annotations[REF_NAME] ? -1 : 1));
  await writeAtomic(join(folder, 'oci-layout'), '{"imageLayoutVersion":"1.0.0"}');
  await writeAtomic(join(folder, 'index.json'), JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }));
  const kept = new Set([...blobs.keys()].map(digestHex));
  for (const file of await readdir(blobFolder)) if (!kept.has(file)) await rm(join(blobFolder, file));
}

/** `{"NAME": "sha256:…"}` with the digest of each image's index, as `supply-chain catalog render --digests` reads it. */
export function digestsJson(images: readonly BuiltImage[]): string {
  const entries = images.map(({ name, layout }) => [name, layout.root.digest] as const).toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `${JSON.stringify(Object.fromEntries(entries), null, 2)}\n`;
}
