// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type HashReader, leafHash, nodeHash, rootHash, type TreeHead, verifyConsistency, verifyInclusion } from './merkle.ts';
import { entryBundlePath, proveConsistencyFromTiles, proveInclusionFromTiles, type TileLog, tilePath, tileWidth } from './tiles.ts';

/** A log of `size` entries `<salt><index>` with all its complete nodes, served as tiles of exactly the width asked for. */
function sampleLog(size: number, salt = 'entry ') {
  const levels: Buffer[][] = [Array.from({ length: size }, (_, index) => leafHash(Buffer.from(`${salt}${index}`)))];
  for (let below = levels[0] as Buffer[]; below.length > 1; ) {
    const above = Array.from({ length: Math.floor(below.length / 2) }, (_, i) => nodeHash(below[2 * i] as Buffer, below[2 * i + 1] as Buffer));
    levels.push(above);
    below = above;
  }
  const read: HashReader = async (level, index) => levels[level]?.[index] ?? Promise.reject(new Error(`no node ${level}/${index}`));
  const asked: string[] = [];
  const readTile: TileLog['readTile'] = async (level, index, width) => {
    asked.push(tilePath(level, index, width));
    const hashes = levels[level * 8]?.slice(index * 256, index * 256 + width) ?? [];
    if (hashes.length !== width) throw new Error(`no tile ${level}/${index} of width ${width}`);
    return Buffer.concat(hashes);
  };
  const head = async (at: number): Promise<TreeHead> => ({ size: at, root: await rootHash(at, read) });
  const leaf = (index: number) => ({ hash: (levels[0] as Buffer[])[index] as Buffer, index });
  return { name: 'sample', readTile, head, leaf, asked };
}

const big = sampleLog(66_000);
const corrupt = (log: TileLog, change: (bytes: Buffer) => Buffer): TileLog => ({
  name: log.name,
  readTile: async (...args) => change(await log.readTile(...args)),
});
const flipped = (bytes: Buffer): Buffer => Buffer.from(bytes.map((byte, offset) => (offset === bytes.length - 1 ? byte ^ 1 : byte)));

describe('paths', () => {
  it.each([
    [0, 0, 256, 'tile/0/000'],
    [0, 0, 1, 'tile/0/000.p/1'],
    [1, 999, 256, 'tile/1/999'],
    [2, 1000, 255, 'tile/2/x001/000.p/255'],
    [63, 1_234_067, 8, 'tile/63/x001/x234/067.p/8'],
  ])('level %i, index %i, width %i is %s', (level, index, width, path) => {
    expect(tilePath(level, index, width)).toBe(path);
  });

  it('of entry bundles', () => {
    expect(entryBundlePath(1067, 256)).toBe('tile/entries/x001/067');
    expect(entryBundlePath(5, 3)).toBe('tile/entries/005.p/3');
  });

  it.each([
    [0, 0, 70_000, 256],
    [0, 273, 70_000, 112],
    [0, 274, 70_000, 0],
    [1, 0, 70_000, 256],
    [1, 1, 70_000, 17],
    [2, 0, 70_000, 1],
    [3, 0, 70_000, 0],
    [0, 0, 0, 0],
  ])('width of tile %i/%i in a tree of %i leaves is %i', (level, index, size, width) => {
    expect(tileWidth(level, index, size)).toBe(width);
  });
});

describe('inclusion from tiles', () => {
  it.each([1, 2, 255, 256, 257, 511, 512, 65_535, 65_536, 65_537, 66_000])('verifies in a tree of %i leaves', async (size) => {
    const tree = await big.head(size);
    for (const index of new Set([0, Math.floor(size / 2), size - 1])) {
      const proof = await proveInclusionFromTiles(big.leaf(index), tree, big);
      expect(verifyInclusion(big.leaf(index), tree, proof)).toBe(true);
    }
  });

  it('asks for few tiles, each once', async () => {
    big.asked.length = 0;
    await proveInclusionFromTiles(big.leaf(300), await big.head(66_000), big);
    expect(new Set(big.asked).size).toBe(big.asked.length);
    expect(big.asked.sort()).toEqual(['tile/0/001', 'tile/0/257.p/208', 'tile/1/000', 'tile/1/001.p/1']);
  });

  it('denies an entry that is not the logged one', async () => {
    const promise = proveInclusionFromTiles({ hash: big.leaf(4).hash, index: 5 }, await big.head(300), big);
    await expect(promise).rejects.toMatchObject({ kind: 'denied', code: 'ENTRY_NOT_LOGGED' });
  });

  it.each([300, -1, 0.5])('denies the index %d in a tree of 300', async (index) => {
    const promise = proveInclusionFromTiles({ hash: big.leaf(0).hash, index }, await big.head(300), big);
    await expect(promise).rejects.toMatchObject({ code: 'ENTRY_NOT_LOGGED' });
  });

  it.each([
    ['a changed hash', flipped],
    ['a byte less', (bytes: Buffer) => bytes.subarray(1)],
    ['a hash more', (bytes: Buffer) => Buffer.concat([bytes, bytes.subarray(0, 32)])],
    ['nothing', () => Buffer.alloc(0)],
  ])('denies tiles with %s', async (_name, change) => {
    const promise = proveInclusionFromTiles(big.leaf(298), await big.head(300), corrupt(big, change));
    await expect(promise).rejects.toMatchObject({ kind: 'denied', code: 'LOG_TILES_INVALID' });
  });
});

describe('consistency from tiles', () => {
  const pairs = [
    [0, 1],
    [1, 2],
    [7, 300],
    [256, 257],
    [256, 512],
    [300, 300],
    [1, 66_000],
    [65_536, 66_000],
    [65_537, 66_000],
  ] as const;
  it.each(pairs)('verifies from %i to %i', async (from, to) => {
    const [old, head] = [await big.head(from), await big.head(to)];
    expect(verifyConsistency(old, head, await proveConsistencyFromTiles(old, head, big))).toBe(true);
  });

  it('denies a log that shrank', async () => {
    const promise = proveConsistencyFromTiles(await big.head(301), await big.head(300), big);
    await expect(promise).rejects.toMatchObject({ kind: 'denied', code: 'LOG_SHRANK' });
  });

  it.each([
    [7, 300],
    [256, 300],
    [300, 300],
  ])('denies a fork before size %i seen at %i', async (from, to) => {
    const other = sampleLog(300, 'forked ');
    const promise = proveConsistencyFromTiles(await big.head(from), await other.head(to), other);
    await expect(promise).rejects.toMatchObject({ kind: 'denied', code: 'LOG_FORKED' });
  });

  it('tells broken tiles from a fork', async () => {
    const promise = proveConsistencyFromTiles(await big.head(256), await big.head(300), corrupt(big, flipped));
    await expect(promise).rejects.toMatchObject({ kind: 'denied', code: 'LOG_TILES_INVALID' });
  });
});
