// SPDX-License-Identifier: Apache-2.0
import { existsSync, readdirSync } from 'node:fs';
import { join, relative, sep } from 'node:path';

export const catalogKinds = ['stepaction', 'task', 'pipeline'] as const;

export type CatalogFile = {
  kind: (typeof catalogKinds)[number];
  /** Relative to the catalog, with `/`. */
  name: string;
  path: string;
  /** An example of use (below a `samples` folder), not something an admin installs. */
  sample: boolean;
};

/** Every YAML file below `stepaction/`, `task/` and `pipeline/` of a catalog folder, in that order; empty when there is none. */
export function catalogFiles(root: string): CatalogFile[] {
  return catalogKinds.flatMap((kind) => yamlFiles(join(root, kind)).map((path) => ({ kind, ...describeFile(root, path) })));
}

function yamlFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  const entries = readdirSync(folder, { withFileTypes: true, recursive: true });
  const files = entries.filter((entry) => entry.isFile() && /\.ya?ml$/.test(entry.name));
  return files.map((entry) => join(entry.parentPath, entry.name)).sort();
}

function describeFile(root: string, path: string): Omit<CatalogFile, 'kind'> {
  const segments = relative(root, path).split(sep);
  return { name: segments.join('/'), path, sample: segments.includes('samples') };
}
