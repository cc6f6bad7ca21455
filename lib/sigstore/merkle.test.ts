// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import {
  consistencyProof,
  type HashReader,
  inclusionProof,
  leafHash,
  nodeHash,
  rootFromInclusionProof,
  rootHash,
  verifyConsistency,
  verifyInclusion,
} from './merkle.ts';

const LARGEST = 70;
const entries = Array.from({ length: LARGEST }, (_, index) => Buffer.from(`entry ${index}`));

/** The definition of RFC 9162 section 2.1.1 word by word, without anything of the code under test. */
function naiveRoot(leaves: readonly Buffer[]): Buffer {
  const sha256 = (...parts: Uint8Array[]) => createHash('sha256').update(Buffer.concat(parts)).digest();
  if (leaves.length === 0) return sha256();
  if (leaves.length === 1) return sha256(Buffer.from([0]), leaves[0] as Buffer);
  let k = 1;
  while (k * 2 < leaves.length) k *= 2;
  return sha256(Buffer.from([1]), naiveRoot(leaves.slice(0, k)), naiveRoot(leaves.slice(k)));
}

const roots = Array.from({ length: LARGEST + 1 }, (_, size) => naiveRoot(entries.slice(0, size)));
const root = (size: number): Buffer => roots[size] as Buffer;
const hash = (index: number): Buffer => leafHash(entries[index] as Buffer);

const read: HashReader = async (level, index) => naiveRoot(entries.slice(index * 2 ** level, (index + 1) * 2 ** level));

describe('root', () => {
  it('is the one of the definition for every size', async () => {
    for (let size = 0; size <= LARGEST; size += 1) expect(await rootHash(size, read)).toEqual(root(size));
  });

  it('of an empty tree is the SHA-256 of nothing, as RFC 9162 gives it', async () => {
    expect((await rootHash(0, read)).toString('hex')).toBe('e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855');
  });

  it('of an empty leaf is the value known from Certificate Transparency', () => {
    expect(leafHash(Buffer.alloc(0)).toString('hex')).toBe('6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d');
  });
});

describe('inclusion', () => {
  it('is proven for every leaf of every size, and for no other index, leaf or size', async () => {
    for (let size = 1; size <= LARGEST; size += 1) {
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof(index, size, read);
        expect(verifyInclusion({ hash: hash(index), index }, { size, root: root(size) }, proof)).toBe(true);
        expect(verifyInclusion({ hash: hash((index + 1) % LARGEST), index }, { size, root: root(size) }, proof)).toBe(false);
        expect(verifyInclusion({ hash: hash(index), index: (index + 1) % size }, { size, root: root(size) }, proof)).toBe(size === 1);
        expect(verifyInclusion({ hash: hash(index), index }, { size, root: root(size - 1) }, proof)).toBe(false);
      }
    }
  });

  it('refuses a path that is a hash too long, a hash too short, or holds a hash of another length', async () => {
    for (const size of [1, 2, 3, 7, 8, 33, 70]) {
      for (let index = 0; index < size; index += 1) {
        const proof = await inclusionProof(index, size, read);
        const leaf = { hash: hash(index), index };
        expect(rootFromInclusionProof(leaf, size, [...proof, root(1)])).toBeUndefined();
        if (proof.length > 0) expect(rootFromInclusionProof(leaf, size, proof.slice(0, -1))).toBeUndefined();
        expect(rootFromInclusionProof(leaf, size, [...proof.slice(0, -1), Buffer.alloc(31)])).toBeUndefined();
      }
    }
  });

  it.each([
    ['index = size', { hash: hash(0), index: 4 }, 4],
    ['negative index', { hash: hash(0), index: -1 }, 4],
    ['fractional index', { hash: hash(0), index: 0.5 }, 4],
    ['empty tree', { hash: hash(0), index: 0 }, 0],
    ['size beyond exact numbers', { hash: hash(0), index: 0 }, 2 ** 53],
    ['leaf hash of another length', { hash: Buffer.alloc(20), index: 0 }, 1],
  ])('refuses %s', (_name, leaf, size) => {
    expect(rootFromInclusionProof(leaf, size, [])).toBeUndefined();
  });

  it('works with indexes beyond 32 bits', () => {
    const index = 2 ** 40 + 5;
    const size = 2 ** 40 + 6;
    const proof = [hash(1), hash(2), hash(3)];
    const expected = nodeHash(hash(3), nodeHash(hash(2), nodeHash(hash(1), hash(0))));
    expect(rootFromInclusionProof({ hash: hash(0), index }, size, proof)).toEqual(expected);
  });
});

describe('consistency', () => {
  it('is proven between every two sizes, and not with another old or new root', async () => {
    for (let to = 1; to <= LARGEST; to += 1) {
      for (let from = 0; from <= to; from += 1) {
        const proof = await consistencyProof(from, to, read);
        expect(verifyConsistency({ size: from, root: root(from) }, { size: to, root: root(to) }, proof)).toBe(true);
        if (from > 0) expect(verifyConsistency({ size: from, root: root(from - 1) }, { size: to, root: root(to) }, proof)).toBe(false);
        if (from > 0) expect(verifyConsistency({ size: from, root: root(from) }, { size: to, root: root(to - 1) }, proof)).toBe(false);
      }
    }
  });

  it('refuses a proof with a hash more or less', async () => {
    for (const [from, to] of [
      [1, 2],
      [3, 7],
      [4, 8],
      [6, 70],
      [64, 70],
    ] as const) {
      const proof = await consistencyProof(from, to, read);
      const [old, head] = [
        { size: from, root: root(from) },
        { size: to, root: root(to) },
      ];
      expect(verifyConsistency(old, head, [...proof, root(1)])).toBe(false);
      expect(verifyConsistency(old, head, proof.slice(0, -1))).toBe(false);
      expect(verifyConsistency(old, head, [])).toBe(false);
    }
  });

  it.each([
    ['a log that shrank', { size: 5, root: root(5) }, { size: 4, root: root(4) }, []],
    ['the same size with another root', { size: 5, root: root(5) }, { size: 5, root: root(6) }, []],
    ['the same size with a proof', { size: 5, root: root(5) }, { size: 5, root: root(5) }, [root(1)]],
    ['an empty old tree with a proof', { size: 0, root: root(0) }, { size: 5, root: root(5) }, [root(1)]],
    ['a hash of another length', { size: 1, root: root(1) }, { size: 2, root: root(2) }, [Buffer.alloc(33)]],
  ])('refuses %s', (_name, from, to, proof) => {
    expect(verifyConsistency(from, to, proof)).toBe(false);
  });
});
