// SPDX-License-Identifier: Apache-2.0
import {
  type Context,
  contractOf,
  folderOf,
  type Installed,
  keyOf,
  type Manifest,
  type Read,
  readManifest,
  readObjects,
  type Slot,
  triggersAmong,
} from './manifest.ts';
import { METADATA_RULES } from './metadata-rules.ts';
import { PIPELINE_RULES } from './pipeline-rules.ts';
import type { Rule } from './rule.ts';
import { SLOTS } from './slots.ts';
import { STEP_RULES } from './step-rules.ts';
import { TRIGGER_RULES } from './trigger-rules.ts';

/** Every rule about the catalog. */
export const CATALOG_RULES: readonly Rule[] = [...METADATA_RULES, ...STEP_RULES, ...PIPELINE_RULES, ...TRIGGER_RULES];

export type CatalogOptions = { version: string; rendered: boolean; slots?: Readonly<Record<string, Slot>> };

/** Judges all manifests of a catalog (text by path below it) by every rule; gives lines such as `task/x/x.yaml: rule-id: problem`. */
export function checkCatalog(files: ReadonlyMap<string, string>, { version, rendered, slots = SLOTS }: CatalogOptions): string[] {
  const yaml = [...files].filter(([path]) => path.endsWith('.yaml'));
  const own = yaml.filter(([path]) => !path.startsWith('install/')).map(([path, text]) => readManifest(path, text));
  const { installed, read } = readInstalled(yaml.filter(([path]) => path.startsWith('install/')));
  const all = [...own, ...read];
  const broken = all.flatMap((item) => ('problem' in item ? [`${item.path}: manifest: ${item.problem}`] : []));
  const manifests = all.filter((item): item is Manifest => 'resource' in item);
  const samples = Map.groupBy(
    manifests.filter(({ path }) => isSample(path)),
    ({ path }) => folderOf(path),
  );
  const resources = manifests.filter(({ path }) => !isSample(path));
  const named = (kind: string) =>
    resources.filter(({ resource }) => resource.kind === kind).map(({ resource }) => [resource.metadata.name ?? '', resource] as const);
  const tasks = new Map(named('Task').map(([name, resource]) => [name, contractOf(resource)]));
  const context = { version, rendered, slots, tasks, pipelines: new Map(named('Pipeline')), samples, installed };
  return [...broken, ...resources.flatMap((manifest) => checkManifest(manifest, context))];
}

function readInstalled(files: readonly (readonly [path: string, text: string])[]): { installed: Map<string, Installed>; read: Read[] } {
  const installed = new Map<string, Map<string, Record<string, unknown>>>();
  const read = files.flatMap(([path, text]): Read[] => {
    const found = readObjects(path, text);
    if ('problem' in found) return [found];
    const folder = installed.get(folderOf(path)) ?? new Map<string, Record<string, unknown>>();
    for (const object of found.objects) folder.set(keyOf(object), object);
    installed.set(folderOf(path), folder);
    return triggersAmong(path, text, found.objects);
  });
  return { installed, read };
}

export function checkManifest(manifest: Manifest, context: Context): string[] {
  const rules = CATALOG_RULES.filter(({ kinds }) => (kinds as readonly string[]).includes(manifest.resource.kind));
  if (rules.length === 0) return [`${manifest.path}: manifest: kind ${manifest.resource.kind} has no place in the catalog`];
  return rules.flatMap(({ id, check }) => check(manifest, context).map((problem) => `${manifest.path}: ${id}: ${problem}`));
}

function isSample(path: string): boolean {
  return path.split('/').includes('samples');
}
