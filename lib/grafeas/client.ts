// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { refusedError, type StepError } from '../errors/errors.ts';
import type { Http, HttpResponse } from '../http/http.ts';
import { type RefusalOptions, refusal } from '../http/refusal.ts';
import { redactUrl } from '../log/redact.ts';
import { v1 } from './codec-v1.ts';
import { v1beta1 } from './codec-v1beta1.ts';
import type { Occurrence, StoredOccurrence } from './occurrence.ts';
import { listPages } from './paging.ts';
import { type Codec, encodeWire, type Wire } from './wire.ts';

export type ApiVersion = Codec['api'];

/** How requests are authorised: a bearer token, or nothing but what the connection shows. `name` says in messages what was used, never the value. */
export type Authorization = { bearer: string | undefined; name: string };

export type GrafeasOptions = {
  http: Http;
  /** Base URL without a trailing slash. */
  url: string;
  /** `P`, or `P/locations/L` where occurrences are kept by region. */
  project: string;
  api: ApiVersion | 'auto';
  authorization: Authorization;
};

/** A project of a metadata store, whichever version of the API it speaks. */
export type Grafeas = {
  api: ApiVersion;
  url: string;
  parent: string;
  /** Makes sure of the note that the occurrence hangs on; true when it was not there before. */
  ensureNote(occurrence: Occurrence): Promise<boolean>;
  /** Occurrences of a note, of one resource where the server filters; a caller compares the resource all the same. */
  ofNote(noteId: string, resourceUri: string): AsyncIterable<StoredOccurrence>;
  /** Occurrences of the project, of one resource where the server filters. */
  ofProject(resourceUri?: string): AsyncIterable<StoredOccurrence>;
  /** Creates them, at most 1000 at a time, and gives those that the server says it created: fewer when it swallowed some. */
  create(occurrences: readonly Occurrence[]): Promise<StoredOccurrence[]>;
  /** The occurrence as the server would give it back, but for its name. */
  expected(occurrence: Occurrence): StoredOccurrence;
};

const CODECS: Record<ApiVersion, Codec> = { v1, v1beta1 };
const MAX_ANSWER = 64 * 1024 * 1024;
const CODE_BY_STATUS: Record<number, string> = { 401: 'GRAFEAS_UNAUTHORIZED', 403: 'GRAFEAS_DENIED', 404: 'GRAFEAS_NOT_FOUND' };

type Client = GrafeasOptions & { codec: Codec; parent: string };

/**
 * Connects to a project of a Grafeas server. With `auto` the version is found by asking for notes: v1 first, because Google's service knows both
 * and keeps the newer kinds in v1, and the reference server answers 404 there.
 * All calls throw refused GRAFEAS_UNAUTHORIZED (401), GRAFEAS_DENIED (403), GRAFEAS_NOT_FOUND (404), GRAFEAS_REFUSED (other final answers),
 * GRAFEAS_INVALID (an answer that is none), and the transient errors of lib/http.
 */
export async function connectGrafeas(options: GrafeasOptions): Promise<Grafeas> {
  const codec = options.api === 'auto' ? await probe(options) : CODECS[options.api];
  const client: Client = { ...options, codec, parent: `projects/${options.project}` };
  const { parent } = client;
  const list = (path: string, filter: string | undefined): AsyncIterable<StoredOccurrence> =>
    listPages(
      (query, patient) => readPage(client, path, query, patient),
      filter,
      (wire) => stored(codec, wire),
    );
  return {
    api: codec.api,
    url: options.url,
    parent,
    ensureNote: (occurrence) => ensureNote(client, occurrence),
    ofNote: (noteId, resourceUri) => list(`${parent}/notes/${encodeURIComponent(noteId)}/occurrences`, codec.filter(resourceUri)),
    ofProject: (resourceUri) => list(`${parent}/occurrences`, resourceUri === undefined ? undefined : codec.filter(resourceUri)),
    create: (occurrences) => create(client, occurrences),
    expected: (occurrence) => stored(codec, codec.occurrence(parent, occurrence)),
  };
}

async function probe(options: GrafeasOptions): Promise<Codec> {
  const { http, url, project, authorization } = options;
  const what = `find out which API of Grafeas ${redactUrl(url)} speaks`;
  for (const codec of [v1, v1beta1]) {
    const response = await http({ what, url: `${url}/${codec.api}/projects/${project}/notes?pageSize=1`, headers: headers(authorization) });
    if (response.status === 200) return codec;
    if (response.status !== 404) throw await refused(response, what, authorization);
  }
  throw refusedError('GRAFEAS_NOT_FOUND', `cannot ${what}: projects/${project} is found neither under /v1 nor under /v1beta1`, {
    hint: 'check grafeas-url and project; a reverse proxy in front of Grafeas must pass both paths on',
  });
}

async function ensureNote(client: Client, occurrence: Occurrence): Promise<boolean> {
  const { codec, parent } = client;
  const { noteId } = occurrence;
  // A repeated request does no harm: the second one is told that the note is there.
  const response = await post(
    client,
    `create note ${parent}/notes/${noteId}`,
    `${parent}/notes?noteId=${encodeURIComponent(noteId)}`,
    codec.note(parent, occurrence),
    true,
  );
  if (response.status === 409) return false;
  if (!isSuccess(response)) throw await refused(response, `create note ${parent}/notes/${noteId} at ${redactUrl(client.url)}`, client.authorization);
  return true;
}

async function create(client: Client, occurrences: readonly Occurrence[]): Promise<StoredOccurrence[]> {
  const { codec, parent } = client;
  const wires = occurrences.map((occurrence) => codec.occurrence(parent, occurrence));
  const [only, ...more] = wires;
  if (only === undefined) return [];
  const [first] = occurrences;
  const kind = more.length > 0 ? `${wires.length} occurrences` : `an occurrence of note ${first?.noteId}`;
  const what = `create ${kind} about ${first?.resourceUri} in ${parent}`;
  const response =
    more.length > 0
      ? await post(client, what, `${parent}/occurrences:batchCreate`, { parent, occurrences: wires }, false)
      : await post(client, what, `${parent}/occurrences`, only, false);
  if (!isSuccess(response)) throw await refused(response, `${what} at ${redactUrl(client.url)}`, client.authorization);
  const answer = await answerObject(response, what);
  return more.length > 0 ? objects(answer['occurrences'] ?? [], what).map((wire) => stored(codec, wire)) : [stored(codec, answer)];
}

async function readPage(client: Client, path: string, query: URLSearchParams, patient: boolean): Promise<{ items: Wire[]; next: string }> {
  const { http, url, codec, authorization } = client;
  const what = `list ${path}`;
  const response = await http({ what, url: `${url}/${codec.api}/${path}?${query}`, headers: headers(authorization), retryable: patient, maxBytes: MAX_ANSWER });
  if (!isSuccess(response)) throw await refused(response, `${what} at ${redactUrl(url)}`, authorization);
  const answer = await answerObject(response, what);
  const next = answer['nextPageToken'];
  return { items: objects(answer['occurrences'] ?? [], what), next: typeof next === 'string' ? next : '' };
}

function post(client: Client, what: string, path: string, body: Wire, retryable: boolean): Promise<HttpResponse> {
  return client.http({
    what,
    method: 'POST',
    url: `${client.url}/${client.codec.api}/${path}`,
    headers: { ...headers(client.authorization), 'content-type': 'application/json' },
    body: encodeWire(body, what),
    retryable,
    maxBytes: MAX_ANSWER,
  });
}

function headers({ bearer }: Authorization): Record<string, string> {
  return { accept: 'application/json', ...(bearer !== undefined && { authorization: `Bearer ${bearer}` }) };
}

function isSuccess({ status }: HttpResponse): boolean {
  return status >= 200 && status < 300;
}

function refused(response: HttpResponse, what: string, { name }: Authorization): Promise<StepError> {
  const options: RefusalOptions = { code: CODE_BY_STATUS[response.status] ?? 'GRAFEAS_REFUSED' };
  return refusal(response, what, response.status === 401 || response.status === 403 ? { ...options, credential: name } : options);
}

const JsonObject = z.record(z.string(), z.unknown());

async function answerObject(response: HttpResponse, what: string): Promise<Wire> {
  const parsed = JsonObject.safeParse(await response.json());
  if (!parsed.success) throw invalid(what);
  return parsed.data;
}

function objects(json: unknown, what: string): Wire[] {
  const parsed = z.array(JsonObject).safeParse(json);
  if (!parsed.success) throw invalid(what);
  return parsed.data;
}

function invalid(what: string): StepError {
  return refusedError('GRAFEAS_INVALID', `cannot ${what}: the answer is not of the form that Grafeas defines`, {
    hint: 'check that grafeas-url is that of a Grafeas server',
  });
}

function stored(codec: Codec, wire: Wire): StoredOccurrence {
  const text = (name: string): string => (typeof wire[name] === 'string' ? wire[name] : '');
  return {
    name: text('name'),
    noteName: text('noteName'),
    kind: text('kind'),
    resourceUri: codec.resourceUri(wire),
    createTime: text('createTime'),
    identity: codec.identity(wire),
    wire,
  };
}
