// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { createGunzip } from 'node:zlib';
import { inputError } from '../errors/errors.ts';
import { findFile, indexTar, type TarCursor, type TarIndex, truncatedArchive } from './tar-index.ts';

/** A tar on disk whose files can be read one by one, nothing unpacked. */
export type ArchiveFile = {
  index: TarIndex;
  /** The bytes of the file of that name, links followed; undefined when there is none. */
  find(name: string): { size: number; stream(): AsyncGenerator<Buffer> } | undefined;
};

/** Node's default of 16 KiB makes inflate 2.5 times slower. */
export const INFLATE_CHUNK_SIZE = 256 * 1024;
const READ_CHUNK_SIZE = 256 * 1024;

/**
 * Indexes a tar or gzip-compressed tar in one pass. Files of a plain tar are then read at their offset; those of a compressed one by inflating
 * from the start, so reading all layers costs one inflation each. Throws input ARCHIVE_* (see `indexTar`) or INPUT_UNREADABLE.
 */
export async function openArchiveFile(file: string): Promise<ArchiveFile> {
  const what = `archive ${file}`;
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw inputError('INPUT_UNREADABLE', `${what} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  try {
    const size = (await handle.stat()).size;
    const magic = (await handle.read({ buffer: Buffer.alloc(2), position: 0 })).buffer;
    const compressed = magic[0] === 0x1f && magic[1] === 0x8b;
    const index = compressed ? await indexCompressed(file, what) : await indexTar(plainCursor(handle, size), what);
    const read = compressed ? inflatedRange : plainRange;
    const find: ArchiveFile['find'] = (name) => {
      const found = findFile(index, name);
      return found && { size: found.size, stream: () => read(file, found.offset, found.size, what) };
    };
    return { index, find };
  } finally {
    await handle.close();
  }
}

function plainCursor(handle: FileHandle, size: number): TarCursor {
  let position = 0;
  return {
    async read(length) {
      const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(length), position });
      position += bytesRead;
      return buffer.subarray(0, bytesRead);
    },
    async skip(length) {
      position += length;
      return position <= size;
    },
  };
}

async function indexCompressed(file: string, what: string): Promise<TarIndex> {
  const chunks = inflate(file, what);
  try {
    return await indexTar(streamCursor(chunks), what);
  } finally {
    await chunks.return(undefined);
  }
}

function streamCursor(chunks: AsyncIterator<Buffer>): TarCursor {
  let rest: Buffer = Buffer.alloc(0);
  const fill = async (): Promise<boolean> => {
    const next = await chunks.next();
    if (next.done === true) return false;
    rest = next.value;
    return true;
  };
  return {
    async read(length) {
      const parts: Buffer[] = [];
      let missing = length;
      while (missing > 0 && (rest.length > 0 || (await fill()))) {
        const part = rest.subarray(0, missing);
        parts.push(part);
        rest = rest.subarray(part.length);
        missing -= part.length;
      }
      return Buffer.concat(parts);
    },
    async skip(length) {
      let missing = length;
      while (missing > 0 && (rest.length > 0 || (await fill()))) {
        const step = Math.min(missing, rest.length);
        rest = rest.subarray(step);
        missing -= step;
      }
      return missing === 0;
    },
  };
}

async function* plainRange(file: string, offset: number, size: number): AsyncGenerator<Buffer> {
  if (size === 0) return;
  yield* createReadStream(file, { start: offset, end: offset + size - 1, highWaterMark: READ_CHUNK_SIZE });
}

async function* inflatedRange(file: string, offset: number, size: number, what: string): AsyncGenerator<Buffer> {
  let position = 0;
  for await (const chunk of inflate(file, what)) {
    const part = chunk.subarray(Math.max(0, offset - position), Math.max(0, offset + size - position));
    position += chunk.length;
    if (part.length > 0) yield part;
    if (position >= offset + size) return;
  }
}

async function* inflate(file: string, what: string): AsyncGenerator<Buffer> {
  const source = createReadStream(file, { highWaterMark: READ_CHUNK_SIZE });
  const gunzip = createGunzip({ chunkSize: INFLATE_CHUNK_SIZE });
  source.on('error', (error) => gunzip.destroy(error));
  try {
    yield* source.pipe(gunzip);
  } catch (cause) {
    throw truncatedArchive(what, `its gzip stream cannot be read (${cause instanceof Error ? cause.message : String(cause)})`, cause);
  } finally {
    source.destroy();
    gunzip.destroy();
  }
}
