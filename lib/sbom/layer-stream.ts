// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { pipeline, Readable, type Transform } from 'node:stream';
import { createGunzip, createZstdDecompress } from 'node:zlib';
import { inputError, StepError, transientError } from '../errors/errors.ts';

/** Node's default of 16 KiB makes inflate 2.5 times slower. */
const CHUNK_SIZE = 256 * 1024;

/**
 * The unpacked bytes of a layer blob. The compression is told by the first bytes (gzip, zstd, else none), not by the media type, which builders get
 * wrong. Errors of `blob` (such as denied DIGEST_MISMATCH) pass through; what cannot be inflated is input LAYER_CORRUPT.
 */
export async function* unpackLayer(blob: AsyncIterable<Buffer>, what: string): AsyncGenerator<Buffer> {
  const chunks = blob[Symbol.asyncIterator]();
  try {
    const first = await chunks.next();
    if (first.done === true) return;
    const transform = decompressor(first.value);
    const all = rejoined(first.value, chunks);
    if (transform === undefined) yield* all;
    else yield* inflate(all, transform, what);
  } finally {
    await chunks.return?.();
  }
}

function decompressor(head: Buffer): Transform | undefined {
  if (head[0] === 0x1f && head[1] === 0x8b) return createGunzip({ chunkSize: CHUNK_SIZE });
  return head.subarray(0, 4).toString('hex') === '28b52ffd' ? createZstdDecompress({ chunkSize: CHUNK_SIZE }) : undefined;
}

async function* rejoined(first: Buffer, rest: AsyncIterator<Buffer>): AsyncGenerator<Buffer> {
  yield first;
  for (let next = await rest.next(); next.done !== true; next = await rest.next()) yield next.value;
}

async function* inflate(compressed: AsyncIterable<Buffer>, transform: Transform, what: string): AsyncGenerator<Buffer> {
  // The callback only keeps the error from being thrown twice: iterating the transform throws it.
  pipeline(Readable.from(compressed, { objectMode: false, highWaterMark: CHUNK_SIZE }), transform, () => {});
  try {
    yield* transform;
  } catch (cause) {
    if (cause instanceof StepError) throw cause;
    const why = cause instanceof Error ? cause.message : String(cause);
    throw inputError('LAYER_CORRUPT', `${what} cannot be decompressed (${why}): it is damaged or not what its digest names`, { cause });
  }
}

/** Passes unpacked bytes to `push` within the bounds and gives the diffID `sha256:<hex>` over them. Throws transient ABORTED when the signal fires. */
export async function readLayer(
  unpacked: AsyncIterable<Buffer>,
  push: (chunk: Buffer) => void,
  guard: { signal: AbortSignal | undefined; what: string },
): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of unpacked) {
    if (guard.signal?.aborted === true) throw transientError('ABORTED', `reading ${guard.what} was stopped: time is up`, { cause: guard.signal.reason });
    hash.update(chunk);
    push(chunk);
  }
  return `sha256:${hash.digest('hex')}`;
}
