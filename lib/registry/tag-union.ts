// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { refusedError, StepError, transientError } from '../errors/errors.ts';
import type { Logger } from '../log/log.ts';
import type { ImageReference } from '../reference/reference.ts';
import { sendManifest } from './manifests.ts';
import { MAX_DESCRIPTORS } from './oci.ts';
import type { Session } from './session.ts';

export type UnionOptions = {
  session: Session;
  log: Logger;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  now: () => number;
};

/** A descriptor as it stands in the document under a tag; `parseManifest` has checked the digest. */
export type RawEntry = Record<string, unknown> & { digest: string };

/** What a tag holds now: its entries, the document around them, so that a rewrite keeps members this program does not know, and its ETag. */
export type TagContent = { entries: RawEntry[]; document: Record<string, unknown>; etag: string | undefined };

/** A tag whose document is a set of descriptors that several programs add to: how to read it, what tells entries apart, and how a document is made of them. */
export type TagSet = {
  ref: ImageReference;
  /** For messages. */
  name: string;
  entries: string;
  keyOf(entry: RawEntry): string;
  read(): Promise<TagContent>;
  compose(document: Record<string, unknown>, entries: readonly RawEntry[]): Promise<{ bytes: Buffer; mediaType: string }>;
  /** Keys of those entries whose content is not there any more. */
  gone(entries: readonly RawEntry[]): Promise<Set<string>>;
  /** Tells that an entry was left out for that. */
  dropped(key: string): void;
};

/** An entry to add, or the key of one to remove. */
export type TagChange = { add: RawEntry } | { remove: string };

/** What one change has seen so far: entries by key, how often each was put back, those whose content is gone, and an ETag that the registry named but did not accept. */
type Memory = { seen: Map<string, RawEntry>; repairs: Map<string, number>; gone: Set<string>; refusedEtag: string | undefined };

const MAX_TRIES = 12;
/** How often one change puts an entry of another back: an entry that goes again and again is taken out on purpose. */
const MAX_REPAIRS = 2;
const MIN_SETTLE_MS = 100;
const MAX_SETTLE_MS = 2000;

/**
 * Adds or removes one entry under a tag so that concurrent writers end with the union: read, merge, write (If-Match where
 * the registry gives a strong ETag and honours it), wait until a writer who read before us has written too, read again.
 * When our change is not there, or entries of others that we saw are gone although their content is not, start over with
 * all of them. Bounded; throws transient REFERRERS_RACE. Against a registry that ignores If-Match, a writer that is slower
 * between read and write than the wait (twice our own time, 0.1 to 2 s), and that no later writer repairs, can still win.
 * Entries whose content is gone are dropped when the registry refuses a document that names them.
 */
export async function changeTag(options: UnionOptions, set: TagSet, change: TagChange): Promise<void> {
  const { sleep, random, now } = options;
  const memory: Memory = { seen: new Map(), repairs: new Map(), gone: new Set(), refusedEtag: undefined };
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const started = now();
    const current = await set.read();
    await recall(set, memory, current);
    if (isDone(set, current, change) && isWhole(set, current, memory)) return;
    const status = await write(options, set, change, current, memory);
    const took = now() - started;
    const settle = status === 'other' ? took * random() * (tries + 1) : Math.max(MIN_SETTLE_MS, took * 2) * (1 + random() / 2);
    if (status !== 'stale') await sleep(Math.min(settle, MAX_SETTLE_MS));
  }
  const last = await set.read();
  if (isDone(set, last, change) && isWhole(set, last, memory)) return;
  throw transientError('REFERRERS_RACE', `${set.name} was changed by others ${MAX_TRIES} times while it was written`, {
    hint: 'fewer steps should attach evidence to one digest at the same time; the step can be run again',
  });
}

/** Adds what is listed now to what was seen before; forgets entries that are not listed any more because their content is gone or somebody wants them out. */
async function recall(set: TagSet, memory: Memory, current: TagContent): Promise<void> {
  const { seen, repairs, gone } = memory;
  const listed = new Set(current.entries.map(set.keyOf));
  const missing = [...seen.values()].filter((entry) => !listed.has(set.keyOf(entry)));
  const deleted = await set.gone(missing);
  for (const key of missing.map(set.keyOf)) {
    const times = (repairs.get(key) ?? 0) + 1;
    repairs.set(key, times);
    if (times > MAX_REPAIRS || deleted.has(key)) seen.delete(key);
  }
  for (const entry of current.entries) {
    if (!gone.has(set.keyOf(entry))) seen.set(set.keyOf(entry), entry);
  }
}

/** Whether the document holds all that was seen. */
function isWhole(set: TagSet, current: TagContent, memory: Memory): boolean {
  const listed = new Set(current.entries.map(set.keyOf));
  return [...memory.seen.keys()].every((key) => listed.has(key));
}

/** One write: `stored`; `other` when another was faster (412); `stale` when the registry wants entries without content out, which are then known as gone. */
async function write({ session }: UnionOptions, set: TagSet, change: TagChange, current: TagContent, memory: Memory): Promise<'stored' | 'other' | 'stale'> {
  const { bytes, mediaType } = await set.compose(current.document, merged(set, change, memory));
  // A weak ETag never matches (RFC 9110 section 13.1.1); one that was refused and stands there again is not compared by this registry.
  const usable = current.etag !== undefined && !current.etag.startsWith('W/') && current.etag !== memory.refusedEtag;
  try {
    const response = await sendManifest(session, { ref: set.ref, bytes, mediaType, ...(usable && { ifMatch: current.etag as string }) });
    memory.refusedEtag = response.status === 412 ? current.etag : undefined;
    return response.status === 412 ? 'other' : 'stored';
  } catch (error) {
    if (!(error instanceof StepError) || error.code !== 'REGISTRY_REFUSED') throw error;
    const gone = await set.gone([...memory.seen.values()]);
    if (gone.size === 0) throw error;
    for (const key of gone) {
      memory.gone.add(key);
      memory.seen.delete(key);
      set.dropped(key);
    }
    return 'stale';
  }
}

/** Whether the document already says what it should; an entry without our type or annotations, as older clients wrote them, is not done. */
function isDone(set: TagSet, { entries }: TagContent, change: TagChange): boolean {
  if ('remove' in change) return !entries.some((entry) => set.keyOf(entry) === change.remove);
  const { artifactType, annotations } = change.add;
  const entry = entries.find((listed) => set.keyOf(listed) === set.keyOf(change.add));
  return entry !== undefined && entry['artifactType'] === artifactType && isDeepStrictEqual({ ...Object(entry['annotations']) }, { ...Object(annotations) });
}

function merged(set: TagSet, change: TagChange, memory: Memory): RawEntry[] {
  memory.seen.delete('remove' in change ? change.remove : set.keyOf(change.add));
  const others = [...memory.seen.values()];
  const entries = 'add' in change ? [...others, change.add] : others;
  if (entries.length > MAX_DESCRIPTORS) {
    throw refusedError('REFERRERS_TOO_MANY', `there are more than ${MAX_DESCRIPTORS} ${set.entries} in ${set.name}`, {
      hint: `delete ${set.entries} that are not needed any more`,
    });
  }
  return entries;
}
