// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

const LEFT_ASIDE = new Set(['node_modules', 'dist', 'coverage', '.git', '.supply-chain']);

/** Files of the project whose name ends so, by path below the root with `/`, sorted; what builds and tests write is left aside. */
export function projectFiles(root: string, ending: string): string[] {
  return filesBelow(root)
    .map((path) => relative(root, path).split(sep).join('/'))
    .filter((path) => path.endsWith(ending))
    .sort();
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { withFileTypes: true }).flatMap((entry) => {
    if (LEFT_ASIDE.has(entry.name)) return [];
    const path = join(folder, entry.name);
    return entry.isDirectory() ? filesBelow(path) : entry.isFile() ? [path] : [];
  });
}
