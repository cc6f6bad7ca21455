// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { createGunzip } from 'node:zlib';
import { indexTar, type SeenContent, type TarCursor, type TarIndex, truncatedArchive } from './tar-index.ts';

/** Node's default of 16 KiB makes inflate 2.5 times slower. */
const CHUNK_SIZE = 256 * 1024;
const HEAD_LENGTH = 16;

/** A position in the unpacked bytes of a gzip file; it only goes forward. */
type Inflation = {
  readonly position: number;
  /** The next bytes, at most `limit`; undefined at the end. */
  next(limit: number): Promise<Buffer | undefined>;
  close(): Promise<void>;
};

/** A gzip-compressed tar: its index, made in one pass that also takes every file's digest, and ranges of the unpacked bytes. */
export type CompressedTar = { index: TarIndex; range(offset: number, size: number): AsyncGenerator<Buffer> };

/**
 * Opens a gzip-compressed tar. A range is read by inflating up to it; one behind the last goes on from there, so that files read in the order of the
 * archive cost one inflation in all. Throws input ARCHIVE_* as `indexTar`.
 */
export async function openCompressedTar(file: string, what: string): Promise<CompressedTar> {
  const first = startInflation(file, what);
  const index = await indexTar(inflatingCursor(first), what).finally(() => first.close());
  let parked: Inflation | undefined;
  async function* range(offset: number, size: number): AsyncGenerator<Buffer> {
    const usable = parked !== undefined && parked.position <= offset ? parked : undefined;
    if (usable === undefined) await parked?.close();
    parked = undefined;
    const inflation = usable ?? startInflation(file, what);
    try {
      while (inflation.position < offset) if ((await inflation.next(offset - inflation.position)) === undefined) return;
      const end = offset + size;
      for (let part = await nextBefore(inflation, end); part !== undefined; part = await nextBefore(inflation, end)) yield part;
    } finally {
      if (parked === undefined) parked = inflation;
      else await inflation.close();
    }
  }
  return { index, range };
}

function nextBefore(inflation: Inflation, end: number): Promise<Buffer | undefined> {
  return inflation.position < end ? inflation.next(end - inflation.position) : Promise.resolve(undefined);
}

function startInflation(file: string, what: string): Inflation {
  const source = createReadStream(file, { highWaterMark: CHUNK_SIZE });
  const gunzip = createGunzip({ chunkSize: CHUNK_SIZE });
  source.on('error', (error) => gunzip.destroy(error));
  const chunks: AsyncIterator<Buffer> = source.pipe(gunzip)[Symbol.asyncIterator]();
  let rest: Buffer = Buffer.alloc(0);
  let position = 0;
  const fill = async (): Promise<boolean> => {
    const next = await chunks.next().catch((cause: unknown) => {
      throw truncatedArchive(what, `its gzip stream cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, cause);
    });
    if (next.done !== true) rest = next.value;
    return next.done !== true;
  };
  return {
    get position() {
      return position;
    },
    async next(limit) {
      while (rest.length === 0) if (!(await fill())) return undefined;
      const part = rest.subarray(0, limit);
      rest = rest.subarray(part.length);
      position += part.length;
      return part;
    },
    async close() {
      source.destroy();
      gunzip.destroy();
    },
  };
}

function inflatingCursor(inflation: Inflation): TarCursor {
  /** Takes `length` bytes in parts; false when they were not all there. */
  const take = async (length: number, use: (part: Buffer) => void): Promise<boolean> => {
    for (let missing = length; missing > 0; ) {
      const part = await inflation.next(missing);
      if (part === undefined) return false;
      use(part);
      missing -= part.length;
    }
    return true;
  };
  return {
    async read(length) {
      const parts: Buffer[] = [];
      await take(length, (part) => parts.push(part));
      return Buffer.concat(parts);
    },
    skip: (length) => take(length, () => {}),
    async digest(length): Promise<SeenContent | undefined> {
      const hash = createHash('sha256');
      let head = Buffer.alloc(0);
      const whole = await take(length, (part) => {
        if (head.length < HEAD_LENGTH) head = Buffer.concat([head, part.subarray(0, HEAD_LENGTH - head.length)]);
        hash.update(part);
      });
      return whole ? { digest: `sha256:${hash.digest('hex')}`, head } : undefined;
    },
  };
}
