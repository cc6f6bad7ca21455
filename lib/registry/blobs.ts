// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { isDigest, sha256Digest } from '../reference/digest.ts';
import { repositoryName } from '../reference/reference.ts';
import { sendChunks } from './chunks.ts';
import { verifiedBlob } from './content.ts';
import type { Descriptor } from './oci.ts';
import type { Action, RepositoryName, Session } from './session.ts';
import { sendWhole, startUpload, type Upload } from './upload.ts';

/** A blob to write: its bytes, or how to open them anew for every attempt. */
export type BlobContent = Uint8Array | { descriptor: Pick<Descriptor, 'digest' | 'size'>; open: () => AsyncIterable<Uint8Array> };

/** Sizes in bytes: blobs `above` are sent in chunks of `chunk`. */
export type UploadSizes = { above: number; chunk: number };

/** A chunk is held in memory, and a copy sends four blobs at once; ECR takes no chunks under 5 MiB. */
const DEFAULT_SIZES: UploadSizes = { above: 32 * 1024 * 1024, chunk: 8 * 1024 * 1024 };
const MAX_CHUNK = 16 * 1024 * 1024;
const PIECE = 256 * 1024;

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
 * Writes a blob unless it is there: HEAD, which `unseen` leaves out for one that hardly can be; then POST, which mounts it from repository `from` of the same registry where
 * given and possible; then one PUT, or chunks where it is large (distribution spec, "Pushing Blobs"). See upload.ts and
 * chunks.ts for what happens when the connection breaks.
 */
export async function putBlob(
  session: Session,
  repository: RepositoryName,
  content: BlobContent,
  options: { from?: string; sizes?: UploadSizes; unseen?: boolean } = {},
): Promise<{ digest: string; size: number }> {
  const blob = content instanceof Uint8Array ? bytesBlob(content) : content;
  const { digest, size } = blob.descriptor;
  if (options.unseen !== true && (await hasBlob(session, repository, digest, 'push'))) return { digest, size };
  const what = `write blob ${repositoryName(repository)}@${digest}`;
  const open = (): AsyncIterable<Uint8Array> =>
    verifiedBlob(blob.open(), { digest, size, mediaType: '' }, `the source of blob ${repositoryName(repository)}@${digest}`);
  const upload: Upload = { session, repository, what, digest, size, open, isThere: () => hasBlob(session, repository, digest, 'push') };
  const started = await startUpload(upload, options.from);
  if (started === 'mounted') return { digest, size };
  const { above, chunk } = options.sizes ?? DEFAULT_SIZES;
  const outcome = size > above && started.minChunk <= MAX_CHUNK ? await sendChunks(upload, started.url, Math.max(chunk, started.minChunk)) : 'unsupported';
  if (outcome === 'unsupported') await sendWhole(upload, size > above ? undefined : started.url);
  return { digest, size };
}

function bytesBlob(content: Uint8Array): { descriptor: { digest: string; size: number }; open: () => AsyncIterable<Uint8Array> } {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  async function* open(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += PIECE) yield bytes.subarray(at, at + PIECE);
  }
  return { open, descriptor: { digest: sha256Digest(bytes), size: bytes.length } };
}

function checkDigest(digest: string, what: string): void {
  if (!isDigest(digest)) throw refusedError('DIGEST_INVALID', `cannot ${what}: only sha256 digests are supported`);
}
