// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { inputError } from '../../../lib/errors/errors.ts';
import { readBoundedIfPresent } from '../../../lib/files/bounded-read.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { type Checkpoint, parseCheckpoint, signCheckpoint, verifyCheckpoint } from '../../../lib/sigstore/checkpoint.ts';
import { inclusionProof, leafHash } from '../../../lib/sigstore/merkle.ts';
import { TILE_WIDTH, tileWidth } from '../../../lib/sigstore/tiles.ts';
import { writeDurably } from './durable-file.ts';
import { type Journal, openJournal } from './journal.ts';
import { type LogIdentity, openIdentity } from './log-identity.ts';
import { createTree, type Tree } from './tree.ts';

/** What became of an entry: logged now with proof to a published checkpoint, or there already. */
export type Added = { duplicate: false; index: number; proof: Buffer[]; checkpoint: Checkpoint } | { duplicate: true; index: number };

/** A transparency log on disk. */
export type AppendLog = {
  identity: LogIdentity;
  /** Logs the entry; resolves when it is on disk and a checkpoint that covers it is published. */
  add(entry: Buffer): Promise<Added>;
  /** The published checkpoint. */
  checkpoint(): Checkpoint;
  /** The bytes of a hash tile or entry bundle of the published tree (C2SP tlog-tiles); undefined unless it has at least `width` hashes or entries. */
  hashTile(level: number, index: number, width: number): Promise<Buffer | undefined>;
  entryBundle(index: number, width: number): Promise<Buffer | undefined>;
  close(): Promise<void>;
};

const MAX_CHECKPOINT = 64 * 1024;

type Pending = { entry: Buffer; hash: Buffer; resolve: (added: Added) => void; reject: (reason: unknown) => void };

/**
 * Opens the log in `dir`, made when empty: `key.pem`, `log.json`, `entries.jsonl` (the entries, the only truth) and `checkpoint`. Tiles are
 * derived from the entries, so that nothing can disagree with them. An entry is flushed before the checkpoint that covers it and the
 * checkpoint before the answer; so after a crash the entries on disk are those of the checkpoint and perhaps some that nobody was told of.
 * Throws input LOG_JOURNAL_DAMAGED when the entries are not those of the checkpoint, and what openIdentity throws.
 */
export async function openAppendLog(options: { dir: string; origin: string; now: () => Date; log: Logger }): Promise<AppendLog> {
  const { dir, log } = options;
  await mkdir(dir, { recursive: true, mode: 0o700 });
  const identity = await openIdentity(dir, options.origin, options.now);
  const checkpointFile = join(dir, 'checkpoint');
  const envelope = await readBoundedIfPresent(checkpointFile, MAX_CHECKPOINT, 'checkpoint of the log');
  const known = envelope === undefined ? undefined : ownCheckpoint(envelope.toString(), identity, dir);
  const { journal, entries } = await openJournal(join(dir, 'entries.jsonl'), known?.size ?? 0, log);
  const tree = createTree();
  for (const entry of entries) tree.append(leafHash(entry));
  if (known !== undefined && !(await tree.head(known.size)).root.equals(known.root)) {
    await journal.close();
    throw inputError('LOG_JOURNAL_DAMAGED', `entries in ${dir} are not those of the checkpoint that the log published`, {
      hint: 'restore the directory from a backup',
    });
  }
  const publish = async (): Promise<Checkpoint> => {
    const signed = signCheckpoint(await tree.head(tree.size), identity.origin, identity.privateKey);
    await writeDurably(checkpointFile, signed);
    return parseCheckpoint(signed);
  };
  const current = known?.size === tree.size ? known : await publish();
  return appendLog({ identity, journal, tree, publish, current });
}

function ownCheckpoint(envelope: string, identity: LogIdentity, dir: string): Checkpoint {
  try {
    return verifyCheckpoint(envelope, identity);
  } catch (cause) {
    throw inputError('LOG_IDENTITY_INVALID', `checkpoint in ${dir} was not signed by the key there`, {
      cause,
      hint: 'restore key.pem, or give the log an empty directory',
    });
  }
}

function appendLog(state: { identity: LogIdentity; journal: Journal; tree: Tree; publish: () => Promise<Checkpoint>; current: Checkpoint }): AppendLog {
  const { journal, tree } = state;
  let pending: Pending[] = [];
  let running: Promise<void> | undefined;

  const flush = async (): Promise<void> => {
    while (pending.length > 0) {
      const batch = pending;
      pending = [];
      try {
        await commit(state, batch);
      } catch (error) {
        for (const { reject } of batch) reject(error);
      }
    }
    running = undefined;
  };

  return {
    identity: state.identity,
    add: (entry) =>
      new Promise((resolve, reject) => {
        pending.push({ entry, hash: leafHash(entry), resolve, reject });
        running ??= Promise.resolve().then(flush);
      }),
    checkpoint: () => state.current,
    async hashTile(level, index, width) {
      if (width > tileWidth(level, index, state.current.size)) return undefined;
      const nodes = Array.from({ length: width }, (_, i) => tree.read(level * 8, index * TILE_WIDTH + i));
      return Buffer.concat(await Promise.all(nodes));
    },
    async entryBundle(index, width) {
      if (width > tileWidth(0, index, state.current.size)) return undefined;
      const entries = await journal.read(index * TILE_WIDTH, index * TILE_WIDTH + width);
      return Buffer.concat(entries.flatMap((entry) => [lengthPrefix(entry), entry]));
    },
    async close() {
      await running;
      await journal.close();
    },
  };
}

/** Writes a batch with one flush and one checkpoint; equal entries are logged once. */
async function commit(
  state: { journal: Journal; tree: Tree; publish: () => Promise<Checkpoint>; current: Checkpoint },
  batch: readonly Pending[],
): Promise<void> {
  const { journal, tree } = state;
  const fresh = new Map<string, Pending>();
  for (const item of batch) {
    if (tree.find(item.hash) === undefined) fresh.set(item.hash.toString('base64'), item);
  }
  const added = [...fresh.values()];
  if (added.length > 0) {
    await journal.append(added.map(({ entry }) => entry));
    for (const { hash } of added) tree.append(hash);
  }
  if (state.current.size < tree.size) state.current = await state.publish();
  const checkpoint = state.current;
  for (const item of batch) {
    const index = tree.find(item.hash) ?? Number.NaN;
    const duplicate = !added.includes(item);
    item.resolve(duplicate ? { duplicate, index } : { duplicate, index, checkpoint, proof: await inclusionProof(index, checkpoint.size, tree.read) });
  }
}

function lengthPrefix(entry: Buffer): Buffer {
  const prefix = Buffer.alloc(2);
  prefix.writeUInt16BE(entry.length);
  return prefix;
}
