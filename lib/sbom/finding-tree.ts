// SPDX-License-Identifier: Apache-2.0
import type { Value } from './finding.ts';

type Node = { children?: Map<string, Node>; value?: Value; layer: number };

/** The findings of the layers so far by path, and the operations of a layer on them. Only folders that hold findings have a node. */
export type FindingTree = {
  put(path: string, layer: number, value: Value): void;
  get(path: string): Value | undefined;
  /** Removes what lower layers have at and below the path: a whiteout, or another kind of file in its place. */
  remove(path: string, layer: number): void;
  /** Removes what lower layers have below the path and keeps the folder: an opaque whiteout. */
  clear(path: string, layer: number): void;
  /** Removes what a lower layer has at the path itself; what is below stays. For a folder that is listed again. */
  removeFile(path: string, layer: number): void;
  entries(): Generator<{ path: string; layer: number; value: Value }>;
  readonly size: number;
};

/** An empty tree. Each operation costs the depth of its path; a removal also what it removes. */
export function createFindingTree(): FindingTree {
  const root: Node = { layer: 0 };
  let size = 0;

  const find = (path: string): Node | undefined => {
    let node: Node | undefined = root;
    for (const name of path === '' ? [] : path.split('/')) node = node?.children?.get(name);
    return node;
  };

  /** Drops findings of layers below `layer`; a node stays while it holds a newer one. */
  const prune = (node: Node, layer: number): boolean => {
    if (node.value !== undefined && node.layer < layer) drop(node);
    for (const [name, child] of node.children ?? []) if (prune(child, layer)) node.children?.delete(name);
    return node.value === undefined && (node.children?.size ?? 0) === 0;
  };

  const drop = (node: Node): void => {
    delete node.value;
    size--;
  };

  function* walk(node: Node, path: string): Generator<{ path: string; layer: number; value: Value }> {
    if (node.value !== undefined) yield { path, layer: node.layer, value: node.value };
    for (const [name, child] of node.children ?? []) yield* walk(child, path === '' ? name : `${path}/${name}`);
  }

  return {
    put(path, layer, value) {
      let node = root;
      for (const name of path.split('/')) {
        node.children ??= new Map();
        const child: Node = node.children.get(name) ?? { layer };
        node.children.set(name, child);
        node = child;
      }
      if (node.value === undefined) size++;
      node.value = value;
      node.layer = layer;
    },
    get: (path) => find(path)?.value,
    remove(path, layer) {
      const node = find(path);
      if (node === undefined || !prune(node, layer) || path === '') return;
      const slash = path.lastIndexOf('/');
      find(slash < 0 ? '' : path.slice(0, slash))?.children?.delete(path.slice(slash + 1));
    },
    clear(path, layer) {
      const node = find(path);
      for (const [name, child] of node?.children ?? []) if (prune(child, layer)) node?.children?.delete(name);
    },
    removeFile(path, layer) {
      const node = find(path);
      if (node?.value !== undefined && node.layer < layer) drop(node);
    },
    entries: () => walk(root, ''),
    get size() {
      return size;
    },
  };
}
