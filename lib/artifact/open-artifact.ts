// SPDX-License-Identifier: Apache-2.0
import { stat } from 'node:fs/promises';
import { inputError } from '../errors/errors.ts';
import type { ContentSource } from '../registry/content.ts';
import { openArchive } from './archive.ts';
import { openLayout } from './layout.ts';

/** The artifact at a path: an OCI layout folder, an OCI archive or a docker archive. Throws input INPUT_UNREADABLE, LAYOUT_* or ARCHIVE_*. */
export async function openArtifact(path: string, options: { digest?: string | undefined } = {}): Promise<ContentSource> {
  const found = await stat(path).catch((cause: unknown) => {
    throw inputError('INPUT_UNREADABLE', `${path} cannot be read: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  if (found.isDirectory()) return openLayout(path, options);
  if (found.isFile()) return openArchive(path, options);
  throw inputError('INPUT_UNREADABLE', `${path} is neither a folder nor a file`, { hint: 'name an OCI layout folder or an image archive (tar, tar.gz)' });
}
