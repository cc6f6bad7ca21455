// SPDX-License-Identifier: Apache-2.0
import { open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';

/** Replaces a file so that after a crash or power loss at any moment either the old or the new content is there, and once this resolves the new one. */
export async function writeDurably(path: string, content: Uint8Array | string, mode = 0o644): Promise<void> {
  await writeAtomic(path, content, { mode });
  await syncDirectory(dirname(path));
}

/** Makes names created in the directory survive a power loss. */
export async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, 'r');
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
