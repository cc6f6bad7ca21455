// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { isDigest, sha256Digest } from '../reference/digest.ts';
import { repositoryName } from '../reference/reference.ts';
import { verifiedBlob } from './content.ts';
import type { Descriptor } from './oci.ts';
import type { Action, RepositoryName, Session } from './session.ts';

/** A blob to write: its bytes, or how to open them anew for every attempt. */
export type BlobContent = Uint8Array | { descriptor: Pick<Descriptor, 'digest' | 'size'>; open: () => AsyncIterable<Uint8Array> };

const UPLOAD_SILENCE_MS = 120_000;

/** The verified bytes of a blob (see `verifiedBlob`). Throws refused BLOB_UNKNOWN and denied DIGEST_MISMATCH. */
export async function* readBlob(session: Session, repository: RepositoryName, descriptor: Descriptor): AsyncGenerator<Buffer> {
  const what = `read blob ${repositoryName(repository)}@${descriptor.digest}`;
  checkDigest(descriptor.digest, what);
  const response = await session.send({ what, repository, action: 'pull', path: `blobs/${descriptor.digest}` });
  if (response.status !== 200) throw await session.refuse(response, what, repository, response.status === 404 ? 'BLOB_UNKNOWN' : undefined);
  yield* verifiedBlob(response.stream(), descriptor, `blob ${repositoryName(repository)}@${descriptor.digest}`);
}

/** Whether the repository has the blob; `action` as in `resolveManifest`. */
export async function hasBlob(session: Session, repository: RepositoryName, digest: string, action: Action = 'pull'): Promise<boolean> {
  const what = `look for blob ${repositoryName(repository)}@${digest}`;
  checkDigest(digest, what);
  const response = await session.send({ what, method: 'HEAD', repository, action, path: `blobs/${digest}` });
  if (response.status === 200) return true;
  if (response.status === 404) return false;
  throw await session.refuse(response, what, repository);
}

/**
 * Writes a blob unless it is there: HEAD; then POST, which mounts it from repository `from` of the same registry where
 * given and possible; then one PUT (distribution spec, "POST then PUT"). A broken PUT starts again with a new upload.
 */
export async function putBlob(
  session: Session,
  repository: RepositoryName,
  content: BlobContent,
  options: { from?: string } = {},
): Promise<{ digest: string; size: number }> {
  const blob = content instanceof Uint8Array ? bytesBlob(content) : content;
  const { digest, size } = blob.descriptor;
  const name = `${repositoryName(repository)}@${digest}`;
  if (await hasBlob(session, repository, digest, 'push')) return { digest, size };
  const first = await startUpload(session, repository, digest, options.from);
  if (first === 'mounted') return { digest, size };
  const what = `write blob ${name}`;
  const response = await session.send({
    what,
    method: 'PUT',
    repository,
    action: 'push',
    path: first,
    headers: { 'content-type': 'application/octet-stream', 'content-length': String(size) },
    body:
      blob instanceof Object && 'bytes' in blob
        ? blob.bytes
        : () => verifiedBlob(blob.open(), { ...blob.descriptor, mediaType: '' }, `the source of blob ${name}`),
    timeoutMs: UPLOAD_SILENCE_MS,
    renew: async () => {
      const again = await startUpload(session, repository, digest, undefined);
      return again === 'mounted' ? first : again;
    },
  });
  if (response.status < 200 || response.status > 299) throw await session.refuse(response, what, repository);
  return { digest, size };
}

type ByteBlob = { descriptor: { digest: string; size: number }; bytes: Buffer };

function bytesBlob(content: Uint8Array): ByteBlob {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  return { bytes, descriptor: { digest: sha256Digest(bytes), size: bytes.length } };
}

/** Opens an upload and gives the URL to PUT the blob to, or `mounted` when the registry took it from `from`. */
async function startUpload(session: Session, repository: RepositoryName, digest: string, from: string | undefined): Promise<URL | 'mounted'> {
  const what = `start the upload of blob ${repositoryName(repository)}@${digest}`;
  const path = from === undefined ? 'blobs/uploads/' : `blobs/uploads/?mount=${encodeURIComponent(digest)}&from=${encodeURIComponent(from)}`;
  const response = await session.send({
    what,
    method: 'POST',
    repository,
    action: 'push',
    path,
    retryable: true,
    headers: { 'content-length': '0' },
    ...(from !== undefined && { alsoPull: from }),
  });
  if (from !== undefined && response.status === 201) return 'mounted';
  if (from !== undefined && response.status >= 400) return startUpload(session, repository, digest, undefined);
  const location = response.headers['location'];
  if (response.status !== 202) throw await session.refuse(response, what, repository);
  if (location === undefined) throw refusedError('REGISTRY_LOCATION_INVALID', `cannot ${what}: the registry names no place for the upload`);
  const url = session.resolveUrl(repository, location, session.url(repository, path));
  url.search = `${url.search === '' ? '?' : `${url.search}&`}digest=${encodeURIComponent(digest)}`;
  return url;
}

function checkDigest(digest: string, what: string): void {
  if (!isDigest(digest)) throw refusedError('DIGEST_INVALID', `cannot ${what}: only sha256 digests are supported`);
}
