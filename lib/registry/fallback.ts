// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { refusedError, type StepError, transientError } from '../errors/errors.ts';
import { type DigestReference, formatReference, type ImageReference } from '../reference/reference.ts';
import { type FetchedManifest, fetchManifestIfPresent, sendManifest } from './manifests.ts';
import { type Descriptor, MAX_DESCRIPTORS, MEDIA_TYPE, parseManifest } from './oci.ts';
import type { Session } from './session.ts';

export type FallbackOptions = {
  session: Session;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
  now: () => number;
};

/** The index under the fallback tag: its entries as read, and the document as it stands, so that a rewrite keeps members this program does not know. */
export type FallbackIndex = { entries: Descriptor[]; document: Record<string, unknown>; etag: string | undefined };

const MAX_TRIES = 12;
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
 * (If-Match where the registry gave an ETag), wait until a writer who read before us has written too, read again; when
 * the change is not there, start over. Bounded; throws transient REFERRERS_RACE. Against a registry that ignores
 * If-Match, a writer that is slower between read and write than the wait (twice our own time, 0.1 to 2 s) can still win.
 */
export async function changeFallback(options: FallbackOptions, subject: DigestReference, change: { add: Descriptor } | { remove: string }): Promise<void> {
  const { session, sleep, random, now } = options;
  for (let tries = 0; tries < MAX_TRIES; tries += 1) {
    const started = now();
    const current = await readFallback(session, subject);
    if (isDone(current, change)) return;
    const ref = fallbackTag(subject);
    const bytes = Buffer.from(JSON.stringify(merged(current, change, subject)));
    const response = await sendManifest(session, { ref, bytes, mediaType: MEDIA_TYPE.ociIndex, ...(current.etag !== undefined && { ifMatch: current.etag }) });
    const took = now() - started;
    const settle = response.status === 412 ? took * random() * (tries + 1) : Math.max(MIN_SETTLE_MS, took * 2) * (1 + random() / 2);
    await sleep(Math.min(settle, MAX_SETTLE_MS));
  }
  if (isDone(await readFallback(session, subject), change)) return;
  throw transientError('REFERRERS_RACE', `the referrers index of ${formatReference(subject)} was changed by others ${MAX_TRIES} times while it was written`, {
    hint: 'fewer steps should attach evidence to one digest at the same time; the step can be run again',
  });
}

/** Whether the index already says what it should; an entry without our type or annotations, as older clients wrote them, is not done. */
function isDone(index: FallbackIndex, change: { add: Descriptor } | { remove: string }): boolean {
  if ('remove' in change) return !index.entries.some(({ digest }) => digest === change.remove);
  const { digest, artifactType, annotations } = change.add;
  const entry = index.entries.find((listed) => listed.digest === digest);
  return entry !== undefined && entry.artifactType === artifactType && isDeepStrictEqual({ ...entry.annotations }, { ...annotations });
}

function merged(index: FallbackIndex, change: { add: Descriptor } | { remove: string }, subject: DigestReference): Record<string, unknown> {
  const changed = 'remove' in change ? change.remove : change.add.digest;
  const raw = (index.document['manifests'] ?? []) as { digest?: unknown }[];
  const others = raw.filter(({ digest }) => digest !== changed);
  const manifests = 'add' in change ? [...others, change.add] : others;
  if (manifests.length > MAX_DESCRIPTORS) {
    throw refusedError('REFERRERS_TOO_MANY', `${formatReference(subject)} has more than ${MAX_DESCRIPTORS} referrers`, {
      hint: 'delete referrers that are not needed any more',
    });
  }
  return { ...index.document, schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests };
}
