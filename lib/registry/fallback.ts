// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { refusedError, StepError, transientError } from '../errors/errors.ts';
import type { Logger } from '../log/log.ts';
import { type DigestReference, formatReference, type ImageReference } from '../reference/reference.ts';
import { type FetchedManifest, fetchManifestIfPresent, goneManifests, sendManifest } from './manifests.ts';
import { type Descriptor, MAX_DESCRIPTORS, MEDIA_TYPE, parseManifest } from './oci.ts';
import type { Session } from './session.ts';

export type FallbackOptions = {
  session: Session;
  log: Logger;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  now: () => number;
};

/** The index under the fallback tag: its entries as read, and the document as it stands, so that a rewrite keeps members this program does not know. */
export type FallbackIndex = { entries: Descriptor[]; document: Record<string, unknown>; etag: string | undefined };

export type FallbackChange = { add: Descriptor } | { remove: string };

/** An entry as it stands in the document; `parseManifest` has checked the digest. */
type RawEntry = Record<string, unknown> & { digest: string };
/** What one change has seen so far: entries by digest, how often each was put back, those whose manifest is gone, and an ETag that the registry named but did not accept. */
type Memory = { seen: Map<string, RawEntry>; repairs: Map<string, number>; gone: Set<string>; refusedEtag: string | undefined };

const MAX_TRIES = 12;
/** How often one change puts an entry of another back: an entry that goes again and again is taken out on purpose. */
const MAX_REPAIRS = 2;
const MIN_SETTLE_MS = 100;
const MAX_SETTLE_MS = 2000;

/** `repository:sha256-<hex>`, where referrers are listed on a registry without the API (distribution spec 1.1, "Referrers Tag Schema"). */
export function fallbackTag(subject: DigestReference): ImageReference {
  return { registry: subject.registry, repository: subject.repository, tag: subject.digest.replace(':', '-') };
}

/** The fallback tag's index; empty when there is no such tag. Throws refused REFERRERS_INVALID when the tag holds anything but an index. */
export async function readFallback(session: Session, subject: DigestReference): Promise<FallbackIndex> {
  const tag = fallbackTag(subject);
  let found: FetchedManifest | undefined;
  try {
    found = await fetchManifestIfPresent(session, tag);
  } catch (error) {
    if ((error as StepError).code !== 'MANIFEST_INVALID' && (error as StepError).code !== 'MANIFEST_UNSUPPORTED') throw error;
    throw refusedError('REFERRERS_INVALID', `the referrers index ${formatReference(tag)} cannot be read: ${(error as StepError).message}`, { cause: error });
  }
  if (found === undefined) return { entries: [], document: {}, etag: undefined };
  const index = parseManifest(found.bytes, found.descriptor.mediaType);
  if (index.kind !== 'index') throw refusedError('REFERRERS_INVALID', `the tag ${formatReference(tag)} holds an image where the referrers index belongs`);
  return { entries: index.manifests, document: JSON.parse(found.bytes.toString('utf8')) as Record<string, unknown>, etag: found.etag };
}

/**
 * Adds or removes one referrer under the fallback tag so that concurrent writers end with the union: read, merge, write
 * (If-Match where the registry gives a strong ETag and honours it), wait until a writer who read before us has written
 * too, read again. When our change is not there, or entries of others that we saw are gone although their manifests are
 * not, start over with all of them. Bounded; throws transient REFERRERS_RACE. Against a registry that ignores If-Match, a
 * writer that is slower between read and write than the wait (twice our own time, 0.1 to 2 s), and that no later writer
 * repairs, can still win.
 * Entries whose manifest is gone are dropped when the registry refuses an index that names them.
 */
export async function changeFallback(options: FallbackOptions, subject: DigestReference, change: FallbackChange): Promise<void> {
  const { session, sleep, random, now } = options;
  const memory: Memory = { seen: new Map(), repairs: new Map(), gone: new Set(), refusedEtag: undefined };
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const started = now();
    const current = await readFallback(session, subject);
    await recall(session, subject, memory, current);
    if (isDone(current, change) && isWhole(current, memory)) return;
    const status = await write(options, subject, change, current, memory);
    const took = now() - started;
    const settle = status === 'other' ? took * random() * (tries + 1) : Math.max(MIN_SETTLE_MS, took * 2) * (1 + random() / 2);
    if (status !== 'stale') await sleep(Math.min(settle, MAX_SETTLE_MS));
  }
  const last = await readFallback(session, subject);
  if (isDone(last, change) && isWhole(last, memory)) return;
  throw transientError('REFERRERS_RACE', `the referrers index of ${formatReference(subject)} was changed by others ${MAX_TRIES} times while it was written`, {
    hint: 'fewer steps should attach evidence to one digest at the same time; the step can be run again',
  });
}

/** Adds what is listed now to what was seen before; forgets entries that are not listed any more because their manifest is gone or somebody wants them out. */
async function recall(session: Session, subject: DigestReference, memory: Memory, current: FallbackIndex): Promise<void> {
  const { seen, repairs, gone } = memory;
  const listed = new Set(current.entries.map(({ digest }) => digest));
  const missing = [...seen.values()].filter(({ digest }) => !listed.has(digest));
  const deleted = await goneManifests(session, subject, missing);
  for (const { digest } of missing) {
    const times = (repairs.get(digest) ?? 0) + 1;
    repairs.set(digest, times);
    if (times > MAX_REPAIRS || deleted.has(digest)) seen.delete(digest);
  }
  for (const entry of rawEntries(current)) {
    if (!gone.has(entry.digest)) seen.set(entry.digest, entry);
  }
}

/** Whether the index holds all that was seen. */
function isWhole(current: FallbackIndex, memory: Memory): boolean {
  const listed = new Set(current.entries.map(({ digest }) => digest));
  return [...memory.seen.keys()].every((digest) => listed.has(digest));
}

/** One write: `stored`; `other` when another was faster (412); `stale` when the registry wants entries without a manifest out, which are then known as gone. */
async function write(
  { session, log }: FallbackOptions,
  subject: DigestReference,
  change: FallbackChange,
  current: FallbackIndex,
  memory: Memory,
): Promise<'stored' | 'other' | 'stale'> {
  const document = merged(current, change, subject, memory);
  // A weak ETag never matches (RFC 9110 section 13.1.1); one that was refused and stands there again is not compared by this registry.
  const usable = current.etag !== undefined && !current.etag.startsWith('W/') && current.etag !== memory.refusedEtag;
  const put = { ref: fallbackTag(subject), bytes: Buffer.from(JSON.stringify(document)), mediaType: MEDIA_TYPE.ociIndex };
  try {
    const response = await sendManifest(session, { ...put, ...(usable && { ifMatch: current.etag as string }) });
    memory.refusedEtag = response.status === 412 ? current.etag : undefined;
    return response.status === 412 ? 'other' : 'stored';
  } catch (error) {
    if (!(error instanceof StepError) || error.code !== 'REGISTRY_REFUSED') throw error;
    const gone = await goneManifests(session, subject, [...memory.seen.values()]);
    if (gone.size === 0) throw error;
    for (const digest of gone) {
      memory.gone.add(digest);
      memory.seen.delete(digest);
      log.warn('took a referrer that is gone out of the fallback tag', { subject: formatReference(subject), referrer: digest });
    }
    return 'stale';
  }
}

/** Whether the index already says what it should; an entry without our type or annotations, as older clients wrote them, is not done. */
function isDone(index: FallbackIndex, change: FallbackChange): boolean {
  if ('remove' in change) return !index.entries.some(({ digest }) => digest === change.remove);
  const { digest, artifactType, annotations } = change.add;
  const entry = index.entries.find((listed) => listed.digest === digest);
  return entry !== undefined && entry.artifactType === artifactType && isDeepStrictEqual({ ...entry.annotations }, { ...annotations });
}

function merged(index: FallbackIndex, change: FallbackChange, subject: DigestReference, memory: Memory): Record<string, unknown> {
  const changed = 'remove' in change ? change.remove : change.add.digest;
  memory.seen.delete(changed);
  const others = [...memory.seen.values()];
  const manifests = 'add' in change ? [...others, change.add] : others;
  if (manifests.length > MAX_DESCRIPTORS) {
    throw refusedError('REFERRERS_TOO_MANY', `${formatReference(subject)} has more than ${MAX_DESCRIPTORS} referrers`, {
      hint: 'delete referrers that are not needed any more',
    });
  }
  return { ...index.document, schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests };
}

function rawEntries(index: FallbackIndex): RawEntry[] {
  return (index.document['manifests'] ?? []) as RawEntry[];
}
