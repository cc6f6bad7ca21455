// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';
import type { HttpResponse } from '../http/http.ts';
import type { Logger } from '../log/log.ts';
import { type DigestReference, formatReference } from '../reference/reference.ts';
import { readFallback } from './fallback.ts';
import { goneManifests } from './manifests.ts';
import { type Descriptor, INDEX_TYPES, MAX_DESCRIPTORS, MAX_MANIFEST_BYTES, MEDIA_TYPE, parseManifest } from './oci.ts';
import type { ReferrersApi } from './referrers-api.ts';
import type { Session } from './session.ts';

/** `auto` asks the API and takes the fallback tag where there is none; `api` and `tag` insist on one of them. */
export type ReferrersMode = 'auto' | 'api' | 'tag';

export type Listing = { session: Session; mode: ReferrersMode; api: ReferrersApi; log: Logger };

const MAX_PAGES = 50;

/**
 * The referrers of a digest (distribution spec 1.1, "Listing Referrers" and "Unavailable Referrers API"): all pages, or
 * the fallback tag's index. Filtered here and not by the registry: some registries list, and filter by, the config media
 * type in place of the artifact type. A descriptor whose artifactType is absent or the empty config's is therefore
 * kept as a candidate: the caller must look into its manifest.
 * An entry of the fallback tag whose manifest is gone is left out with a warning: the tag is written by clients, and one
 * that deletes a manifest need not know of it.
 * Never an empty list for a listing that failed: throws refused REFERRERS_UNAVAILABLE, REFERRERS_INVALID,
 * REFERRERS_TOO_MANY (over 1000), or what the session throws.
 */
export async function listReferrers(listing: Listing, subject: DigestReference, filter: { artifactType?: string }): Promise<Descriptor[]> {
  const { session, mode, api } = listing;
  const skipsApi = mode === 'tag' || (mode === 'auto' && api.isAbsent(subject));
  const listed = skipsApi ? undefined : await listByApi(session, api, subject);
  if (listed === undefined && mode === 'api') {
    throw unavailable(subject, 'the registry has no referrers API', 'set the referrers mode to auto, or use a registry with the OCI 1.1 referrers API');
  }
  const found = listed ?? (await readFallback(session, subject)).entries;
  const unique = [...new Map(found.map((descriptor) => [descriptor.digest, descriptor])).values()];
  const wanted = filter.artifactType === undefined ? unique : unique.filter(({ artifactType }) => isCandidate(artifactType, filter.artifactType));
  return listed === undefined ? withoutGone(listing, subject, wanted) : wanted;
}

/**
 * Whether a manifest that was pushed with `subject` is listed by the referrers API. `said` is the OCI-Subject of the
 * answer: by the spec ("Pushing Manifests with Subject") it tells that the registry has read the subject. Without it the
 * API is asked, because registries such as go-containerregistry's list what they got and never send the header; a
 * fallback tag beside an API that answers is one that no reader looks at.
 */
export async function isListedByApi(listing: Listing, subject: DigestReference, digest: string, said: string | undefined): Promise<boolean> {
  const { session, mode, api, log } = listing;
  if (mode === 'tag') return false;
  if (said === subject.digest || api.listsSilently(subject)) return true;
  const listed = api.isAbsent(subject) ? undefined : await listByApi(session, api, subject);
  if (listed === undefined) return false;
  if (listed.some((descriptor) => descriptor.digest === digest)) {
    api.learn(subject, 'lists');
    return true;
  }
  log.warn('the registry has a referrers API, but does not list what was attached', { subject: formatReference(subject), referrer: digest });
  return false;
}

async function withoutGone({ session, log }: Listing, subject: DigestReference, entries: Descriptor[]): Promise<Descriptor[]> {
  const gone = await goneManifests(session, subject, entries);
  for (const digest of gone)
    log.warn('skipped a referrer that is gone: the fallback tag still names it', { subject: formatReference(subject), referrer: digest });
  return gone.size === 0 ? entries : entries.filter(({ digest }) => !gone.has(digest));
}

function isCandidate(artifactType: string | undefined, wanted: string | undefined): boolean {
  return artifactType === wanted || artifactType === undefined || artifactType === '' || artifactType === MEDIA_TYPE.ociEmpty;
}

/** All pages of the API, or undefined when the registry does not have it. */
async function listByApi(session: Session, api: ReferrersApi, subject: DigestReference): Promise<Descriptor[] | undefined> {
  const what = `list referrers of ${formatReference(subject)}`;
  const first = session.url(subject, `referrers/${subject.digest}`);
  const found: Descriptor[] = [];
  let next: URL | undefined = first;
  for (let page = 0; next !== undefined; page += 1) {
    if (page >= MAX_PAGES) throw tooMany(subject, `more than ${MAX_PAGES} pages`);
    const response: HttpResponse = await session.send({
      what,
      repository: subject,
      action: 'pull',
      path: next,
      headers: { accept: MEDIA_TYPE.ociIndex },
      maxBytes: MAX_MANIFEST_BYTES,
    });
    if (page === 0 && (await hasNoApi(response))) {
      if (!(await response.body()).includes('NAME_UNKNOWN')) api.learn(subject, 'absent');
      return undefined;
    }
    if (response.status !== 200) throw await session.refuse(response, what, subject, 'REFERRERS_UNAVAILABLE');
    found.push(...(await readPage(response, subject)));
    if (found.length > MAX_DESCRIPTORS) throw tooMany(subject, `more than ${MAX_DESCRIPTORS}`);
    next = nextPage(session, subject, response, next);
  }
  return found;
}

/** 404 by the spec; 405, 406 and a 400 that says UNSUPPORTED from registries that know the path but not the API. */
async function hasNoApi(response: HttpResponse): Promise<boolean> {
  if (response.status === 400) return (await response.body()).includes('UNSUPPORTED');
  return response.status === 404 || response.status === 405 || response.status === 406;
}

async function readPage(response: HttpResponse, subject: DigestReference): Promise<Descriptor[]> {
  const bytes = await response.body();
  try {
    const index = parseManifest(bytes, response.headers['content-type']);
    if (index.kind === 'index' && INDEX_TYPES.includes(index.mediaType)) return index.manifests;
  } catch (cause) {
    throw refusedError('REFERRERS_INVALID', `the referrers of ${formatReference(subject)} cannot be read: ${(cause as StepError).message}`, { cause });
  }
  throw refusedError('REFERRERS_INVALID', `the referrers of ${formatReference(subject)} cannot be read: the answer is not an index`);
}

/** The next page by the Link header (RFC 8288), which must stay with the registry. */
function nextPage(session: Session, subject: DigestReference, response: HttpResponse, from: URL): URL | undefined {
  const link = response.headers['link'];
  if (link === undefined) return undefined;
  const target = /<([^<>]{1,4096})>\s*;[^,<>]{0,200}\brel="?next"?/i.exec(link.slice(0, 8192))?.[1];
  if (target === undefined) return undefined;
  const url = session.resolveUrl(subject, target, from);
  if (url.origin === from.origin) return url;
  throw refusedError('REGISTRY_LOCATION_INVALID', `the referrers of ${formatReference(subject)} go on at another host, ${url.host}`);
}

function tooMany(subject: DigestReference, count: string): StepError {
  return refusedError('REFERRERS_TOO_MANY', `${formatReference(subject)} has ${count} referrers`, {
    hint: 'delete referrers that are not needed any more; a cut list is not taken for the whole',
  });
}

function unavailable(subject: DigestReference, why: string, hint: string): StepError {
  return refusedError('REFERRERS_UNAVAILABLE', `cannot list referrers of ${formatReference(subject)}: ${why}`, { hint });
}
