// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import { bugError, inputError } from '../../../lib/errors/errors.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { syncDirectory } from './durable-file.ts';

/** The entries of the log on disk, one canonical JSON entry a line, only ever appended to. */
export type Journal = {
  /** Resolves when the entries are on disk for good; rejects with none of them kept. Calls must not overlap. */
  append(entries: readonly Buffer[]): Promise<void>;
  /** The entries from index `start` up to, not including, `end`. */
  read(start: number, end: number): Promise<Buffer[]>;
  close(): Promise<void>;
};

const LINE_FEED = 0x0a;

/**
 * Opens the journal and gives the entries in it. Behind the first `published` entries, which a checkpoint vouches for, a crash may have left
 * a torn write: from the first line there that is not whole, everything is cut off, as nobody was ever told of it.
 * Throws input LOG_JOURNAL_DAMAGED when there are fewer whole entries than published.
 */
export async function openJournal(path: string, published: number, log: Logger): Promise<{ journal: Journal; entries: Buffer[] }> {
  const file = await open(path, 'a+', 0o644);
  const content = await file.readFile();
  const entries: Buffer[] = [];
  const ends: number[] = [];
  for (let start = 0; start < content.length; ) {
    const end = content.indexOf(LINE_FEED, start);
    const entry = content.subarray(start, end);
    if (end < 0 || (entries.length >= published && !isEntry(entry))) break;
    entries.push(entry);
    ends.push(end + 1);
    start = end + 1;
  }
  if (entries.length < published) {
    await file.close();
    throw inputError('LOG_JOURNAL_DAMAGED', `${path} holds ${entries.length} entries, but the log published ${published}`, {
      hint: 'restore the directory from a backup; a log must never forget entries',
    });
  }
  const size = ends.at(-1) ?? 0;
  if (size < content.length) {
    log.warn('cut off a torn write at the end of the log', { file: path, bytes: content.length - size });
    await file.truncate(size);
  }
  await file.sync();
  await syncDirectory(dirname(path));
  return { journal: journalOf(file, ends, path), entries };
}

function journalOf(file: FileHandle, ends: number[], path: string): Journal {
  const sizeAt = (count: number): number => (count === 0 ? 0 : (ends[count - 1] ?? Number.NaN));
  return {
    async append(entries) {
      const before = sizeAt(ends.length);
      if ((await file.stat()).size !== before) throw bugError('LOG_JOURNAL_SHARED', `another process writes to ${path}`);
      try {
        await file.appendFile(Buffer.concat(entries.flatMap((entry) => [entry, Buffer.from([LINE_FEED])])));
        await file.sync();
      } catch (error) {
        await file.truncate(before);
        throw error;
      }
      for (const entry of entries) ends.push(sizeAt(ends.length) + entry.length + 1);
    },
    async read(start, end) {
      const offset = sizeAt(start);
      const bytes = Buffer.alloc(sizeAt(end) - offset);
      const { bytesRead } = await file.read(bytes, 0, bytes.length, offset);
      if (bytesRead !== bytes.length) throw bugError('LOG_JOURNAL_SHARED', `${path} became shorter`);
      return Array.from({ length: end - start }, (_, i) => bytes.subarray(sizeAt(start + i) - offset, sizeAt(start + i + 1) - offset - 1));
    },
    close: () => file.close(),
  };
}

function isEntry(line: Buffer): boolean {
  try {
    return typeof JSON.parse(line.toString('utf8')) === 'object';
  } catch {
    // A torn line is what this looks for.
    return false;
  }
}
