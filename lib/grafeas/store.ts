// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import { redactUrl } from '../log/redact.ts';
import type { Grafeas } from './client.ts';
import type { Occurrence, StoredOccurrence } from './occurrence.ts';
import { bareUri } from './resource-uri.ts';
import { encodeWire } from './wire.ts';

/** What stands in the store now: what was there already and what was added, as the server names it. */
export type StoreOutcome = { present: StoredOccurrence[]; created: StoredOccurrence[] };

const MAX_BATCH = 100;
const MAX_BATCH_BYTES = 2 * 1024 * 1024;

type Asked = { occurrence: Occurrence; key: string };

/**
 * Makes sure that the project holds these occurrences, and adds only those that it does not. Nothing is ever changed or removed: the reference server's
 * PATCH replaces the whole and ignores its mask. What is there is found by listing each note and comparing resource (whatever its scheme) and content.
 * What the server says it created is counted by content; anything missing is looked for, and sent once more by itself, so that the server says what is wrong with it.
 * Throws refused GRAFEAS_INCOMPLETE when the server confirms and does not keep it, and what the client throws. Two writers at the same moment can
 * both add one: Grafeas has no condition for a create.
 */
export async function storeOccurrences(grafeas: Grafeas, occurrences: readonly Occurrence[]): Promise<StoreOutcome> {
  const asked = [...new Map(occurrences.map((occurrence) => [keyOf(grafeas.expected(occurrence)), occurrence])).entries()].map(
    ([key, occurrence]): Asked => ({ key, occurrence }),
  );
  const outcome: StoreOutcome = { present: [], created: [] };
  const missing: Asked[] = [];
  for (const group of byNote(asked)) {
    const isNew = await grafeas.ensureNote(group[0].occurrence);
    const there = isNew ? new Map<string, StoredOccurrence>() : await findStored(grafeas, group);
    outcome.present.push(...there.values());
    missing.push(...group.filter(({ key }) => !there.has(key)));
  }
  for (const batch of batches(grafeas, missing)) outcome.created.push(...(await createBatch(grafeas, batch)));
  return outcome;
}

/** The equal occurrence that the store holds already, undefined when it holds none. Makes its note where there is none. */
export async function findOccurrence(grafeas: Grafeas, occurrence: Occurrence): Promise<StoredOccurrence | undefined> {
  if (await grafeas.ensureNote(occurrence)) return undefined;
  const key = keyOf(grafeas.expected(occurrence));
  return (await findStored(grafeas, [{ occurrence, key }])).get(key);
}

async function createBatch(grafeas: Grafeas, batch: readonly Asked[]): Promise<StoredOccurrence[]> {
  const found = byKey(await grafeas.create(batch.map(({ occurrence }) => occurrence)));
  const doubtful = batch.filter(({ key }) => !found.has(key));
  for (const group of byNote(doubtful)) for (const [key, stored] of await findStored(grafeas, group)) found.set(key, stored);
  for (const { occurrence, key } of doubtful) {
    if (found.has(key)) continue;
    const [stored] = batch.length > 1 ? await grafeas.create([occurrence]) : [];
    if (stored === undefined || keyOf(stored) !== key) throw incomplete(grafeas, occurrence);
    found.set(key, stored);
  }
  return batch.flatMap(({ key }) => found.get(key) ?? []);
}

/** Of the occurrences of one note, those that the server holds, by key. */
async function findStored(grafeas: Grafeas, group: readonly Asked[]): Promise<Map<string, StoredOccurrence>> {
  const wanted = new Set(group.map(({ key }) => key));
  const found = new Map<string, StoredOccurrence>();
  for (const uri of new Set(group.map(({ occurrence }) => occurrence.resourceUri))) {
    const noteId = group[0]?.occurrence.noteId ?? '';
    for await (const stored of grafeas.ofNote(noteId, uri)) {
      const key = keyOf(stored);
      if (wanted.has(key) && !found.has(key)) found.set(key, stored);
    }
  }
  return found;
}

function byKey(stored: readonly StoredOccurrence[]): Map<string, StoredOccurrence> {
  return new Map(stored.map((one) => [keyOf(one), one]));
}

/** Servers may name the project of a note in another way than they were asked, by its number for example; the note itself keeps its id. */
function keyOf({ noteName, resourceUri, identity }: StoredOccurrence): string {
  return JSON.stringify([noteName.slice(noteName.lastIndexOf('/') + 1), bareUri(resourceUri), identity]);
}

function byNote(asked: readonly Asked[]): [Asked, ...Asked[]][] {
  const groups = Map.groupBy(asked, ({ occurrence }) => occurrence.noteId);
  return [...groups.values()].filter((group): group is [Asked, ...Asked[]] => group.length > 0);
}

/** In pieces that fit a request: the reference server takes at most 4 MiB. */
function batches(grafeas: Grafeas, asked: readonly Asked[]): Asked[][] {
  const all: Asked[][] = [];
  let size = 0;
  for (const one of asked) {
    const bytes = encodeWire(grafeas.expected(one.occurrence).wire, `store an occurrence of note ${one.occurrence.noteId}`).length;
    const current = all.at(-1);
    if (current !== undefined && current.length < MAX_BATCH && size + bytes <= MAX_BATCH_BYTES) {
      current.push(one);
      size += bytes;
    } else {
      all.push([one]);
      size = bytes;
    }
  }
  return all;
}

function incomplete(grafeas: Grafeas, { noteId, resourceUri, content }: Occurrence): Error {
  return refusedError(
    'GRAFEAS_INCOMPLETE',
    `${redactUrl(grafeas.url)} confirmed an occurrence of note ${noteId} about ${resourceUri} and did not keep it as sent`,
    {
      hint: `the server may be too old for the kind ${content.kind}; the occurrences before it are stored`,
    },
  );
}
