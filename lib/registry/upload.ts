// SPDX-License-Identifier: Apache-2.0
import { refusedError, StepError } from '../errors/errors.ts';
import type { HttpResponse } from '../http/http.ts';
import { isDigest } from '../reference/digest.ts';
import { repositoryName } from '../reference/reference.ts';
import type { RepositoryName, Session } from './session.ts';

/** One blob on its way to a repository. */
export type Upload = {
  session: Session;
  repository: RepositoryName;
  /** For messages: `write blob r.example.com/app@sha256:…`. */
  what: string;
  digest: string;
  size: number;
  /** The verified bytes, anew for every attempt. */
  open: () => AsyncIterable<Uint8Array>;
  /** Whether the repository has the blob by now. */
  isThere: () => Promise<boolean>;
};

/** Where to send the blob, and the smallest chunk that the registry takes there, in bytes. */
export type StartedUpload = { url: URL; minChunk: number };

/** Ends a request between two attempts: the blob is `written`, the chunk `arrived`, the upload is `lost` or does not take chunks. */
export class UploadStopped extends Error {
  readonly why: 'written' | 'arrived' | 'lost' | 'unsupported';
  constructor(why: UploadStopped['why']) {
    super(`the upload stopped: ${why}`);
    this.why = why;
  }
}

/** Longest silence while a blob is sent and taken in, in milliseconds. */
export const UPLOAD_SILENCE_MS = 120_000;

/** Opens an upload, or gives `mounted` when the registry took the blob from repository `from` (distribution spec, "Mounting a blob from another repository"). */
export async function startUpload(upload: Upload, from?: string): Promise<StartedUpload | 'mounted'> {
  const { session, repository, digest } = upload;
  const what = `start the upload of blob ${repositoryName(repository)}@${digest}`;
  const path = 'blobs/uploads/';
  const mount = from === undefined ? undefined : await tryMount(upload, from, what);
  if (mount?.status === 201) return 'mounted';
  const response =
    mount ?? (await session.send({ what, method: 'POST', repository, action: 'push', path, retryable: true, headers: { 'content-length': '0' } }));
  const location = response.headers['location'];
  if (response.status !== 202) throw await session.refuse(response, what, repository);
  if (location === undefined) throw refusedError('REGISTRY_LOCATION_INVALID', `cannot ${what}: the registry names no place for the upload`);
  const said = response.headers['oci-chunk-min-length'] ?? '';
  return { url: session.resolveUrl(repository, location, session.url(repository, path)), minChunk: /^\d{1,15}$/.test(said) ? Number(said) : 0 };
}

/** The answer to a mount when it is a success; whoever may not read `from`, by registry or token server, uploads instead. */
async function tryMount({ session, repository, digest }: Upload, from: string, what: string): Promise<HttpResponse | undefined> {
  const path = `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const request = { what, method: 'POST', repository, action: 'push', path, retryable: true, headers: { 'content-length': '0' }, alsoPull: from } as const;
  const response = await session.send(request).catch((error: unknown) => {
    if (error instanceof StepError && (error.code === 'REGISTRY_DENIED' || error.code === 'REGISTRY_UNAUTHORIZED')) return undefined;
    throw error;
  });
  return response === undefined || response.status >= 400 ? undefined : response;
}

/**
 * Sends the blob by one PUT (distribution spec, "POST then PUT") to `place`, else to a new upload. After a break it looks
 * whether the blob has arrived, and starts again with a new upload when it has not.
 */
export async function sendWhole(upload: Upload, place: URL | undefined): Promise<void> {
  const anew = async (): Promise<URL> => {
    const started = await startUpload(upload);
    if (started === 'mounted') throw new UploadStopped('written');
    return started.url;
  };
  await untilWritten(async () => {
    const first = place ?? (await anew());
    return putBytes(upload, first, {
      length: upload.size,
      body: upload.open,
      renew: async () => {
        if (await upload.isThere()) throw new UploadStopped('written');
        return { url: withDigest(await anew(), upload.digest) };
      },
    });
  });
}

/** Runs the closing PUT; a stop because the blob is there is its success. */
export async function untilWritten(put: () => Promise<void>): Promise<void> {
  await put().catch((error: unknown) => {
    if (!(error instanceof UploadStopped) || error.why !== 'written') throw error;
  });
}

export type ClosingPut = { length: number; body?: () => AsyncIterable<Uint8Array>; renew: () => Promise<{ url: URL }> };

/** The PUT that closes an upload. Throws UploadStopped `lost` for a 404, refused for other refusals and when the registry says that it stored something else. */
export async function putBytes(upload: Upload, place: URL, { length, body, renew }: ClosingPut): Promise<void> {
  const { session, repository, what, digest } = upload;
  const response = await session.send({
    what,
    method: 'PUT',
    repository,
    action: 'push',
    path: withDigest(place, digest),
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(length) },
    ...(body !== undefined && { body }),
    timeoutMs: UPLOAD_SILENCE_MS,
    renew,
  });
  if (response.status === 404 && body === undefined) throw new UploadStopped('lost');
  if (response.status < 200 || response.status > 299) throw await session.refuse(response, what, repository);
  const said = response.headers['docker-content-digest'];
  if (said !== undefined && isDigest(said) && said !== digest) {
    throw refusedError('REGISTRY_REFUSED', `cannot ${what}: the registry stored ${said} instead`);
  }
}

/** The upload's place with the digest that closes it. */
export function withDigest(place: URL, digest: string): URL {
  const url = new URL(place);
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}
