// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { refusedError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import type { Logger } from '../log/log.ts';
import { type DigestReference, formatReference, type ImageReference, repositoryName } from '../reference/reference.ts';
import { type ArtifactContent, type ArtifactLayer, composeArtifact, describe, referrerDescriptor } from './artifact.ts';
import { type BlobContent, hasBlob, putBlob, readBlob, type UploadSizes } from './blobs.ts';
import type { ContentSource } from './content.ts';
import type { Credentials } from './credentials.ts';
import { changeFallback } from './fallback.ts';
import { withGoogleIdentity } from './google-identity.ts';
import { createLocks, type Locks } from './locks.ts';
import { atDigest, deleteManifestAt, fetchManifest, resolveManifest, sendManifest } from './manifests.ts';
import { type Descriptor, EMPTY_CONFIG, parseManifest } from './oci.ts';
import { isListedByApi, type Listing, listReferrers, type ReferrersMode } from './referrers.ts';
import { createReferrersApi } from './referrers-api.ts';
import { createSession, type RepositoryName, type Session } from './session.ts';
import type { UnionOptions } from './tag-union.ts';
import { addTaggedLayer } from './tagged-layers.ts';

export type RegistryOptions = {
  http: Http;
  credentials: Credentials;
  /** `host[:port]` that is spoken to in plain HTTP, besides this machine. */
  insecureRegistries?: readonly string[];
  referrersMode?: ReferrersMode;
  /** Default: blobs over 32 MiB in chunks of 8 MiB. */
  uploadSizes?: UploadSizes;
  log: Logger;
  now?: () => number;
  sleep?: (ms: number) => Promise<void>;
  random?: () => number;
};

/**
 * Client of OCI registries (distribution spec 1.1). All content is checked against its digest on every read.
 * Errors: refused MANIFEST_UNKNOWN, BLOB_UNKNOWN, REGISTRY_UNAUTHORIZED (401) and REGISTRY_DENIED (403) with the
 * credential that was used, REGISTRY_REFUSED for other final answers; denied DIGEST_MISMATCH; input MANIFEST_INVALID and
 * MANIFEST_UNSUPPORTED; transient HTTP_* (429 is HTTP_THROTTLED) when the budget of lib/http is spent.
 */
export type Registry = {
  /** Type, digest and size of what the reference names. */
  resolve(ref: ImageReference): Promise<Descriptor>;
  /** The manifest or index with this digest, at most 4 MiB. */
  manifest(ref: DigestReference): Promise<{ descriptor: Descriptor; bytes: Buffer }>;
  blob(ref: RepositoryName, descriptor: Descriptor): AsyncIterable<Buffer>;
  hasBlob(ref: RepositoryName, digest: string): Promise<boolean>;
  /** Writes a blob unless it is there; `from` is a repository of the same registry that may have it. */
  putBlob(ref: RepositoryName, content: BlobContent, options?: { from?: string }): Promise<{ digest: string; size: number }>;
  /** Writes a manifest at the tag of `ref`, else at its digest. One with a subject is entered in the fallback tag where the registry has no referrers API. */
  putManifest(ref: ImageReference, bytes: Buffer, mediaType: string): Promise<Descriptor>;
  /** Manifests whose subject is `subject`; see `listReferrers` for what the filter lets through. A failed listing throws. */
  referrers(subject: DigestReference, filter?: { artifactType?: string }): Promise<Descriptor[]>;
  /** Does what `pushReferrer` to this subject can do beforehand (login for writing, subject, empty config), while the caller still makes what to push. Throws as that would. */
  prepareReferrer(subject: DigestReference): Promise<void>;
  /** Composes and writes an artifact that refers to `subject`; doing it twice leaves one. */
  pushReferrer(subject: DigestReference, content: ArtifactContent): Promise<Descriptor>;
  /** Adds a layer to the manifest under the tag of `ref`, which is made when it is not there; doing it twice leaves one. Gives the layer's digest. */
  addTaggedLayer(ref: ImageReference, layer: ArtifactLayer): Promise<string>;
  /** Deletes by digest, or only the tag; false when there is none or the registry does not delete. */
  deleteManifest(ref: ImageReference): Promise<boolean>;
  /** Deletes a referrer and takes it out of the fallback tag; true when it is not listed any more. */
  deleteReferrer(subject: DigestReference, digest: string): Promise<boolean>;
  source(ref: ImageReference): Promise<ContentSource>;
};

/** `prepared` are the subjects for which all is ready, each for one referrer: what was there a while ago need not be there for ever. */
type Client = Listing & { fallback: UnionOptions; locks: Locks; sizes: { sizes?: UploadSizes }; prepared: Map<string, Descriptor> };

/** Bytes of a layer up to which it is sent without a look whether it is there: a look takes as long. */
const SENT_UNSEEN = 64 * 1024;

export function createRegistry(options: RegistryOptions): Registry {
  const { http, credentials, insecureRegistries = [], log } = options;
  const now = options.now ?? Date.now;
  const identified = withGoogleIdentity(credentials, { http, now, insecureRegistries });
  const session = createSession({ http, credentials: identified, insecureRegistries, now });
  const fallback = { session, now, log, sleep: options.sleep ?? ((ms: number) => delay(ms)), random: options.random ?? Math.random };
  const sizes = options.uploadSizes === undefined ? {} : { sizes: options.uploadSizes };
  const api = createReferrersApi(now);
  const client: Client = { session, mode: options.referrersMode ?? 'auto', api, fallback, log, locks: createLocks(), sizes, prepared: new Map() };
  return {
    resolve: (ref) => resolveManifest(session, ref),
    manifest: (ref) => readManifest(session, ref),
    blob: (ref, descriptor) => readBlob(session, ref, descriptor),
    hasBlob: (ref, digest) => hasBlob(session, ref, digest),
    putBlob: (ref, content, from) => putBlob(session, ref, content, { ...from, ...sizes }),
    putManifest: (ref, bytes, mediaType) => putManifest(client, ref, bytes, mediaType),
    referrers: (subject, filter = {}) => listReferrers(client, subject, filter),
    prepareReferrer: (subject) => prepareReferrer(client, subject),
    pushReferrer: (subject, content) => pushReferrer(client, subject, content),
    addTaggedLayer: (ref, layer) => pushTaggedLayer(client, ref, layer),
    deleteManifest: (ref) => deleteManifestAt(session, ref),
    deleteReferrer: (subject, digest) => deleteReferrer(client, subject, digest),
    source: (ref) => registrySource(session, ref),
  };
}

async function readManifest(session: Session, ref: DigestReference): Promise<{ descriptor: Descriptor; bytes: Buffer }> {
  const { descriptor, bytes } = await fetchManifest(session, atDigest(ref, ref.digest));
  return { descriptor, bytes };
}

async function putManifest(client: Client, ref: ImageReference, bytes: Buffer, mediaType: string): Promise<Descriptor> {
  const manifest = parseManifest(bytes, mediaType);
  const response = await sendManifest(client.session, { ref, bytes, mediaType });
  const descriptor = referrerDescriptor(manifest, bytes);
  if (manifest.subject === undefined) return descriptor;
  const subject = atDigest(ref, manifest.subject.digest);
  if (await isListedByApi(client, subject, descriptor.digest, response.headers['oci-subject'])) return descriptor;
  if (client.mode === 'api') {
    throw refusedError('REFERRERS_UNAVAILABLE', `${descriptor.digest} was written to ${repositoryName(ref)}, but the registry does not list referrers`, {
      hint: 'set the referrers mode to auto, or use a registry with the OCI 1.1 referrers API',
    });
  }
  await queued(client, subject, (at) => changeFallback(client.fallback, at, { add: descriptor }));
  return descriptor;
}

async function prepareReferrer(client: Client, ref: DigestReference): Promise<void> {
  const subject = atDigest(ref, ref.digest);
  const [descriptor] = await Promise.all([resolveManifest(client.session, subject, 'push'), putBlob(client.session, ref, EMPTY_CONFIG, client.sizes)]);
  client.prepared.set(formatReference(subject), descriptor);
}

async function pushReferrer(client: Client, ref: DigestReference, content: ArtifactContent): Promise<Descriptor> {
  const at = atDigest(ref, ref.digest);
  const prepared = client.prepared.get(formatReference(at));
  client.prepared.delete(formatReference(at));
  const subject = prepared ?? (await resolveManifest(client.session, at, 'push'));
  const { manifest, blobs } = composeArtifact(content, subject);
  const missing = prepared === undefined ? blobs : blobs.filter((bytes) => !bytes.equals(EMPTY_CONFIG));
  await Promise.all(
    missing.map((bytes) => putBlob(client.session, ref, bytes, { ...client.sizes, unseen: bytes.length <= SENT_UNSEEN && !bytes.equals(EMPTY_CONFIG) })),
  );
  const descriptor = await putManifest(client, { registry: ref.registry, repository: ref.repository }, manifest, parseManifest(manifest, undefined).mediaType);
  client.log.info('attached', { subject: formatReference(atDigest(ref, ref.digest)), referrer: descriptor.digest, type: content.artifactType });
  return descriptor;
}

async function pushTaggedLayer(client: Client, ref: ImageReference, layer: ArtifactLayer): Promise<string> {
  const put = (bytes: Buffer): Promise<unknown> => putBlob(client.session, ref, bytes, client.sizes);
  await put(layer.bytes);
  const entry = describe(layer);
  await client.locks.run(formatReference(ref), () => addTaggedLayer(client.fallback, ref, entry, put));
  client.log.info('attached', { tag: formatReference(ref), layer: entry.digest, type: layer.mediaType });
  return entry.digest;
}

/** The index entry goes first: a crash in between leaves an unlisted manifest, never an entry that names nothing. */
async function deleteReferrer(client: Client, subject: DigestReference, digest: string): Promise<boolean> {
  if (client.mode !== 'api') await queued(client, atDigest(subject, subject.digest), (at) => changeFallback(client.fallback, at, { remove: digest }));
  if (await deleteManifestAt(client.session, atDigest(subject, digest))) return true;
  const left = await listReferrers(client, subject, {});
  return !left.some((descriptor) => descriptor.digest === digest);
}

/** Changes of one fallback tag by this process go one after another: it need not race with itself. */
function queued(client: Client, subject: DigestReference, change: (subject: DigestReference) => Promise<void>): Promise<void> {
  return client.locks.run(formatReference(subject), () => change(subject));
}

async function registrySource(session: Session, ref: ImageReference): Promise<ContentSource> {
  const root = await resolveManifest(session, ref);
  return {
    name: `${repositoryName(ref)}@${root.digest}`,
    root,
    origin: { registry: ref.registry, repository: ref.repository },
    manifest: (digest) => readManifest(session, atDigest(ref, digest)),
    blob: (descriptor) => readBlob(session, ref, descriptor),
  };
}
