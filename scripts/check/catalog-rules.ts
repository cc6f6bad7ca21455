// SPDX-License-Identifier: Apache-2.0
import { type Context, contractOf, folderOf, type Manifest, readManifest } from './manifest.ts';
import { METADATA_RULES } from './metadata-rules.ts';
import { PIPELINE_RULES } from './pipeline-rules.ts';
import type { Rule } from './rule.ts';
import { STEP_RULES } from './step-rules.ts';

/** Every rule about the catalog. */
export const CATALOG_RULES: readonly Rule[] = [...METADATA_RULES, ...STEP_RULES, ...PIPELINE_RULES];

/** Judges all manifests of a catalog (text by path below it) by every rule; gives lines such as `task/x/x.yaml: rule-id: problem`. */
export function checkCatalog(files: ReadonlyMap<string, string>, options: { version: string; rendered: boolean }): string[] {
  // What installs a service is plain Kubernetes, judged by an API server in test/gate.
  const read = [...files].filter(([path]) => path.endsWith('.yaml') && !path.startsWith('install/')).map(([path, text]) => readManifest(path, text));
  const broken = read.flatMap((item) => ('problem' in item ? [`${item.path}: manifest: ${item.problem}`] : []));
  const manifests = read.filter((item): item is Manifest => 'resource' in item);
  const samples = Map.groupBy(
    manifests.filter(({ path }) => isSample(path)),
    ({ path }) => folderOf(path),
  );
  const resources = manifests.filter(({ path }) => !isSample(path));
  const tasks = new Map(
    resources.filter(({ resource }) => resource.kind === 'Task').map(({ resource }) => [resource.metadata.name ?? '', contractOf(resource)]),
  );
  return [...broken, ...resources.flatMap((manifest) => checkManifest(manifest, { ...options, tasks, samples }))];
}

export function checkManifest(manifest: Manifest, context: Context): string[] {
  const rules = CATALOG_RULES.filter(({ kinds }) => (kinds as readonly string[]).includes(manifest.resource.kind));
  if (rules.length === 0) return [`${manifest.path}: manifest: kind ${manifest.resource.kind} has no place in the catalog`];
  return rules.flatMap(({ id, check }) => check(manifest, context).map((problem) => `${manifest.path}: ${id}: ${problem}`));
}

function isSample(path: string): boolean {
  return path.split('/').includes('samples');
}
