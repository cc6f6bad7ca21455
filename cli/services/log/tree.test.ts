// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { expect, it } from 'vitest';
import { leafHash } from '../../../lib/sigstore/merkle.ts';
import { createTree } from './tree.ts';

const leaves = Array.from({ length: 40 }, (_, index) => leafHash(Buffer.from(`entry ${index}`)));

function naiveRoot(hashes: readonly Buffer[]): Buffer {
  if (hashes.length === 1) return hashes[0] as Buffer;
  let k = 1;
  while (k * 2 < hashes.length) k *= 2;
  const parts = [Buffer.from([1]), naiveRoot(hashes.slice(0, k)), naiveRoot(hashes.slice(k))];
  return createHash('sha256').update(Buffer.concat(parts)).digest();
}

it('gives the root of the definition at every size, also at earlier ones', async () => {
  const tree = createTree();
  for (const [index, leaf] of leaves.entries()) {
    tree.append(leaf);
    expect(tree.size).toBe(index + 1);
    expect(await tree.head(tree.size)).toEqual({ size: index + 1, root: naiveRoot(leaves.slice(0, index + 1)) });
  }
  expect((await tree.head(7)).root).toEqual(naiveRoot(leaves.slice(0, 7)));
});

it('finds the first of equal leaves', () => {
  const tree = createTree();
  for (const leaf of [leaves[0], leaves[1], leaves[1]] as Buffer[]) tree.append(leaf);
  expect(tree.find(leaves[1] as Buffer)).toBe(1);
  expect(tree.find(leaves[2] as Buffer)).toBeUndefined();
});

it('refuses a node whose leaves are not all there', async () => {
  const tree = createTree();
  tree.append(leaves[0] as Buffer);
  await expect(tree.read(1, 0)).rejects.toMatchObject({ code: 'LOG_NODE_MISSING' });
  await expect(tree.head(2)).rejects.toMatchObject({ code: 'LOG_NODE_MISSING' });
});
