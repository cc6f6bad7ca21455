// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { VERSION } from '../../lib/step/version.ts';
import { generateCatalog } from '../generate/catalog.ts';
import { readCatalog } from '../generate/files.ts';
import { readSources } from '../generate/sources.ts';
import { TASKS } from '../tasks.ts';
import { staleFiles } from './catalog-current.ts';
import { checkCatalog } from './catalog-rules.ts';
import { docProblems, headingAnchors } from './doc-rules.ts';
import { readImportGraph } from './import-graph.ts';
import { importProblems } from './import-rules.ts';
import { projectFiles } from './project-files.ts';
import { sourceProblems } from './source-rules.ts';

/** One part of `npm run check`; gives what is wrong, nothing when all is well. */
export type Check = { name: string; run: (root: string) => string[] | Promise<string[]> };

export const CHECKS: readonly Check[] = [
  { name: 'types', run: (root) => command(root, 'tsc', ['-p', '.', '--pretty', 'false']) },
  { name: 'lint and format', run: (root) => command(root, 'biome', ['check', '--error-on-warnings', '--colors=off']) },
  { name: 'catalog is current', run: (root) => staleFiles(readCatalog(join(root, 'catalog')), generateCatalog(readSources(root, TASKS, VERSION))) },
  { name: 'catalog rules', run: (root) => checkCatalog(readCatalog(join(root, 'catalog')), { version: VERSION, rendered: false }) },
  { name: 'imports', run: checkImports },
  { name: 'names and sizes', run: (root) => projectFiles(root, '.ts').flatMap((path) => sourceProblems(path, readFileSync(join(root, path), 'utf8'))) },
  { name: 'documents', run: checkDocuments },
];

async function checkImports(root: string): Promise<string[]> {
  const files = projectFiles(root, '.ts').filter((path) => /^(lib|tasks|services|cli|images|scripts)\//.test(path) && !path.endsWith('.test.ts'));
  const graph = await readImportGraph(root, files);
  const entries = files.filter((path) => path.endsWith('/main.ts'));
  return importProblems(graph, entries, { dependencies: new Set(Object.keys(readPackage(root).dependencies ?? {})) });
}

function checkDocuments(root: string): string[] {
  // The READMEs of hand-written manifests are written for their place in the catalog, and are judged there.
  const paths = projectFiles(root, '.md').filter((path) => !path.startsWith('pipelines/') && !path.endsWith('/NOTES.md'));
  const context = {
    exists: (path: string) => existsSync(join(root, path)),
    anchors: (path: string) => headingAnchors(readFileSync(join(root, path), 'utf8')),
    scripts: new Set(Object.keys(readPackage(root).scripts ?? {})),
  };
  return paths.flatMap((path) => docProblems(path, readFileSync(join(root, path), 'utf8'), context));
}

function readPackage(root: string): { scripts?: Record<string, string>; dependencies?: Record<string, string> } {
  return JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
}

function command(root: string, name: string, args: readonly string[]): string[] {
  const { status, error, stdout, stderr } = spawnSync(join(root, 'node_modules', '.bin', name), args, {
    cwd: root,
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
  });
  if (status === 0) return [];
  return [`${stdout ?? ''}${stderr ?? ''}`.trim() || `${name} ended with ${status}: ${error?.message ?? 'no output'}`];
}
