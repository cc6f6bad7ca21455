// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join, posix } from 'node:path';
import { build } from 'esbuild';

/** `path` is a file of the project, or the name of a package or Node module when `external`. */
export type Import = { path: string; external: boolean };
/** What each file of the project imports, by path below the root with `/`. */
export type ImportGraph = ReadonlyMap<string, readonly Import[]>;

/** The imports of the given files and of all that they reach, from esbuild's metafile; `import type`, which esbuild drops, is added, because types tie rooms together as well. */
export async function readImportGraph(root: string, files: readonly string[]): Promise<ImportGraph> {
  const { metafile } = await build({
    absWorkingDir: root,
    entryPoints: [...files],
    outdir: 'graph',
    bundle: true,
    platform: 'node',
    format: 'esm',
    target: 'node24',
    packages: 'external',
    metafile: true,
    write: false,
    logLevel: 'silent',
  });
  return new Map(
    Object.entries(metafile.inputs).map(([path, { imports }]) => [
      path,
      [...imports.map((one) => ({ path: one.path, external: one.external === true })), ...typeImports(path, readFileSync(join(root, path), 'utf8'))],
    ]),
  );
}

/** The targets of `import type … from` and `export type … from`. */
export function typeImports(path: string, source: string): Import[] {
  return [...source.matchAll(/^(?:import|export) type [^'";]*from '([^']+)'/gm)].map(([, target = '']) =>
    target.startsWith('.') ? { path: posix.join(posix.dirname(path), target), external: false } : { path: target, external: true },
  );
}

/** The shortest way from one of the entries to a file, both included; the file alone when no entry reaches it. */
export function chainTo(graph: ImportGraph, entries: readonly string[], file: string): string[] {
  const ways = new Map(entries.map((entry) => [entry, [entry]]));
  for (const [at, way] of ways) {
    if (at === file) return way;
    for (const { path, external } of graph.get(at) ?? []) if (!external && !ways.has(path)) ways.set(path, [...way, path]);
  }
  return [file];
}
