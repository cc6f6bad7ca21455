// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';
import { type DigestReference, formatReference, type ImageReference } from '../reference/reference.ts';
import { type FetchedManifest, fetchManifestIfPresent, goneManifests } from './manifests.ts';
import { type Descriptor, MEDIA_TYPE, parseManifest } from './oci.ts';
import type { Session } from './session.ts';
import { changeTag, type RawEntry, type TagSet, type UnionOptions } from './tag-union.ts';

/** The index under the fallback tag: its entries as read, and the document as it stands. */
export type FallbackIndex = { entries: Descriptor[]; document: Record<string, unknown>; etag: string | undefined };

export type FallbackChange = { add: Descriptor } | { remove: string };

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

/** Adds or removes one referrer under the fallback tag, so that concurrent writers end with the union (`changeTag`, which says what it throws). */
export async function changeFallback(options: UnionOptions, subject: DigestReference, change: FallbackChange): Promise<void> {
  const { session, log } = options;
  const set: TagSet = {
    ref: fallbackTag(subject),
    name: `the referrers index of ${formatReference(subject)}`,
    entries: 'referrers',
    keyOf: ({ digest }) => digest,
    read: async () => {
      const { document, etag } = await readFallback(session, subject);
      return { document, etag, entries: (document['manifests'] ?? []) as RawEntry[] };
    },
    compose: async (document, manifests) => ({
      bytes: Buffer.from(JSON.stringify({ ...document, schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests })),
      mediaType: MEDIA_TYPE.ociIndex,
    }),
    gone: (entries) => goneManifests(session, subject, entries),
    dropped: (referrer) => log.warn('took a referrer that is gone out of the fallback tag', { subject: formatReference(subject), referrer }),
  };
  await changeTag(options, set, change);
}
