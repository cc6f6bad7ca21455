// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError } from '../errors/errors.ts';
import type { HttpResponse } from '../http/http.ts';
import { isDigest, sha256Digest } from '../reference/digest.ts';
import { type DigestReference, formatReference, type ImageReference } from '../reference/reference.ts';
import { verifyBytes } from './content.ts';
import { type Credential, hintOf } from './credentials.ts';
import { type Descriptor, INDEX_TYPES, MANIFEST_TYPES, MAX_MANIFEST_BYTES, parseManifest } from './oci.ts';
import type { Action, RepositoryName, Session } from './session.ts';

const PARALLEL_HEADS = 8;
const ACCEPT = [...MANIFEST_TYPES, ...INDEX_TYPES].join(', ');

export type FetchedManifest = { descriptor: Descriptor; bytes: Buffer; etag: string | undefined };

/**
 * The descriptor of a manifest or index: HEAD, and GET where the head does not say type, size and digest, or contradicts
 * the digest asked for. For a bare tag the registry's Docker-Content-Digest is taken; whoever fetches by it checks it.
 * `action` is what the caller goes on to do, so that one login serves all of it.
 * Throws refused MANIFEST_UNKNOWN, REGISTRY_UNAUTHORIZED, REGISTRY_DENIED.
 */
export async function resolveManifest(session: Session, ref: ImageReference, action: Action = 'pull'): Promise<Descriptor> {
  const what = `resolve ${formatReference(ref)}`;
  const response = await session.send({ what, method: 'HEAD', repository: ref, action, path: manifestPath(ref), headers: { accept: ACCEPT } });
  if (response.status === 200) {
    const descriptor = headDescriptor(response, ref);
    if (descriptor !== undefined) return descriptor;
  } else if (![400, 404, 405, 406].includes(response.status)) {
    throw await session.refuse(response, what, ref);
  } else if (response.status === 404) {
    throw manifestUnknown(what, session.credential(ref));
  }
  return (await fetchManifest(session, ref)).descriptor;
}

/** Fetches a manifest or index, at most 4 MiB, and checks its bytes against the digest; undefined for a 404. */
export async function fetchManifestIfPresent(session: Session, ref: ImageReference): Promise<FetchedManifest | undefined> {
  const what = `read manifest ${formatReference(ref)}`;
  const response = await session.send({
    what,
    repository: ref,
    action: 'pull',
    path: manifestPath(ref),
    headers: { accept: ACCEPT },
    maxBytes: MAX_MANIFEST_BYTES,
  });
  if (response.status === 404) return undefined;
  if (response.status !== 200) throw await session.refuse(response, what, ref);
  const bytes = await response.body();
  if (ref.digest !== undefined) verifyBytes(bytes, ref.digest, `manifest ${formatReference(ref)}`);
  const { mediaType, artifactType, annotations } = parseManifest(bytes, response.headers['content-type']);
  const descriptor = {
    mediaType,
    digest: sha256Digest(bytes),
    size: bytes.length,
    ...(artifactType !== undefined && { artifactType }),
    ...(annotations && { annotations }),
  };
  return { descriptor, bytes, etag: response.headers['etag'] };
}

/** Those of the digests that the repository has no manifest for. Throws what `resolveManifest` throws for anything but absence. */
export async function goneManifests(session: Session, repository: RepositoryName, entries: readonly { digest: string }[]): Promise<Set<string>> {
  const gone = new Set<string>();
  for (let start = 0; start < entries.length; start += PARALLEL_HEADS) {
    const batch = entries.slice(start, start + PARALLEL_HEADS);
    await Promise.all(
      batch.map(({ digest }) =>
        resolveManifest(session, { registry: repository.registry, repository: repository.repository, digest }).catch((error: StepError) => {
          if (error.code !== 'MANIFEST_UNKNOWN') throw error;
          gone.add(digest);
        }),
      ),
    );
  }
  return gone;
}

/** As `fetchManifestIfPresent`; a 404 is refused MANIFEST_UNKNOWN. */
export async function fetchManifest(session: Session, ref: ImageReference): Promise<FetchedManifest> {
  const found = await fetchManifestIfPresent(session, ref);
  if (found === undefined) throw manifestUnknown(`read manifest ${formatReference(ref)}`, session.credential(ref));
  return found;
}

export type PutManifest = { ref: ImageReference; bytes: Buffer; mediaType: string; ifMatch?: string };

/**
 * PUTs a manifest at the tag of `ref`, else at its own digest. Gives the response when it was stored (2xx) or, with
 * `ifMatch`, when the precondition failed (412); throws refused for any other, and when the registry says that it
 * stored something with another digest.
 */
export async function sendManifest(session: Session, { ref, bytes, mediaType, ifMatch }: PutManifest): Promise<HttpResponse> {
  const digest = sha256Digest(bytes);
  const named = { ...ref, digest };
  const what = `write manifest ${formatReference(named)}`;
  if (ref.digest !== undefined) verifyBytes(bytes, ref.digest, `the manifest to write to ${formatReference(ref)}`);
  const response = await session.send({
    what,
    method: 'PUT',
    repository: ref,
    action: 'push',
    path: `manifests/${ref.tag ?? digest}`,
    headers: { 'content-type': mediaType, 'content-length': String(bytes.length), ...(ifMatch !== undefined && { 'if-match': ifMatch }) },
    body: bytes,
  });
  if (ifMatch !== undefined && response.status === 412) return response;
  if (response.status < 200 || response.status > 299) throw await session.refuse(response, what, ref);
  const said = response.headers['docker-content-digest'];
  if (said !== undefined && isDigest(said) && said !== digest) {
    throw refusedError('MANIFEST_REWRITTEN', `cannot ${what}: the registry stored ${said} instead`, {
      hint: 'the registry changes manifests; use one that keeps them as they are',
    });
  }
  return response;
}

/** DELETE of a tag or digest; false when there is none (404) or the registry does not delete (400 or 405, "Deleting Manifests"). */
export async function deleteManifestAt(session: Session, ref: ImageReference): Promise<boolean> {
  const what = `delete manifest ${formatReference(ref)}`;
  const response = await session.send({ what, method: 'DELETE', repository: ref, action: 'delete', path: manifestPath(ref) });
  if (response.status >= 200 && response.status < 300) return true;
  if (response.status === 404 || response.status === 405) return false;
  if (response.status === 400 && (await response.body()).includes('UNSUPPORTED')) return false;
  throw await session.refuse(response, what, ref);
}

function manifestPath(ref: ImageReference): string {
  return `manifests/${ref.digest ?? ref.tag ?? 'latest'}`;
}

function headDescriptor(response: HttpResponse, ref: ImageReference): Descriptor | undefined {
  const mediaType = response.headers['content-type']?.split(';')[0]?.trim().toLowerCase() ?? '';
  const said = response.headers['docker-content-digest'];
  const size = Number(response.headers['content-length'] ?? Number.NaN);
  const digest = ref.digest ?? said ?? '';
  const isKnown = MANIFEST_TYPES.includes(mediaType) || INDEX_TYPES.includes(mediaType);
  const contradicts = ref.digest !== undefined && said !== undefined && said !== ref.digest;
  if (!isKnown || contradicts || !isDigest(digest) || !Number.isSafeInteger(size) || size <= 0) return undefined;
  return { mediaType, digest, size };
}

function manifestUnknown(what: string, credential: Credential): Error {
  return refusedError('MANIFEST_UNKNOWN', `cannot ${what}: the registry has no such manifest (credential: ${credential.name})`, {
    hint: 'check the reference; some registries also answer so when the credential may not read the repository',
    ...hintOf(credential),
  });
}

/** The reference with the digest and without a tag. */
export function atDigest(ref: ImageReference, digest: string): DigestReference {
  return { registry: ref.registry, repository: ref.repository, digest };
}
