// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import type { Logger } from '../../../lib/log/log.ts';
import { type Entity, type JournalEntry, openJournal } from './journal.ts';

export type NewEntity = Record<string, unknown>;

/** Notes and occurrences on disk; all of them are in memory, too. */
export type OccurrenceStore = {
  note(name: string): Entity | undefined;
  occurrence(name: string): Entity | undefined;
  /** Those of a project (`projects/P`), by name. */
  notes(parent: string): Entity[];
  /** Those of a project, or of a note when it is named, by name. */
  occurrences(of: { parent: string } | { noteName: string }): Entity[];
  /** Creates notes under their full names; those that are there already are left out of the answer. */
  addNotes(notes: ReadonlyMap<string, NewEntity>): Promise<Entity[]>;
  /** Creates occurrences under new names, all or none. */
  addOccurrences(parent: string, occurrences: readonly NewEntity[]): Promise<Entity[]>;
  close(): Promise<void>;
};

/** Opens the store in the journal at `path`. Throws what openJournal throws. */
export async function openOccurrenceStore(path: string, log: Logger, now: () => Date): Promise<OccurrenceStore> {
  const { journal, entries } = await openJournal(path, log);
  const notes = new Map<string, Entity>();
  const occurrences = new Map<string, Entity>();
  const keep = (entry: JournalEntry): void => {
    if ('note' in entry) notes.set(entry.note.name, entry.note);
    else occurrences.set(entry.occurrence.name, entry.occurrence);
  };
  for (const entry of entries) keep(entry);
  let last: Promise<unknown> = Promise.resolve();
  const inTurn = <T>(work: () => Promise<T>): Promise<T> => {
    const turn = last.then(work);
    last = turn.catch(() => undefined);
    return turn;
  };
  const commit = async (fresh: readonly JournalEntry[]): Promise<void> => {
    if (fresh.length > 0) await journal.append(fresh);
    for (const entry of fresh) keep(entry);
  };
  const stamp = (entity: NewEntity, name: string): Entity => ({ ...entity, name, createTime: now().toISOString(), updateTime: now().toISOString() });
  return {
    note: (name) => notes.get(name),
    occurrence: (name) => occurrences.get(name),
    notes: (parent) => sorted([...notes.values()].filter(({ name }) => name.startsWith(`${parent}/notes/`))),
    occurrences: (of) =>
      sorted([...occurrences.values()].filter((one) => ('parent' in of ? one.name.startsWith(`${of.parent}/occurrences/`) : one['noteName'] === of.noteName))),
    addNotes: (wanted) =>
      inTurn(async () => {
        const fresh = [...wanted].filter(([name]) => !notes.has(name)).map(([name, note]) => stamp(note, name));
        await commit(fresh.map((note) => ({ note })));
        return fresh;
      }),
    addOccurrences: (parent, wanted) =>
      inTurn(async () => {
        const fresh = wanted.map((occurrence) => stamp(occurrence, `${parent}/occurrences/${randomUUID()}`));
        await commit(fresh.map((occurrence) => ({ occurrence })));
        return fresh;
      }),
    async close() {
      await last;
      await journal.close();
    },
  };
}

function sorted(entities: Entity[]): Entity[] {
  return entities.sort((a, b) => (a.name < b.name ? -1 : 1));
}
