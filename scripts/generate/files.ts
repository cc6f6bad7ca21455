// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join, relative, sep } from 'node:path';
import { GENERATED_FOLDERS } from './catalog.ts';

/** What the catalog folder holds where the generator writes: text by path below it, with `/`. */
export function readCatalog(folder: string): Map<string, string> {
  const paths = GENERATED_FOLDERS.flatMap((name) => filesBelow(join(folder, name)));
  if (existsSync(join(folder, 'README.md'))) paths.unshift(join(folder, 'README.md'));
  return new Map(paths.map((path) => [relative(folder, path).split(sep).join('/'), readFileSync(path, 'utf8')]));
}

/** Makes the catalog folder hold exactly `files` where the generator writes; gives the paths that changed. */
export function writeCatalog(folder: string, files: ReadonlyMap<string, string>): string[] {
  const before = readCatalog(folder);
  const stale = [...before.keys()].filter((path) => !files.has(path));
  const changed = [...files].filter(([path, text]) => before.get(path) !== text);
  for (const path of stale) rmSync(join(folder, path));
  for (const [path, text] of changed) {
    mkdirSync(dirname(join(folder, path)), { recursive: true });
    writeFileSync(join(folder, path), text);
  }
  return [...stale.map((path) => `removed ${path}`), ...changed.map(([path]) => `wrote ${path}`)];
}

function filesBelow(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  return entries
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .sort();
}
