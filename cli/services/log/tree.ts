// SPDX-License-Identifier: Apache-2.0
import { bugError } from '../../../lib/errors/errors.ts';
import { type HashReader, nodeHash, rootHash, type TreeHead } from '../../../lib/sigstore/merkle.ts';

/** A Merkle tree in memory that only grows. */
export type Tree = {
  readonly size: number;
  append(leafHash: Buffer): void;
  /** Index of the first leaf with this hash. */
  find(leafHash: Buffer): number | undefined;
  read: HashReader;
  /** The tree of the first `size` leaves. */
  head(size: number): Promise<TreeHead>;
};

/** An empty tree. Keeps every complete node, so that proofs and tiles of any earlier size can be read (about 150 bytes an entry). */
export function createTree(): Tree {
  const levels: Buffer[][] = [[]];
  const indexByHash = new Map<string, number>();
  const level = (number: number): Buffer[] => {
    const nodes = levels[number] ?? [];
    levels[number] = nodes;
    return nodes;
  };
  const read: HashReader = async (number, index) => {
    const node = levels[number]?.[index];
    if (node === undefined) throw bugError('LOG_NODE_MISSING', `tree of ${level(0).length} leaves has no node ${index} at level ${number}`);
    return node;
  };
  return {
    get size() {
      return level(0).length;
    },
    append(leafHash) {
      const key = leafHash.toString('base64');
      if (!indexByHash.has(key)) indexByHash.set(key, level(0).length);
      let nodes = level(0);
      nodes.push(leafHash);
      for (let number = 1; nodes.length % 2 === 0; number += 1) {
        const [left, right] = nodes.slice(-2) as [Buffer, Buffer];
        nodes = level(number);
        nodes.push(nodeHash(left, right));
      }
    },
    find: (leafHash) => indexByHash.get(leafHash.toString('base64')),
    read,
    head: async (size) => ({ size, root: await rootHash(size, read) }),
  };
}
