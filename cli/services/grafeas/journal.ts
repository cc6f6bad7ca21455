// SPDX-License-Identifier: Apache-2.0
import { type FileHandle, mkdir, open } from 'node:fs/promises';
import { dirname } from 'node:path';
import * as z from 'zod';
import { bugError, inputError } from '../../../lib/errors/errors.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { syncDirectory } from '../log/durable-file.ts';

const Entity = z.looseObject({ name: z.string().min(1) });

/** A note or occurrence as it was created, the server's own members included. */
export type Entity = z.infer<typeof Entity>;
const Line = z.union([z.strictObject({ note: Entity }), z.strictObject({ occurrence: Entity })]);
export type JournalEntry = z.infer<typeof Line>;

/** All that was ever created, one JSON object a line, in order and only appended to. */
export type Journal = {
  /** Resolves when the entries are on disk for good; rejects with none of them kept. Calls must not overlap. */
  append(entries: readonly JournalEntry[]): Promise<void>;
  close(): Promise<void>;
};

/**
 * Opens the journal, made when missing, and gives what it holds. A torn write at its end, of which nobody was ever told, is cut off.
 * Throws input GRAFEAS_JOURNAL_DAMAGED when a line before the last cannot be read.
 */
export async function openJournal(path: string, log: Logger): Promise<{ journal: Journal; entries: JournalEntry[] }> {
  await mkdir(dirname(path), { recursive: true, mode: 0o700 });
  const file = await open(path, 'a+', 0o644);
  try {
    const content = await file.readFile();
    const end = content.lastIndexOf('\n') + 1;
    const lines = content.subarray(0, end).toString('utf8').split('\n').slice(0, -1);
    const entries = lines.map((line, index) => readLine(line, `${path} line ${index + 1}`));
    if (end < content.length) {
      log.warn('cut off a torn write at the end of the journal', { file: path, bytes: content.length - end });
      await file.truncate(end);
    }
    await file.sync();
    await syncDirectory(dirname(path));
    return { journal: journalOf(file, end, path), entries };
  } catch (error) {
    await file.close();
    throw error;
  }
}

function readLine(line: string, place: string): JournalEntry {
  try {
    return Line.parse(JSON.parse(line));
  } catch (cause) {
    throw inputError('GRAFEAS_JOURNAL_DAMAGED', `${place} cannot be read`, {
      cause,
      hint: 'restore the directory from a backup, or give the service an empty one',
    });
  }
}

function journalOf(file: FileHandle, opened: number, path: string): Journal {
  let size = opened;
  return {
    async append(entries) {
      if ((await file.stat()).size !== size) throw bugError('GRAFEAS_JOURNAL_SHARED', `another process writes to ${path}`);
      const bytes = Buffer.from(entries.map((entry) => `${JSON.stringify(entry)}\n`).join(''));
      try {
        await file.appendFile(bytes);
        await file.sync();
      } catch (error) {
        await file.truncate(size);
        throw error;
      }
      size += bytes.length;
    },
    close: () => file.close(),
  };
}
