// SPDX-License-Identifier: Apache-2.0
import type { ContentSource } from '../registry/content.ts';
import { openArchiveFile } from './archive-file.ts';
import { dockerArchiveSource } from './docker-archive.ts';
import { layoutSource } from './layout-source.ts';

/**
 * The artifact in a tar, plain or gzip-compressed: an OCI image layout when it holds an index.json (as newer `docker save` archives do beside
 * manifest.json), else a docker archive. Nothing is unpacked to disk. Throws input ARCHIVE_*, LAYOUT_* or INPUT_UNREADABLE.
 */
export async function openArchive(file: string, options: { digest?: string | undefined } = {}): Promise<ContentSource> {
  const archive = await openArchiveFile(file);
  const name = `archive ${file}`;
  if (archive.find('index.json') !== undefined) return layoutSource({ name, find: async (path) => archive.find(path) }, options.digest);
  return dockerArchiveSource(archive, name);
}
