// SPDX-License-Identifier: Apache-2.0
import type { HttpResponse } from '../http/http.ts';
import { putBytes, startUpload, UPLOAD_SILENCE_MS, type Upload, UploadStopped, untilWritten, withDigest } from './upload.ts';

/** An upload in chunks: where the next one goes, and how many bytes the registry holds. */
type Progress = { place: URL; held: number };

const MAX_RESTARTS = 2;
const PIECE = 256 * 1024;

/**
 * Sends a blob by PATCH requests of `chunkBytes` each and an empty PUT (distribution spec, "Pushing a blob in chunks").
 * After a break the registry is asked how far it is, and the rest of the chunk is sent: never more than one chunk twice.
 * An upload that it does not know any more, or cannot tell about, is started again, twice at most.
 * `unsupported` when the registry takes no chunks, or lost every upload; the whole blob then goes in one request.
 */
export async function sendChunks(upload: Upload, place: URL, chunkBytes: number): Promise<'written' | 'unsupported'> {
  let next = place;
  for (let restarts = 0; ; restarts += 1) {
    const why = await tryChunks(upload, { place: next, held: 0 }, chunkBytes);
    if (why === 'written' || why === 'unsupported') return why;
    if (restarts === MAX_RESTARTS) return 'unsupported';
    const started = await startUpload(upload);
    if (started === 'mounted') return 'written';
    next = started.url;
  }
}

async function tryChunks(upload: Upload, progress: Progress, chunkBytes: number): Promise<UploadStopped['why']> {
  try {
    for await (const chunk of chunksOf(upload.open(), chunkBytes)) await sendChunk(upload, progress, chunk);
    await untilWritten(() => close(upload, progress));
    return 'written';
  } catch (error) {
    if (error instanceof UploadStopped) return error.why;
    throw error;
  }
}

async function sendChunk(upload: Upload, progress: Progress, chunk: Buffer): Promise<void> {
  const start = progress.held;
  const end = start + chunk.length;
  while (progress.held < end) {
    const before = progress.held;
    try {
      await patch(upload, progress, chunk, start);
    } catch (error) {
      if (!(error instanceof UploadStopped) || error.why !== 'arrived') throw error;
    }
    if (progress.held <= before || progress.held > end) throw new UploadStopped('lost');
  }
}

/** One PATCH with what the registry does not hold of the chunk that begins at `start` of the blob. */
async function patch(upload: Upload, progress: Progress, chunk: Buffer, start: number): Promise<void> {
  const { session, repository, what } = upload;
  const end = start + chunk.length;
  const headers = (): Record<string, string> => ({
    'content-type': 'application/octet-stream',
    'content-length': String(end - progress.held),
    'content-range': `${progress.held}-${end - 1}`,
  });
  let isAgain = false;
  const response = await session.send({
    what,
    method: 'PATCH',
    repository,
    action: 'push',
    path: progress.place,
    // Sent again only after `renew` has asked how much of it arrived.
    retryable: true,
    headers: headers(),
    body: () => piecesOf(chunk.subarray(progress.held - start)),
    timeoutMs: UPLOAD_SILENCE_MS,
    renew: async () => {
      isAgain = true;
      await readProgress(upload, progress, start, end);
      if (progress.held === end) throw new UploadStopped('arrived');
      return { url: progress.place, headers: headers() };
    },
  });
  if (response.status === 401 || response.status === 403) throw await session.refuse(response, what, repository);
  if (response.status < 200 || response.status > 299) {
    if (!isAgain) throw new UploadStopped(response.status === 404 && start > 0 ? 'lost' : 'unsupported');
    // The registry may have told how far it is before it had read all of what the broken request brought.
    await readProgress(upload, progress, start, end);
    return;
  }
  moveOn(upload, progress, response);
  progress.held = heldBy(response) ?? end;
}

/** Asks how far the upload is (distribution spec, "GET <location>"). Throws UploadStopped `lost` when it is not within the chunk. */
async function readProgress(upload: Upload, progress: Progress, start: number, end: number): Promise<void> {
  const { session, repository, what } = upload;
  const response = await session.send({ what: `see how far it is to ${what}`, repository, action: 'push', path: progress.place });
  if (response.status === 401 || response.status === 403) throw await session.refuse(response, what, repository);
  const held = heldBy(response);
  // An upload without a byte is told as 0-0, like one with a single byte.
  const known = held === 1 && start === 0 ? 0 : held;
  if (response.status > 299 || known === undefined || known < start || known > end) throw new UploadStopped('lost');
  moveOn(upload, progress, response);
  progress.held = known;
}

async function close(upload: Upload, progress: Progress): Promise<void> {
  await putBytes(upload, progress.place, {
    length: 0,
    renew: async () => {
      if (await upload.isThere()) throw new UploadStopped('written');
      await readProgress(upload, progress, upload.size, upload.size);
      return { url: withDigest(progress.place, upload.digest) };
    },
  });
}

function moveOn({ session, repository }: Upload, progress: Progress, response: HttpResponse): void {
  const location = response.headers['location'];
  if (location !== undefined) progress.place = session.resolveUrl(repository, location, progress.place);
}

/** The number of bytes in a `Range: 0-<last>`, which is how registries tell progress. */
function heldBy(response: HttpResponse): number | undefined {
  const last = /^(?:bytes[= ])?0-(\d{1,15})$/.exec(response.headers['range'] ?? '')?.[1];
  return last === undefined ? undefined : Number(last) + 1;
}

/** The stream in chunks of `bytes` each, the last one shorter. All lie in one buffer: a chunk is valid until the next is asked for. */
async function* chunksOf(stream: AsyncIterable<Uint8Array>, bytes: number): AsyncGenerator<Buffer> {
  const buffer = Buffer.allocUnsafe(bytes);
  let length = 0;
  for await (const piece of stream) {
    for (let at = 0; at < piece.length; ) {
      const fits = piece.subarray(at, at + bytes - length);
      buffer.set(fits, length);
      at += fits.length;
      length += fits.length;
      if (length < bytes) continue;
      yield buffer;
      length = 0;
    }
  }
  if (length > 0) yield buffer.subarray(0, length);
}

/** In pieces, so that progress on the wire is seen. */
async function* piecesOf(chunk: Buffer): AsyncGenerator<Buffer> {
  for (let at = 0; at < chunk.length; at += PIECE) yield chunk.subarray(at, at + PIECE);
}
