// SPDX-License-Identifier: Apache-2.0
import { isMap, isScalar, type Pair, type YAMLMap } from 'yaml';
import { insertKey, replaceScalar, type Splice } from './splice.ts';
import { pairOf, replaceableScalar, textOf, type YamlFile } from './yaml-file.ts';

/** One place in a file that is to hold a value. `before` is undefined for a key that has to be added; without a splice the value stands there already. */
export type Site = { path: string; line: number; where: string; before: string | undefined; after: string; splice: Splice | undefined };

/** The site of a scalar that a sequence holds, or a mapping under `pair`. */
export function scalarSite(file: YamlFile, node: unknown, where: string, after: string, pair?: Pair): Site {
  const scalar = replaceableScalar(file, node, where);
  const before = textOf(scalar) ?? '';
  const splice = before === after ? undefined : replaceScalar(file, scalar, after, pair);
  return { path: file.path, line: file.lineOf(scalar.range?.[0] ?? 0), where, before, after, splice };
}

/** The site of a key in a mapping, undefined when the mapping has no such key. */
export function keySite(file: YamlFile, map: unknown, key: string, where: string, after: string): Site | undefined {
  const pair = pairOf(file, map, key);
  if (pair === undefined) return undefined;
  // The library gives `key:` at the end of a flow mapping no value node at all.
  return scalarSite(file, pair.value, where, after, pair);
}

/** The site of a key; where the mapping has no such key, it is added behind the last of the keys `behind` that is there. */
export function keySiteOrNew(file: YamlFile, map: YAMLMap, key: string, where: string, after: string, behind: readonly string[]): Site {
  const standing = keySite(file, map, key, where, after);
  if (standing !== undefined) return standing;
  const anchor = behind.map((name) => pairOf(file, map, name)).findLast((pair) => pair !== undefined) ?? map.items[0];
  const at = isScalar(anchor?.key) ? (anchor.key.range?.[0] ?? 0) : 0;
  return { path: file.path, line: file.lineOf(at), where, before: undefined, after, splice: insertKey(file, map, anchor as Pair, key, after) };
}

/** A mapping, for the compiler. */
export function asMap(node: unknown): YAMLMap | undefined {
  return isMap(node) ? node : undefined;
}
