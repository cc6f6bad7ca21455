// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';

/** Length of every hash of the tree in bytes (SHA-256). */
export const HASH_SIZE = 32;

/**
 * The hash of a node of the tree: `level` 0 holds the leaf hashes, node (level, index) covers the 2^level leaves from index·2^level.
 * Only nodes whose leaves all exist are asked for.
 */
export type HashReader = (level: number, index: number) => Promise<Buffer>;

/** The part of a log that a proof speaks of: number of leaves and root hash (32 bytes). */
export type TreeHead = { size: number; root: Buffer };

/** Leaf hash of an entry: SHA-256(0x00 ‖ entry) (RFC 9162 section 2.1.1). */
export function leafHash(entry: Uint8Array): Buffer {
  return createHash('sha256').update(LEAF_PREFIX).update(entry).digest();
}

/** Hash of an inner node: SHA-256(0x01 ‖ left ‖ right) (RFC 9162 section 2.1.1). */
export function nodeHash(left: Uint8Array, right: Uint8Array): Buffer {
  return createHash('sha256').update(NODE_PREFIX).update(left).update(right).digest();
}

/** Root hash of the first `size` leaves; of an empty tree SHA-256 of nothing (RFC 9162 section 2.1.1). */
export async function rootHash(size: number, read: HashReader): Promise<Buffer> {
  return size === 0 ? createHash('sha256').digest() : rangeHash({ start: 0, end: size }, read);
}

/** Audit path of leaf `index` in the tree of `size` leaves, leaf end first (RFC 9162 section 2.1.3.1). Needs 0 ≤ index < size. */
export async function inclusionProof(index: number, size: number, read: HashReader): Promise<Buffer[]> {
  return readRanges(inclusionRanges(index, { start: 0, end: size }), read);
}

/** Proof that the tree of `to` leaves extends the one of `from` leaves (RFC 9162 section 2.1.4.1); empty for from = 0 and from = to. */
export async function consistencyProof(from: number, to: number, read: HashReader): Promise<Buffer[]> {
  if (from === 0 || from === to) return [];
  return readRanges(consistencyRanges(from, { start: 0, end: to }, true), read);
}

/**
 * The root hash that an audit path leads to, or undefined when the path does not fit index and size
 * (RFC 9162 section 2.1.3.2; "fits" means exactly as many hashes as the shape of the tree asks for).
 */
export function rootFromInclusionProof(leaf: { hash: Buffer; index: number }, size: number, proof: readonly Buffer[]): Buffer | undefined {
  if (!isSize(size) || !isSize(leaf.index) || leaf.index >= size || !proof.every(isHash) || !isHash(leaf.hash)) return undefined;
  let position = leaf.index;
  let last = size - 1;
  let hash = leaf.hash;
  for (const sibling of proof) {
    if (last === 0) return undefined;
    if (isOdd(position) || position === last) {
      hash = nodeHash(sibling, hash);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      hash = nodeHash(hash, sibling);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 ? hash : undefined;
}

/** Whether the audit path shows that the leaf stands at its index in the tree (RFC 9162 section 2.1.3.2). */
export function verifyInclusion(leaf: { hash: Buffer; index: number }, tree: TreeHead, proof: readonly Buffer[]): boolean {
  return rootFromInclusionProof(leaf, tree.size, proof)?.equals(tree.root) ?? false;
}

/** Whether the proof shows that the tree `to` extends the tree `from` without a change to its leaves (RFC 9162 section 2.1.4.2). */
export function verifyConsistency(from: TreeHead, to: TreeHead, proof: readonly Buffer[]): boolean {
  if (!isSize(from.size) || !isSize(to.size) || from.size > to.size || !proof.every(isHash)) return false;
  if (from.size === 0) return proof.length === 0;
  if (from.size === to.size) return proof.length === 0 && from.root.equals(to.root);
  const path = isPowerOfTwo(from.size) ? [from.root, ...proof] : [...proof];
  const seed = path.shift();
  if (seed === undefined) return false;
  let position = from.size - 1;
  let last = to.size - 1;
  while (isOdd(position)) {
    position = half(position);
    last = half(last);
  }
  let oldRoot = seed;
  let newRoot = seed;
  for (const hash of path) {
    if (last === 0) return false;
    if (isOdd(position) || position === last) {
      oldRoot = nodeHash(hash, oldRoot);
      newRoot = nodeHash(hash, newRoot);
      while (!isOdd(position) && position !== 0) {
        position = half(position);
        last = half(last);
      }
    } else {
      newRoot = nodeHash(newRoot, hash);
    }
    position = half(position);
    last = half(last);
  }
  return last === 0 && oldRoot.equals(from.root) && newRoot.equals(to.root);
}

const LEAF_PREFIX = Buffer.from([0]);
const NODE_PREFIX = Buffer.from([1]);

/** The leaves from `start` up to, not including, `end`; `start` is always a multiple of the largest power of two the range holds. */
type Range = { start: number; end: number };

function inclusionRanges(index: number, { start, end }: Range): Range[] {
  if (end - start === 1) return [];
  const middle = start + splitPoint(end - start);
  const [inside, beside] =
    index < middle
      ? [
          { start, end: middle },
          { start: middle, end },
        ]
      : [
          { start: middle, end },
          { start, end: middle },
        ];
  return [...inclusionRanges(index, inside), beside];
}

function consistencyRanges(from: number, { start, end }: Range, wholeOldTree: boolean): Range[] {
  if (from === end) return wholeOldTree ? [] : [{ start, end }];
  const middle = start + splitPoint(end - start);
  if (from <= middle) return [...consistencyRanges(from, { start, end: middle }, wholeOldTree), { start: middle, end }];
  return [...consistencyRanges(from, { start: middle, end }, false), { start, end: middle }];
}

async function readRanges(ranges: readonly Range[], read: HashReader): Promise<Buffer[]> {
  return Promise.all(ranges.map((range) => rangeHash(range, read)));
}

async function rangeHash({ start, end }: Range, read: HashReader): Promise<Buffer> {
  const count = end - start;
  if (isPowerOfTwo(count)) return read(Math.round(Math.log2(count)), start / count);
  const middle = start + splitPoint(count);
  const [left, right] = await Promise.all([rangeHash({ start, end: middle }, read), rangeHash({ start: middle, end }, read)]);
  return nodeHash(left, right);
}

/** The largest power of two smaller than `count` (RFC 9162 section 2.1.1, "k"). */
function splitPoint(count: number): number {
  let power = 1;
  while (power * 2 < count) power *= 2;
  return power;
}

// Sizes go beyond 2^31, where JavaScript's bit operators wrap around; hence arithmetic instead of & and >>.
function isOdd(value: number): boolean {
  return value % 2 === 1;
}

function half(value: number): number {
  return Math.floor(value / 2);
}

function isPowerOfTwo(count: number): boolean {
  return 2 ** Math.round(Math.log2(count)) === count;
}

function isSize(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0;
}

function isHash(value: Buffer): boolean {
  return value.length === HASH_SIZE;
}
