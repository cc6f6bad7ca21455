// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import { asMap, keySite, type Site, scalarSite } from './site.ts';
import { referenceFor, repositoryOf, type Wanted } from './wanted.ts';
import { nodeAt, pairOf, textOf, valueAt, type YamlFile } from './yaml-file.ts';

/**
 * The image at a path of Helm values: one string, or a mapping with some of registry, repository, tag and digest. Without a key digest the digest goes behind the tag (`1.4.0@sha256:…`), which
 * every chart that joins repository and tag takes. Throws input TAG_MISSING when that needs a tag and the image has none.
 */
export function helmSites(file: YamlFile, root: unknown, keys: readonly string[], wanted: Wanted): Site[] {
  const where = keys.join('.');
  const node = nodeAt(file, root, keys);
  const map = asMap(node);
  if (map !== undefined)
    return imageSites(
      { where, read: (key) => textOf(valueAt(file, map, key)), write: (key, text) => keySite(file, map, key, `${where}.${key}`, text) },
      file,
      wanted,
    );
  const parent = nodeAt(file, root, keys.slice(0, -1));
  return [scalarSite(file, node, where, referenceFor(textOf(node) ?? '', wanted), pairOf(file, parent, keys.at(-1) ?? ''))];
}

/** How the parts of an image are read and written, whatever form the values have; undefined where there is no such key. */
export type ImageParts = { where: string; read(key: string): string | undefined; write(key: string, text: string): Site | undefined };

/** The sites of an image that is spread over several keys; none when it has neither tag nor digest. */
export function imageSites({ where, read, write }: ImageParts, file: YamlFile, wanted: Wanted): Site[] {
  const { image } = wanted;
  const registry = read('registry');
  const split = registry !== undefined && registry !== '';
  const standing = `${split ? `${registry}/` : ''}${read('repository') ?? ''}`;
  const moved = repositoryOf(standing) !== repositoryName(image);
  const names = moved ? [split ? write('registry', image.registry) : undefined, write('repository', split ? image.repository : repositoryName(image))] : [];
  const digest = write('digest', image.digest);
  const tag = digest === undefined ? tagWithDigest(write, where, file, wanted) : image.tag === undefined ? undefined : write('tag', image.tag);
  if (digest === undefined && tag === undefined) return [];
  return [...names, tag, digest].filter((site) => site !== undefined);
}

function tagWithDigest(write: ImageParts['write'], where: string, file: YamlFile, { image }: Wanted): Site | undefined {
  const site = write('tag', `${image.tag ?? ''}@${image.digest}`);
  if (site === undefined || image.tag !== undefined) return site;
  throw inputError('TAG_MISSING', `${file.path}: ${where} has a tag and no digest, so the digest has to follow a tag, and the param image has none`);
}
