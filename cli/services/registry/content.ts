// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../../../lib/errors/errors.ts';
import { sha256Digest } from '../../../lib/reference/digest.ts';
import { referrerDescriptor } from '../../../lib/registry/artifact.ts';
import { type Descriptor, INDEX_TYPES, MANIFEST_TYPES, type Manifest, MEDIA_TYPE, parseManifest } from '../../../lib/registry/oci.ts';
import { failed, json, type Reply } from './reply.ts';
import type { Store } from './store.ts';

export type Precondition = { ifMatch: string | undefined; ifNoneMatch: string | undefined };
export type ManifestTarget = { tag: string } | { digest: string };

const PAGE_BYTES = 3 * 1024 * 1024;

/** GET or HEAD of a blob, whole or one range (RFC 9110 section 14). */
export async function getBlob(store: Store, repository: string, digest: string, range: string | undefined): Promise<Reply> {
  const size = await store.blobSize(repository, digest);
  if (size === undefined) return failed('BLOB_UNKNOWN', 'the repository has no such blob');
  const headers = { 'content-type': 'application/octet-stream', 'docker-content-digest': digest, 'accept-ranges': 'bytes', etag: `"${digest}"` };
  const part = parseRange(range, size);
  if (part === 'unsatisfiable') return failed('RANGE_INVALID', 'the range is outside the blob', { 'content-range': `bytes */${size}` });
  const path = store.blobPath(digest);
  if (part === undefined) return { status: 200, headers, body: { path, start: 0, end: size } };
  return { status: 206, headers: { ...headers, 'content-range': `bytes ${part.start}-${part.end - 1}/${size}` }, body: { path, ...part } };
}

function parseRange(range: string | undefined, size: number): { start: number; end: number } | 'unsatisfiable' | undefined {
  const found = /^bytes=(\d{0,15})-(\d{0,15})$/.exec(range ?? '');
  if (found === null || (found[1] === '' && found[2] === '')) return undefined;
  if (found[1] === '') return Number(found[2]) === 0 ? 'unsatisfiable' : { start: Math.max(0, size - Number(found[2])), end: size };
  const start = Number(found[1]);
  const end = found[2] === '' ? size : Math.min(Number(found[2]) + 1, size);
  return start >= size || end <= start ? 'unsatisfiable' : { start, end };
}

/** GET or HEAD of a manifest by tag or digest. The stored type is served whatever Accept says, as the bytes have no other form. */
export async function getManifest(store: Store, repository: string, target: ManifestTarget): Promise<Reply> {
  const digest = 'digest' in target ? target.digest : await store.readTag(repository, target.tag);
  const found = digest === undefined ? undefined : await store.readManifest(repository, digest);
  if (digest === undefined || found === undefined) return failed('MANIFEST_UNKNOWN', 'the repository has no such manifest');
  return { status: 200, headers: { 'content-type': found.mediaType, 'docker-content-digest': digest, etag: `"${digest}"` }, body: found.bytes };
}

export type PutOptions = { bytes: Buffer; contentType: string | undefined; precondition: Precondition; hasReferrers: boolean };

/** PUT of a manifest: its form, the digest in the path, and that all it names is there. Called under the lock of its tag. */
export async function putManifest(store: Store, repository: string, target: ManifestTarget, options: PutOptions): Promise<Reply> {
  const { bytes, contentType, precondition, hasReferrers } = options;
  const digest = sha256Digest(bytes);
  if ('digest' in target && target.digest !== digest) return failed('DIGEST_INVALID', `the manifest has the digest ${digest}`);
  const manifest = readManifest(bytes, contentType);
  if ('status' in manifest) return manifest;
  const missing = await firstMissing(store, repository, manifest);
  if (missing !== undefined) return failed('MANIFEST_BLOB_UNKNOWN', `the repository does not have ${missing}`);
  if ('tag' in target && !holds(precondition, await store.readTag(repository, target.tag)))
    return failed('PRECONDITION_FAILED', 'the tag was changed meanwhile');
  const subject = manifest.subject?.digest;
  const referrer = subject === undefined ? undefined : { subject, descriptor: referrerDescriptor(manifest, bytes) };
  await store.writeManifest(repository, digest, manifest.mediaType, bytes, referrer);
  if ('tag' in target) await store.writeTag(repository, target.tag, digest);
  const headers = { location: `/v2/${repository}/manifests/${digest}`, 'docker-content-digest': digest, etag: `"${digest}"` };
  return { status: 201, headers: { ...headers, ...(subject !== undefined && hasReferrers && { 'oci-subject': subject }) } };
}

function readManifest(bytes: Buffer, contentType: string | undefined): Manifest | Reply {
  try {
    const manifest = parseManifest(bytes, contentType);
    const said = contentType?.split(';')[0]?.trim();
    if (said === undefined || said === manifest.mediaType) return manifest;
    return failed('MANIFEST_INVALID', 'Content-Type and the mediaType of the manifest differ');
  } catch (error) {
    if (error instanceof StepError) return failed('MANIFEST_INVALID', error.message);
    throw error;
  }
}

async function firstMissing(store: Store, repository: string, manifest: Manifest): Promise<string | undefined> {
  if (manifest.kind === 'index') {
    for (const { digest, mediaType } of manifest.manifests) {
      const isManifest = MANIFEST_TYPES.includes(mediaType) || INDEX_TYPES.includes(mediaType);
      const found = isManifest ? await store.manifestType(repository, digest) : await store.blobSize(repository, digest);
      if (found === undefined) return digest;
    }
    return undefined;
  }
  for (const { digest, mediaType } of [manifest.config, ...manifest.layers]) {
    const isElsewhere = mediaType === MEDIA_TYPE.dockerForeignLayer || mediaType.includes('.nondistributable.');
    if (!isElsewhere && (await store.blobSize(repository, digest)) === undefined) return digest;
  }
  return undefined;
}

function holds({ ifMatch, ifNoneMatch }: Precondition, current: string | undefined): boolean {
  if (ifMatch !== undefined && (ifMatch === '*' ? current === undefined : ifMatch !== `"${current}"`)) return false;
  return !(ifNoneMatch === '*' && current !== undefined);
}

/** DELETE of a tag or, by digest, of a manifest with the tags on it. */
export async function deleteManifest(store: Store, repository: string, target: ManifestTarget): Promise<Reply> {
  if ('tag' in target) {
    return (await store.deleteTag(repository, target.tag)) ? { status: 202 } : failed('MANIFEST_UNKNOWN', 'the repository has no such tag');
  }
  const found = await store.readManifest(repository, target.digest);
  if (found === undefined) return failed('MANIFEST_UNKNOWN', 'the repository has no such manifest');
  await store.deleteManifest(repository, target.digest, parseManifest(found.bytes, found.mediaType).subject?.digest);
  return { status: 202 };
}

/** Tags in order, `n` of them after `last`, with a Link to the rest. */
export async function listTags(store: Store, repository: string, query: URLSearchParams): Promise<Reply> {
  const all = await store.tags(repository);
  if (all === undefined) return failed('NAME_UNKNOWN', 'there is no such repository');
  const last = query.get('last') ?? '';
  const asked = query.get('n');
  const n = asked !== null && /^\d{1,6}$/.test(asked) ? Number(asked) : all.length;
  const rest = all.filter((tag) => tag > last);
  const page = rest.slice(0, n);
  const next = page.at(-1);
  const headers =
    next !== undefined && rest.length > page.length ? { link: `</v2/${repository}/tags/list?n=${n}&last=${encodeURIComponent(next)}>; rel="next"` } : {};
  return json(200, { name: repository, tags: page }, headers as Record<string, string>);
}

/** The referrers of a digest as an index, in pages of `pageSize`; an unknown digest has none. */
export async function listReferrers(store: Store, repository: string, subject: string, query: URLSearchParams, pageSize: number): Promise<Reply> {
  const wanted = query.get('artifactType');
  const last = query.get('last') ?? '';
  const fitting = (await store.referrers(repository, subject)).filter(
    ({ artifactType, digest }) => digest > last && (wanted === null || artifactType === wanted),
  );
  const page = firstPage(fitting, pageSize);
  const next = page.at(-1);
  const filter: Record<string, string> = wanted === null ? {} : { 'oci-filters-applied': 'artifactType' };
  const carried = wanted === null ? '' : `&artifactType=${encodeURIComponent(wanted)}`;
  const link: Record<string, string> =
    next !== undefined && fitting.length > page.length ? { link: `</v2/${repository}/referrers/${subject}?last=${next.digest}${carried}>; rel="next"` } : {};
  return json(200, { schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: page }, { 'content-type': MEDIA_TYPE.ociIndex, ...filter, ...link });
}

function firstPage(descriptors: Descriptor[], pageSize: number): Descriptor[] {
  let bytes = 0;
  const fits = descriptors.slice(0, pageSize).filter((descriptor, at) => {
    bytes += JSON.stringify(descriptor).length;
    return at === 0 || bytes < PAGE_BYTES;
  });
  return fits;
}
