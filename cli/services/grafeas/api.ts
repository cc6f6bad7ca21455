// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { Entity } from './journal.ts';
import type { NewEntity, OccurrenceStore } from './occurrence-store.ts';

export type ApiRequest = { method: string; path: string; query: URLSearchParams; body: () => Promise<unknown> };
export type ApiReply = { status: number; body: unknown };

const DEFAULT_PAGE = 20;
const MAX_PAGE = 1000;
const MAX_BATCH = 1000;
const PATH = /^\/v1beta1\/(projects\/[A-Za-z0-9._~:-]+)\/(notes|occurrences)(?:\/([A-Za-z0-9._~-]+)(\/occurrences|\/notes)?|(:batchCreate))?$/;
const NOTE_ID = /^[A-Za-z0-9._~-]+$/;
const NOTE_NAME = /^projects\/[^/]+\/notes\/[^/]+$/;

const KINDS = ['VULNERABILITY', 'BUILD', 'IMAGE', 'PACKAGE', 'DEPLOYMENT', 'DISCOVERY', 'ATTESTATION', 'INTOTO', 'SBOM', 'SBOM_REFERENCE'] as const;
const NOTE_TYPES = ['vulnerability', 'build', 'baseImage', 'package', 'deployable', 'discovery', 'attestationAuthority', 'intoto', 'sbom', 'sbomReference'];
const DETAILS = ['vulnerability', 'build', 'derivedImage', 'installation', 'deployment', 'discovered', 'attestation', 'intoto', 'sbom', 'sbomReference'];

const shape = (members: readonly string[]) => Object.fromEntries(members.map((name) => [name, z.record(z.string(), z.unknown()).optional()]));
const serverSide = { name: z.string().optional(), createTime: z.string().optional(), updateTime: z.string().optional() };
const Note = z
  .strictObject({
    ...serverSide,
    kind: z.enum(KINDS).optional(),
    shortDescription: z.string().optional(),
    longDescription: z.string().optional(),
    relatedUrl: z.array(z.unknown()).optional(),
    ...shape(NOTE_TYPES),
  })
  .refine((note) => oneOf(note, NOTE_TYPES), 'exactly one type is required');
const Occurrence = z
  .strictObject({
    ...serverSide,
    kind: z.enum(KINDS).optional(),
    noteName: z.string().regex(NOTE_NAME, 'must be projects/P/notes/N'),
    resource: z.strictObject({ uri: z.string().min(1) }),
    remediation: z.string().optional(),
    envelope: z.record(z.string(), z.unknown()).optional(),
    ...shape(DETAILS),
  })
  .refine((occurrence) => oneOf(occurrence, DETAILS), 'exactly one kind of details is required');
const NoteBatch = z.strictObject({ parent: z.string().optional(), notes: z.record(z.string().min(1), Note) });
const OccurrenceBatch = z.strictObject({ parent: z.string().optional(), occurrences: z.array(Occurrence).min(1).max(MAX_BATCH) });

/** Names and numbers of google.rpc.Code by HTTP status, as the reference server's gateway answers. */
const RPC_CODE: Record<number, number> = { 400: 3, 404: 5, 409: 6, 405: 12, 413: 8 };

/** An answer that says no, in the form of the reference server. */
export function failure(status: number, message: string): ApiReply {
  return { status, body: { code: RPC_CODE[status] ?? 2, message } };
}

/**
 * The part of Grafeas v1beta1 that the suite needs (grafeas v0.2.3, proto/v1beta1): create, batch create, get and list notes and occurrences, occurrences of a
 * note, the note of an occurrence. As there: filters are ignored, equal occurrences are kept twice, pages are 20 unless asked and 1000 at most, tokens are offsets.
 * Not as there: an occurrence needs its note, as with Google's service, and the details of a kind are not checked.
 */
export async function answer(store: OccurrenceStore, request: ApiRequest): Promise<ApiReply> {
  const [, parent = '', kind = '', id, below, batch] = PATH.exec(request.path) ?? [];
  if (parent === '') return failure(404, 'Not Found');
  if (batch !== undefined) return request.method === 'POST' ? createBatch(store, request, parent, kind) : failure(405, 'Method Not Allowed');
  if (id === undefined && request.method === 'POST') return createOne(store, request, parent, kind);
  if (request.method !== 'GET') return failure(405, 'Method Not Allowed');
  if (id === undefined) return page(kind, kind === 'notes' ? store.notes(parent) : store.occurrences({ parent }), request.query);
  const name = `${parent}/${kind}/${id}`;
  const entity = kind === 'notes' ? store.note(name) : store.occurrence(name);
  if (!entity) return failure(404, `${kind === 'notes' ? 'Note' : 'Occurrence'} with name "${name}" does not exist`);
  if (below === undefined) return { status: 200, body: entity };
  if (kind === 'notes') return below === '/occurrences' ? page('occurrences', store.occurrences({ noteName: name }), request.query) : failure(404, 'Not Found');
  const note = below === '/notes' ? store.note(String(entity['noteName'])) : undefined;
  return note ? { status: 200, body: note } : failure(404, 'Not Found');
}

async function createOne(store: OccurrenceStore, request: ApiRequest, parent: string, kind: string): Promise<ApiReply> {
  if (kind === 'notes') {
    const id = request.query.get('noteId') ?? request.query.get('note_id') ?? '';
    if (!NOTE_ID.test(id)) return failure(400, 'a noteId of letters, digits and ._~- must be specified');
    const read = Note.safeParse(await request.body());
    if (!read.success) return invalid('note', read.error);
    const [created] = await store.addNotes(new Map([[`${parent}/notes/${id}`, read.data]]));
    return created ? { status: 200, body: created } : failure(409, `Note with name "${parent}/notes/${id}" already exists`);
  }
  const read = Occurrence.safeParse(await request.body());
  if (!read.success) return invalid('occurrence', read.error);
  return addOccurrences(store, parent, [read.data], ([only]) => only);
}

async function createBatch(store: OccurrenceStore, request: ApiRequest, parent: string, kind: string): Promise<ApiReply> {
  if (kind === 'notes') {
    const read = NoteBatch.safeParse(await request.body());
    if (!read.success) return invalid('batch', read.error);
    const created = await store.addNotes(new Map(Object.entries(read.data.notes).map(([id, note]) => [`${parent}/notes/${id}`, note])));
    return { status: 200, body: created.length > 0 ? { notes: created } : {} };
  }
  const read = OccurrenceBatch.safeParse(await request.body());
  if (!read.success) return invalid('batch', read.error);
  return addOccurrences(store, parent, read.data.occurrences, (occurrences) => ({ occurrences }));
}

async function addOccurrences(
  store: OccurrenceStore,
  parent: string,
  occurrences: readonly (NewEntity & { noteName: string })[],
  body: (created: Entity[]) => unknown,
): Promise<ApiReply> {
  const orphan = occurrences.find(({ noteName }) => store.note(noteName) === undefined);
  if (orphan) return failure(404, `Note with name "${orphan.noteName}" does not exist`);
  return { status: 200, body: body(await store.addOccurrences(parent, occurrences)) };
}

/** Empty lists and tokens are left out, as protobuf's JSON leaves them out. */
function page(kind: string, entities: Entity[], query: URLSearchParams): ApiReply {
  const asked = Number(query.get('pageSize') ?? query.get('page_size') ?? 0);
  if (!Number.isInteger(asked) || asked < 0 || asked > MAX_PAGE) return failure(400, `page size must be between 0 and ${MAX_PAGE}`);
  const size = asked === 0 ? DEFAULT_PAGE : asked;
  const start = Number(query.get('pageToken') ?? query.get('page_token') ?? 0);
  if (!Number.isInteger(start) || start < 0) return failure(400, 'the page token is none that this server gave');
  const items = entities.slice(start, start + size);
  const next = start + items.length;
  return { status: 200, body: { ...(items.length > 0 && { [kind]: items }), ...(next < entities.length && { nextPageToken: String(next) }) } };
}

function oneOf(value: Record<string, unknown>, members: readonly string[]): boolean {
  return members.filter((member) => value[member] !== undefined).length === 1;
}

function invalid(what: string, error: z.ZodError): ApiReply {
  const [issue] = error.issues;
  return failure(400, `${what} is invalid: ${[issue?.path.join('.'), issue?.message].filter(Boolean).join(': ')}`);
}
