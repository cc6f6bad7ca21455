// SPDX-License-Identifier: Apache-2.0
import { deniedError, type StepError } from '../errors/errors.ts';
import {
  consistencyProof,
  HASH_SIZE,
  type HashReader,
  inclusionProof,
  nodeHash,
  rootFromInclusionProof,
  rootHash,
  type TreeHead,
  verifyConsistency,
} from './merkle.ts';

/** Hashes in a full tile and entries in a full entry bundle (C2SP tlog-tiles, "Merkle Tree"). */
export const TILE_WIDTH = 256;

/** A log by its tiles: `name` for messages; `readTile` gives the bytes of a hash tile with `width` hashes (1–256), as they stand at its path. */
export type TileLog = { name: string; readTile(level: number, index: number, width: number): Promise<Buffer> };

/** Path of a hash tile below the log's prefix, e.g. `tile/1/x001/x234/067.p/8` (C2SP tlog-tiles, "Merkle Tree"); `.p/<width>` below 256. */
export function tilePath(level: number, index: number, width: number): string {
  return `tile/${level}/${indexPath(index)}${partialSuffix(width)}`;
}

/** Path of an entry bundle below the log's prefix, e.g. `tile/entries/x001/067.p/8` (C2SP tlog-tiles, "Log entries"). */
export function entryBundlePath(index: number, width: number): string {
  return `tile/entries/${indexPath(index)}${partialSuffix(width)}`;
}

/** How many hashes the tile holds in a tree of `size` leaves: 0 for none, 256 for a full one. Of entry bundles: level 0. */
export function tileWidth(level: number, index: number, size: number): number {
  const hashes = Math.floor(size / TILE_WIDTH ** level);
  return Math.max(0, Math.min(TILE_WIDTH, hashes - index * TILE_WIDTH));
}

/**
 * Reads the nodes of a tree of `size` leaves out of its tiles; each tile is asked for once. The length of every tile is checked, its hashes
 * are not: only a proof that ends in a trusted root says that they are the log's.
 * Throws denied LOG_TILES_INVALID.
 */
export function tileHashReader(log: TileLog, size: number): HashReader {
  const tiles = new Map<string, Promise<Buffer>>();
  const tile = (level: number, index: number): Promise<Buffer> => {
    const width = tileWidth(level, index, size);
    const path = tilePath(level, index, width);
    const known = tiles.get(path) ?? log.readTile(level, index, width).then((bytes) => checkedTile(bytes, width, `${path} of the log ${log.name}`));
    tiles.set(path, known);
    return known;
  };
  return async (level, index) => {
    const tileLevel = Math.floor(level / TILE_HEIGHT);
    const count = 2 ** (level % TILE_HEIGHT);
    const first = index * count;
    const bytes = await tile(tileLevel, Math.floor(first / TILE_WIDTH));
    const offset = first % TILE_WIDTH;
    return subtreeHash(bytes.subarray(offset * HASH_SIZE, (offset + count) * HASH_SIZE));
  };
}

/**
 * Proof from the tiles that the leaf stands at its index, verified to the root of `tree`.
 * Throws denied ENTRY_NOT_LOGGED (another leaf, or none, stands there) or LOG_TILES_INVALID (the tiles do not lead to that root).
 */
export async function proveInclusionFromTiles(leaf: { hash: Buffer; index: number }, tree: TreeHead, log: TileLog): Promise<Buffer[]> {
  if (!Number.isSafeInteger(leaf.index) || leaf.index < 0 || leaf.index >= tree.size) {
    throw deniedError('ENTRY_NOT_LOGGED', `log ${log.name} of ${tree.size} entries has no index ${leaf.index}`);
  }
  const read = tileHashReader(log, tree.size);
  const [proof, logged] = await Promise.all([inclusionProof(leaf.index, tree.size, read), read(0, leaf.index)]);
  if (!rootFromInclusionProof({ hash: logged, index: leaf.index }, tree.size, proof)?.equals(tree.root)) throw tilesOffRoot(log, tree);
  if (!logged.equals(leaf.hash)) throw deniedError('ENTRY_NOT_LOGGED', `log ${log.name} holds another entry at index ${leaf.index}`);
  return proof;
}

/**
 * Proof from the tiles that the tree `to` extends the tree `from`, verified to both roots.
 * Throws denied LOG_SHRANK, LOG_FORKED (entries seen before were changed) or LOG_TILES_INVALID (the tiles do not lead to the root of `to`).
 */
export async function proveConsistencyFromTiles(from: TreeHead, to: TreeHead, log: TileLog): Promise<Buffer[]> {
  if (to.size < from.size) {
    throw deniedError('LOG_SHRANK', `log ${log.name} has ${to.size} entries now and had ${from.size} before`, { hint: FORK_HINT });
  }
  if (from.size === 0) return [];
  if (from.size === to.size) {
    if (!from.root.equals(to.root)) throw forked(log, from, to);
    return [];
  }
  const read = tileHashReader(log, to.size);
  const [proof, oldRoot] = await Promise.all([consistencyProof(from.size, to.size, read), rootHash(from.size, read)]);
  if (!verifyConsistency({ size: from.size, root: oldRoot }, to, proof)) throw tilesOffRoot(log, to);
  if (!oldRoot.equals(from.root)) throw forked(log, from, to);
  return proof;
}

const TILE_HEIGHT = 8;
const FORK_HINT = 'keep both checkpoints: together they prove that the log broke its promise; do not trust its newer entries';

function indexPath(index: number): string {
  const groups: string[] = [];
  let rest = index;
  do {
    groups.unshift(String(rest % 1000).padStart(3, '0'));
    rest = Math.floor(rest / 1000);
  } while (rest > 0);
  return groups.map((group, position) => (position < groups.length - 1 ? `x${group}` : group)).join('/');
}

function partialSuffix(width: number): string {
  return width < TILE_WIDTH ? `.p/${width}` : '';
}

function checkedTile(bytes: Buffer, width: number, what: string): Buffer {
  if (bytes.length === width * HASH_SIZE) return bytes;
  throw deniedError('LOG_TILES_INVALID', `${what} has ${bytes.length} bytes instead of ${width * HASH_SIZE}`);
}

function subtreeHash(hashes: Buffer): Buffer {
  if (hashes.length === HASH_SIZE) return hashes;
  const middle = hashes.length / 2;
  return nodeHash(subtreeHash(hashes.subarray(0, middle)), subtreeHash(hashes.subarray(middle)));
}

function tilesOffRoot(log: TileLog, tree: TreeHead): StepError {
  return deniedError('LOG_TILES_INVALID', `tiles of the log ${log.name} do not lead to the root of its checkpoint of size ${tree.size}`);
}

function forked(log: TileLog, from: TreeHead, to: TreeHead): StepError {
  return deniedError('LOG_FORKED', `log ${log.name} of size ${to.size} does not extend what it was at size ${from.size}`, { hint: FORK_HINT });
}
