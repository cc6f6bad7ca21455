// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import { formatReference, repositoryName } from '../../lib/reference/reference.ts';
import { argocdSites } from './argocd.ts';
import { helmSites } from './helm-values.ts';
import { type Field, type Target, targetName } from './params.ts';
import { asMap, keySite, keySiteOrNew, type Site, scalarSite } from './site.ts';
import { namesImage, referenceFor, type Wanted } from './wanted.ts';
import { itemsOf, mapsBelow, nodeAt, pairOf, textOf, valueAt, type YamlFile } from './yaml-file.ts';

/** Every place of a target in its file. Throws input TARGET_NOT_FOUND when there is none, and TARGET_AMBIGUOUS, TARGET_UNSUPPORTED or TAG_MISSING. */
export function sitesOf(target: Target, file: YamlFile, wanted: Wanted): Site[] {
  const sites = find(target, file, wanted);
  if (sites.length > 0) return sites;
  const looked = {
    kustomize: () => `no entry of images is named ${'name' in target && target.name !== undefined ? target.name : repositoryName(wanted.image)}`,
    manifest: () => `no container has the image ${'name' in target && target.name !== undefined ? target.name : repositoryName(wanted.image)}`,
    argocd: () => 'no source has a chart version, Helm parameter or kustomize image that fits',
    'helm-values': () => `there is nothing at ${targetName(target).split('#')[1]}`,
    value: () => `there is nothing at ${targetName(target).split('#')[1]}`,
  }[target.kind]();
  throw inputError('TARGET_NOT_FOUND', `${target.path}: ${looked} (target ${targetName(target)})`);
}

function find(target: Target, file: YamlFile, wanted: Wanted): Site[] {
  if (target.kind === 'kustomize') return file.roots.flatMap((root) => kustomizeSites(file, root, target.name, wanted));
  if (target.kind === 'manifest') return file.roots.flatMap((root) => manifestSites(file, root, target.name, wanted));
  if (target.kind === 'argocd') return file.roots.flatMap((root) => argocdSites(file, root, target.prefix, wanted));
  const holding = file.roots.filter((root) => nodeAt(file, root, target.keys.slice(0, -1)) !== undefined && pathExists(file, root, target.keys));
  if (holding.length > 1)
    throw inputError('TARGET_AMBIGUOUS', `${file.path}: ${holding.length} of its documents have a value at ${targetName(target).split('#')[1]}`);
  return holding.flatMap((root) =>
    target.kind === 'helm-values'
      ? helmSites(file, root, target.keys, wanted)
      : valueSites(file, root, target.keys, fieldText(target.field, wanted, file.path)),
  );
}

function pathExists(file: YamlFile, root: unknown, keys: readonly string[]): boolean {
  const parent = nodeAt(file, root, keys.slice(0, -1));
  const last = keys.at(-1) ?? '';
  return pairOf(file, parent, last) !== undefined || valueAt(file, parent, last) !== undefined;
}

function valueSites(file: YamlFile, root: unknown, keys: readonly string[], text: string): Site[] {
  const parent = nodeAt(file, root, keys.slice(0, -1));
  const where = keys.join('.');
  const site = keySite(file, parent, keys.at(-1) ?? '', where, text);
  return [site ?? scalarSite(file, valueAt(file, parent, keys.at(-1) ?? ''), where, text)];
}

function fieldText(field: Field, { image, chartVersion }: Wanted, path: string): string {
  const missing = (what: string): never => {
    throw inputError(what === 'tag' ? 'TAG_MISSING' : 'CHART_VERSION_MISSING', `${path}: a ${what} is to be written, and the params give none`);
  };
  const tag = (): string => image.tag ?? missing('tag');
  const texts: Record<Field, () => string> = {
    digest: () => image.digest,
    tag,
    'tag-digest': () => `${tag()}@${image.digest}`,
    repository: () => repositoryName(image),
    reference: () => formatReference(image),
    'chart-version': () => chartVersion ?? missing('chart version'),
  };
  return texts[field]();
}

/** Entries of `images` in a Kustomization or Component: `digest` always, `newName` where the name is another one, `newTag` where it is there and the tag is known. */
function kustomizeSites(file: YamlFile, root: unknown, name: string | undefined, wanted: Wanted): Site[] {
  const { image } = wanted;
  return itemsOf(valueAt(file, root, 'images')).flatMap((node, index) => {
    const entry = asMap(node);
    const [own, newName] = ['name', 'newName'].map((key) => textOf(valueAt(file, entry, key)));
    if (entry === undefined || !(namesImage(own, wanted, name) || namesImage(newName, wanted, name))) return [];
    const where = (key: string): string => `images.${index}.${key}`;
    const moved = !namesImage(newName ?? own, wanted, undefined);
    return [
      ...(moved ? [keySiteOrNew(file, entry, 'newName', where('newName'), repositoryName(image), ['name'])] : []),
      ...(image.tag === undefined ? [] : [keySite(file, entry, 'newTag', where('newTag'), image.tag)]),
      keySiteOrNew(file, entry, 'digest', where('digest'), image.digest, ['name', 'newName', 'newTag']),
    ].filter((site) => site !== undefined);
  });
}

/** Every container of the image, init and ephemeral ones included, in whatever kind of object it stands. */
function manifestSites(file: YamlFile, root: unknown, name: string | undefined, wanted: Wanted): Site[] {
  return [...mapsBelow(root)].flatMap((map) =>
    ['containers', 'initContainers', 'ephemeralContainers'].flatMap((list) =>
      itemsOf(valueAt(file, map, list)).flatMap((container, index) => {
        const old = textOf(valueAt(file, container, 'image'));
        // A container that has our image already is one that an earlier run has changed.
        if (old === undefined || !(namesImage(old, wanted, name) || namesImage(old, wanted, undefined))) return [];
        const site = keySite(file, container, 'image', `${list}.${index}.image`, referenceFor(old, wanted));
        return site === undefined ? [] : [site];
      }),
    ),
  );
}
