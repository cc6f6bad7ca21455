// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import { formatReference } from '../../lib/reference/reference.ts';
import { helmSites, imageSites } from './helm-values.ts';
import { keySite, type Site, scalarSite } from './site.ts';
import { namesImage, referenceFor, type Wanted } from './wanted.ts';
import { itemsOf, nodeAt, pairOf, textOf, valueAt, type YamlFile } from './yaml-file.ts';

/**
 * Places in an Argo CD Application, an ApplicationSet's template, or a `.argocd-source-NAME.yaml`: `targetRevision` of the source with a chart (with a chart version), entries of
 * `kustomize.images`, and with a prefix the Helm parameters `PREFIX.repository`, `.tag`, `.digest` (or `PREFIX` alone) and `helm.valuesObject` at that path.
 */
export function argocdSites(file: YamlFile, root: unknown, prefix: string | undefined, wanted: Wanted): Site[] {
  return sourcesOf(file, root).flatMap(({ source, where, charts }) => [
    ...chartSites(file, source, where, wanted, charts),
    ...kustomizeImageSites(file, source, where, wanted),
    ...(prefix === undefined ? [] : parameterSites(file, source, where, prefix, wanted)),
    ...(prefix === undefined ? [] : valuesObjectSites(file, source, where, prefix, wanted)),
  ]);
}

type Source = { source: unknown; where: string; charts: number };

function sourcesOf(file: YamlFile, root: unknown): Source[] {
  const kind = textOf(valueAt(file, root, 'kind'));
  if (kind === undefined) return [{ source: root, where: '', charts: 0 }];
  const base = { Application: ['spec'], ApplicationSet: ['spec', 'template', 'spec'] }[kind];
  if (base === undefined) return [];
  const spec = nodeAt(file, root, base);
  const several = itemsOf(valueAt(file, spec, 'sources'));
  const charts = several.filter((source) => valueAt(file, source, 'chart') !== undefined).length;
  const single = valueAt(file, spec, 'source');
  return [
    ...(single === undefined ? [] : [{ source: single, where: `${base.join('.')}.source.`, charts: 1 }]),
    ...several.map((source, index) => ({ source, where: `${base.join('.')}.sources.${index}.`, charts })),
  ];
}

function chartSites(file: YamlFile, source: unknown, where: string, { chartVersion }: Wanted, charts: number): Site[] {
  if (chartVersion === undefined || valueAt(file, source, 'chart') === undefined) return [];
  if (charts > 1) {
    throw inputError('TARGET_AMBIGUOUS', `${file.path}: ${charts} sources have a chart, and the chart version can be that of any`, {
      hint: `name the one with value:${file.path}#${where}targetRevision=chart-version`,
    });
  }
  const site = keySite(file, source, 'targetRevision', `${where}targetRevision`, chartVersion);
  return site === undefined ? [] : [site];
}

/** Entries are `[name=]image`, as "kustomize edit set image" takes them. */
function kustomizeImageSites(file: YamlFile, source: unknown, where: string, wanted: Wanted): Site[] {
  return itemsOf(nodeAt(file, source, ['kustomize', 'images'])).flatMap((node, index) => {
    const [, name, image = ''] = /^(?:([^=]*)=)?(.*)$/s.exec(textOf(node) ?? '') ?? [];
    if (!namesImage(image, wanted, undefined) && !namesImage(name, wanted, undefined)) return [];
    const text = name === undefined ? referenceFor(image, wanted) : `${name}=${referenceFor(image, wanted)}`;
    return [scalarSite(file, node, `${where}kustomize.images.${index}`, text)];
  });
}

function parameterSites(file: YamlFile, source: unknown, where: string, prefix: string, wanted: Wanted): Site[] {
  const parameters = itemsOf(nodeAt(file, source, ['helm', 'parameters']));
  const find = (name: string): unknown => parameters.find((parameter) => textOf(valueAt(file, parameter, 'name')) === name);
  const read = (name: string): string | undefined => textOf(valueAt(file, find(name), 'value'));
  const write = (name: string, text: string): Site | undefined => keySite(file, find(name), 'value', `${where}helm.parameters ${name}`, text);
  const whole = write(prefix, read(prefix) === undefined ? formatReference(wanted.image) : referenceFor(read(prefix) ?? '', wanted));
  const parts = { where: prefix, read: (key: string) => read(`${prefix}.${key}`), write: (key: string, text: string) => write(`${prefix}.${key}`, text) };
  return [...(whole === undefined ? [] : [whole]), ...imageSites(parts, file, wanted)];
}

function valuesObjectSites(file: YamlFile, source: unknown, where: string, prefix: string, wanted: Wanted): Site[] {
  const values = nodeAt(file, source, ['helm', 'valuesObject']);
  const keys = prefix.split('.');
  if (pairOf(file, nodeAt(file, values, keys.slice(0, -1)), keys.at(-1) ?? '') === undefined) return [];
  return helmSites(file, values, keys, wanted).map((site) => ({ ...site, where: `${where}helm.valuesObject.${site.where}` }));
}
