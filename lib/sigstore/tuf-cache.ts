// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../files/atomic-write.ts';
import { folderSource } from './tuf-source.ts';

const TIMESTAMP = 'timestamp.json';
const MAX_SEED_BYTES = 5_000_000;
/** What an earlier update left and no timestamp speaks of any more. Roots stay: each vouches for the next. */
const REPLACEABLE = /^(\d+\.(snapshot|targets)\.json|targets\/[0-9a-f]{64,128}\.(trusted_root\.json|signing_config\.v0\.2\.json))$/;

/**
 * Puts the last known timestamp, snapshot and targets of the cache where the TUF client looks for what it saw before, so
 * that an older one is a rollback. Only names are taken on trust here: the client checks every signature itself.
 */
export async function seed(cache: string, scratch: string): Promise<void> {
  const { read } = folderSource(cache);
  const timestamp = await read(TIMESTAMP, MAX_SEED_BYTES);
  if (timestamp === undefined) return;
  await writeFile(join(scratch, TIMESTAMP), timestamp);
  let listing = timestamp;
  for (const name of ['snapshot.json', 'targets.json']) {
    const found = (await read(`${listedVersion(listing, name)}.${name}`, MAX_SEED_BYTES)) ?? (await read(name, MAX_SEED_BYTES));
    if (found === undefined) return;
    await writeFile(join(scratch, name), found);
    listing = found;
  }
}

/**
 * Keeps what an update believed, as a mirror that can be carried elsewhere: `files` by their path in the repository, and
 * the timestamp in `scratch`. The timestamp comes last, as a repository publishes (TUF, section 6.2), so that a crash
 * leaves the old state or the new one. Throws input FILE_UNWRITABLE.
 */
export async function keep(cache: string, scratch: string, files: ReadonlyMap<string, Buffer>): Promise<void> {
  const [timestamp, snapshot] = [await readFile(join(scratch, TIMESTAMP)), await readFile(join(scratch, 'snapshot.json'))];
  const { read } = folderSource(cache);
  for (const [path, bytes] of [...[...files].filter(([path]) => path !== TIMESTAMP), [TIMESTAMP, timestamp] as const]) {
    if ((await read(path, MAX_SEED_BYTES))?.equals(bytes) !== true) await writeAtomic(join(cache, path), bytes);
  }
  const current = new Set([
    ...files.keys(),
    `${listedVersion(timestamp, 'snapshot.json')}.snapshot.json`,
    `${listedVersion(snapshot, 'targets.json')}.targets.json`,
  ]);
  const kept = [...(await readdir(cache)), ...(await readdir(join(cache, 'targets'))).map((name) => `targets/${name}`)];
  for (const path of kept) if (REPLACEABLE.test(path) && !current.has(path)) await rm(join(cache, path), { force: true });
}

/** The version that timestamp or snapshot name for a file; undefined for what cannot be read. */
function listedVersion(metadata: Buffer, file: string): number | undefined {
  try {
    const version: unknown = JSON.parse(metadata.toString('utf8')).signed.meta[file].version;
    return Number.isSafeInteger(version) ? (version as number) : undefined;
  } catch {
    return undefined;
  }
}
