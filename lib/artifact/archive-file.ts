// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import { type FileHandle, open } from 'node:fs/promises';
import { inputError } from '../errors/errors.ts';
import { openCompressedTar } from './compressed-tar.ts';
import { findFile, indexTar, type SeenContent, type TarCursor } from './tar-index.ts';

/** One file of an archive. `seen` is there when the index pass had to read its content anyway. */
export type ArchivedFile = { size: number; seen?: SeenContent | undefined; stream(): AsyncGenerator<Buffer> };

/** A tar on disk whose files can be read one by one, nothing unpacked. */
export type ArchiveFile = {
  /** The file of that name, links followed; undefined when there is none. */
  find(name: string): ArchivedFile | undefined;
};

const READ_CHUNK_SIZE = 256 * 1024;

/**
 * Indexes a tar or gzip-compressed tar in one pass. Files of a plain tar are then read at their offset, those of a compressed one by inflating up to
 * them (see `openCompressedTar`). Throws input ARCHIVE_* (see `indexTar`) or INPUT_UNREADABLE.
 */
export async function openArchiveFile(file: string): Promise<ArchiveFile> {
  const what = `archive ${file}`;
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw inputError('INPUT_UNREADABLE', `${what} cannot be opened: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  });
  try {
    const size = (await handle.stat()).size;
    const magic = (await handle.read({ buffer: Buffer.alloc(2), position: 0 })).buffer;
    const isCompressed = magic[0] === 0x1f && magic[1] === 0x8b;
    const plain = async () => ({
      index: await indexTar(plainCursor(handle, size), what),
      range: (offset: number, length: number) => plainRange(file, offset, length),
    });
    const { index, range } = isCompressed ? await openCompressedTar(file, what) : await plain();
    return {
      find(name) {
        const found = findFile(index, name);
        return found && { size: found.size, seen: found.seen, stream: () => range(found.offset, found.size) };
      },
    };
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

async function* plainRange(file: string, offset: number, size: number): AsyncGenerator<Buffer> {
  if (size === 0) return;
  yield* createReadStream(file, { start: offset, end: offset + size - 1, highWaterMark: READ_CHUNK_SIZE });
}
