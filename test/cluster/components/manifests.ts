// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parseAllDocuments } from 'yaml';
import { bugError } from '../../../lib/errors/errors.ts';

/** A Kubernetes object as a peer ships it. */
export type Manifest = {
  apiVersion: string;
  kind: string;
  metadata: { name: string; namespace?: string; [field: string]: unknown };
  [field: string]: unknown;
};

/** All objects in the YAML files of a folder, in the order of the file names; subfolders are not read. */
export async function readManifests(folder: string, isWanted: (file: string) => boolean = () => true): Promise<Manifest[]> {
  const files = (await readdir(folder)).filter((file) => file.endsWith('.yaml') && isWanted(file)).sort();
  const texts = await Promise.all(files.map((file) => readFile(join(folder, file), 'utf8')));
  return texts.flatMap(parseManifests);
}

/** The objects of one YAML file; empty documents are left out. */
export function parseManifests(text: string): Manifest[] {
  return parseAllDocuments(text)
    .map((document) => document.toJS() as Manifest | null)
    .filter((manifest) => manifest !== null);
}

/**
 * The objects with every text that stands for an image (`ko://…`, or a reference of a public registry) replaced by our own reference, and
 * `imagePullPolicy: Always` by IfNotPresent: the reference has a digest, so there is nothing new to pull.
 * Throws StepError `IMAGE_UNUSED` when a text stands nowhere, `IMAGE_UNKNOWN` when a container's image or a `ko://` is none of ours: the peer has
 * changed, and a pod would wait for an image that nobody has.
 */
export function withImages(manifests: readonly Manifest[], references: Readonly<Record<string, string>>): Manifest[] {
  const used = new Set<string>();
  const ours = new Set(Object.values(references));
  const walk = (value: unknown, key: string): unknown => {
    if (typeof value === 'string') return text(value, key);
    if (Array.isArray(value)) return value.map((entry) => walk(entry, key));
    if (typeof value !== 'object' || value === null) return value;
    return Object.fromEntries(Object.entries(value).map(([name, entry]) => [name, walk(entry, name)]));
  };
  const text = (value: string, key: string): string => {
    if (key === 'imagePullPolicy') return 'IfNotPresent';
    const reference = Object.hasOwn(references, value) ? references[value] : undefined;
    if (reference !== undefined) used.add(value);
    else if (value.startsWith('ko://') || (key === 'image' && !ours.has(value))) {
      throw bugError('IMAGE_UNKNOWN', `a manifest wants the image ${value}, which the bed does not compose`, { hint: 'add it to the images of the component' });
    }
    return reference ?? value;
  };
  const replaced = manifests.map((manifest) => (hasPods(manifest) ? (walk(manifest, '') as Manifest) : manifest));
  const unused = Object.keys(references).filter((image) => !used.has(image));
  if (unused.length > 0) throw bugError('IMAGE_UNUSED', `no manifest wants the image ${unused.join(', ')}`, { hint: 'look at what the peer ships now' });
  return replaced;
}

/** Schemas of CRDs have fields named `image`, too. */
function hasPods({ kind }: Manifest): boolean {
  return ['Deployment', 'StatefulSet', 'DaemonSet', 'Job', 'Pod'].includes(kind);
}

/** The objects with `change` applied to a copy of each that has this kind and name. Throws StepError `MANIFEST_MISSING` when there is none. */
export function withChange(manifests: readonly Manifest[], kind: string, name: string, change: (manifest: Manifest) => void): Manifest[] {
  let found = false;
  const changed = manifests.map((manifest) => {
    if (manifest.kind !== kind || manifest.metadata.name !== name) return manifest;
    found = true;
    const copy = structuredClone(manifest);
    change(copy);
    return copy;
  });
  if (!found) throw bugError('MANIFEST_MISSING', `the peer ships no ${kind} ${name}`, { hint: 'look at what the peer ships now' });
  return changed;
}

export type Container = { name: string; image: string; command?: string[]; args?: string[]; env?: { name: string; value?: string }[] };

/** The first container of a Deployment, to be changed. */
export function firstContainer(deployment: Manifest): Container {
  const { template } = deployment['spec'] as { template: { spec: { containers: [Container, ...Container[]] } } };
  return template.spec.containers[0];
}

/** Sets entries of a ConfigMap. */
export function setData(configMap: Manifest, entries: Readonly<Record<string, string>>): void {
  configMap['data'] = { ...(configMap['data'] as object | undefined), ...entries };
}
