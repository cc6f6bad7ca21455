// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { splitLines } from '../kube/json-lines.ts';
import { type Application, ApplicationShape, OPERATION_INFO, operationId } from './application.ts';
import type { AppRef, ArgoCd, LiveImage, ManagedResource, SyncAnswer, SyncRequest, SyncWindows } from './argocd.ts';
import { parseAnswer, type RestOptions, read, refused, send } from './rest-call.ts';

/** A refresh answers when the controller has reconciled, which takes its time where Git is slow. */
const REFRESH_SILENCE_MS = 90_000;
/** Argo CD sends nothing while nothing changes, and proxies cut idle connections without a word. */
const STREAM_SILENCE_MS = 120_000;
const MAX_EVENT_BYTES = 16 * 1024 * 1024;

const text = z
  .string()
  .nullish()
  .transform((value) => value ?? '');
const Window = z.object({ kind: text, schedule: text, duration: text, manualSync: z.boolean().nullish().transform(Boolean) });
const Windows = z.object({ canSync: z.boolean().nullish().transform(Boolean), activeWindows: z.array(Window).nullish() });
const Managed = z.object({
  items: z
    .array(
      z.object({
        group: text,
        kind: text,
        namespace: text,
        name: text,
        liveState: text,
        targetState: text,
        normalizedLiveState: text,
        predictedLiveState: text,
      }),
    )
    .nullish(),
});
const Tree = z.object({
  nodes: z.array(z.object({ kind: text, namespace: text, name: text, images: z.array(z.string()).nullish() })).nullish(),
});
const Metadata = z.object({ date: text });
const Event = z.object({ result: z.object({ type: text, application: ApplicationShape }).nullish(), error: z.unknown().optional() });

/**
 * Argo CD by its REST API. Throws what `read` throws, and what `http` throws. A sync that is asked for again after its answer got lost is known by its
 * id, so that our own operation is not taken for a foreign one.
 */
export function createRestArgoCd(options: RestOptions): ArgoCd {
  const { app, server } = options;
  const path = `/applications/${encodeURIComponent(app.name)}`;
  const query = queryOf(app);
  const what = `application ${app.name}`;
  const get = (): Promise<Application> => read(options, { what: `read ${what}`, path, query }, ApplicationShape);
  return {
    get,
    refresh: (how) => read(options, { what: `refresh ${what}`, path, query: { ...query, refresh: how }, silenceMs: REFRESH_SILENCE_MS }, ApplicationShape),
    sync: (request) => sync(options, path, request, get),
    async terminate() {
      const call = { what: `end the operation of ${what}`, method: 'DELETE' as const, path: `${path}/operation`, query };
      const response = await send(options, call);
      // 400 says that none is in progress any more.
      if (response.status !== 200 && response.status !== 400) throw await refused(response, call.what, app);
    },
    syncWindows: () => syncWindows(options, path),
    managedResources: () => managedResources(options, path),
    images: () => podImages(options, path),
    revisionDate: (revision) => revisionDate(options, path, revision),
    stream: (signal) => stream(options, signal),
    url: `${server}/applications/${app.namespace === undefined ? '' : `${encodeURIComponent(app.namespace)}/`}${encodeURIComponent(app.name)}`,
  };
}

function queryOf({ project, namespace }: AppRef): Record<string, string> {
  return { project, ...(namespace !== undefined && { appNamespace: namespace }) };
}

async function sync(options: RestOptions, path: string, request: SyncRequest, get: () => Promise<Application>): Promise<SyncAnswer> {
  const what = `sync application ${options.app.name}`;
  const ours = async (): Promise<Application | undefined> => {
    const app = await get();
    return [app.operation, app.status?.operationState?.operation].some((operation) => operationId(operation) === request.id) ? app : undefined;
  };
  // Sent again after a lost answer: if the first one arrived, Argo CD says that an operation runs, and its id says whose.
  const response = await send(options, { what, method: 'POST', path: `${path}/sync`, body: syncBody(options.app, request), retryable: true });
  if (response.status === 200) return { kind: 'started', app: parseAnswer(what, ApplicationShape, await response.json()) };
  const said = (await response.body()).toString('utf8');
  if (response.status === 400 && said.includes('another operation is already in progress')) {
    const found = await ours();
    return found ? { kind: 'started', app: found } : { kind: 'busy' };
  }
  if (response.status === 403 && said.includes('sync window')) return { kind: 'blocked', message: 'a sync window forbids it' };
  throw await refused(response, what, options.app);
}

function syncBody({ name, project, namespace }: AppRef, { id, revisions, prune, syncOptions, retries }: SyncRequest): unknown {
  const asked = (revisions ?? []).flatMap((revision, index) => (revision === undefined ? [] : [{ revision, position: index + 1 }]));
  const single = revisions !== undefined && revisions.length === 1;
  return {
    name,
    project,
    ...(namespace !== undefined && { appNamespace: namespace }),
    ...(asked.length > 0 && single && { revision: asked[0]?.revision }),
    ...(asked.length > 0 && !single && { revisions: asked.map(({ revision }) => revision), sourcePositions: asked.map(({ position }) => position) }),
    prune,
    infos: [{ name: OPERATION_INFO, value: id }],
    retryStrategy: { limit: retries },
    ...(syncOptions !== undefined && { syncOptions: { items: syncOptions } }),
  };
}

async function syncWindows(options: RestOptions, path: string): Promise<SyncWindows> {
  const call = { what: `read the sync windows of application ${options.app.name}`, path: `${path}/syncwindows`, query: queryOf(options.app) };
  const { canSync, activeWindows } = await read(options, call, Windows);
  return { canSync, active: activeWindows ?? [] };
}

async function managedResources(options: RestOptions, path: string): Promise<ManagedResource[]> {
  const call = { what: `read the objects of application ${options.app.name}`, path: `${path}/managed-resources`, query: queryOf(options.app) };
  const { items } = await read(options, call, Managed);
  return (items ?? []).map(({ liveState, targetState, normalizedLiveState, predictedLiveState, ...key }) => ({
    ...key,
    live: objectOf(liveState, call.what),
    target: objectOf(targetState, call.what),
    normalized: objectOf(normalizedLiveState, call.what),
    predicted: objectOf(predictedLiveState, call.what),
  }));
}

/** A manifest as JSON in a string; '' and `null` stand for "not there". */
function objectOf(json: string, what: string): unknown {
  if (json === '') return undefined;
  try {
    return (JSON.parse(json) as unknown) ?? undefined;
  } catch {
    return parseAnswer(what, z.never(), json);
  }
}

async function podImages(options: RestOptions, path: string): Promise<LiveImage[]> {
  const call = { what: `read the tree of application ${options.app.name}`, path: `${path}/resource-tree`, query: queryOf(options.app) };
  const { nodes } = await read(options, call, Tree);
  return (nodes ?? []).flatMap(({ kind, namespace, name, images }) => (images ?? []).map((image) => ({ image, where: `${kind} ${namespace}/${name}` })));
}

async function revisionDate(options: RestOptions, path: string, revision: string): Promise<number | undefined> {
  const what = `read commit ${revision} of application ${options.app.name}`;
  const response = await send(options, { what, path: `${path}/revisions/${encodeURIComponent(revision)}/metadata`, query: queryOf(options.app) });
  if (response.status !== 200) return undefined;
  const date = Date.parse(parseAnswer(what, Metadata, await response.json()).date);
  return Number.isNaN(date) ? undefined : date;
}

async function* stream(options: RestOptions, signal: AbortSignal): AsyncGenerator<Application | 'deleted'> {
  const { app } = options;
  const call = {
    what: `follow application ${app.name}`,
    path: '/stream/applications',
    query: { ...queryOf(app), name: app.name },
    silenceMs: STREAM_SILENCE_MS,
    // Who follows takes it up again; as a download it cannot be resumed.
    retryable: false,
  };
  const response = await send(options, call);
  if (response.status !== 200) throw await refused(response, call.what, app);
  for await (const line of splitLines(until(signal, response.stream()), MAX_EVENT_BYTES)) {
    const { result, error } = parseAnswer(call.what, Event, JSON.parse(line));
    if (!result) throw new Error(`Argo CD ended the stream: ${JSON.stringify(error)?.slice(0, 300)}`);
    yield result.type === 'DELETED' ? 'deleted' : result.application;
  }
}

/** Ends when the signal aborts, also while nothing comes. */
async function* until<T>(signal: AbortSignal, source: AsyncIterable<T>): AsyncGenerator<T> {
  const iterator = source[Symbol.asyncIterator]();
  const stopped = new Promise<undefined>((resolve) => signal.addEventListener('abort', () => resolve(undefined), { once: true }));
  while (!signal.aborted) {
    const next = await Promise.race([iterator.next(), stopped]);
    if (next === undefined || next.done === true) break;
    yield next.value;
  }
  // Not awaited: an iterator that waits for the wire would answer only after the silence.
  iterator.return?.()?.catch(() => undefined);
}
