// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';

/** Hash over path and content of all files below the folders and files of `root` that are named. */
export async function fingerprint(root: string, names: readonly string[]): Promise<string> {
  const hash = createHash('sha256');
  for (const path of (await Promise.all(names.map((name) => filesOf(root, name)))).flat().sort()) {
    const content = await readFile(join(root, path));
    hash.update(`${path}\0${content.length}\0`).update(content);
  }
  return hash.digest('hex');
}

async function filesOf(root: string, name: string): Promise<string[]> {
  if (!(await stat(join(root, name))).isDirectory()) return [name];
  const entries = await readdir(join(root, name), { recursive: true, withFileTypes: true });
  return entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name).slice(root.length + 1));
}
