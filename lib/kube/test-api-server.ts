// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { belongs, createObjectStore, type ObjectStore } from './test-object-store.ts';

/** What goes wrong with the next request that fits; each is used once. */
export type Trouble = { method?: string; watch?: boolean; path?: string; answer: (response: ServerResponse) => void };

/**
 * An API server as far as list, watch and optimistic locking go: any resource, one version counter, pages, bookmarks, watches from a version.
 * Everything that a real one does wrong in a bad hour can be asked of it.
 */
export type FakeApiServer = Pick<ObjectStore, 'put' | 'remove' | 'get' | 'compact'> & {
  url: string;
  /** `METHOD path?query` of every request. */
  seen: string[];
  /** Writes to every open watch as it is, for what no good server would write. */
  sendRaw: (text: string) => void;
  sendBookmarks: () => void;
  /** Ends every open watch: cleanly, or by cutting the connection. */
  endWatches: (how: 'cleanly' | 'cut') => void;
  /** From now on nothing is written to open watches any more, and they stay open. */
  stall: () => void;
  trouble: (trouble: Trouble) => void;
  /** Open watches that are not stalled. */
  watches: () => number;
  close: () => Promise<void>;
};

type Watch = { collection: string; response: ServerResponse; stalled: boolean };
type Fake = { store: ObjectStore; watches: Set<Watch>; seen: string[]; troubles: Trouble[] };

export async function startFakeApiServer(): Promise<FakeApiServer> {
  const watches = new Set<Watch>();
  const store = createObjectStore(({ type, path, object }) => {
    for (const watch of watches) if (belongs(path, watch.collection)) send(watch, { type, object });
  });
  const fake: Fake = { store, watches, seen: [], troubles: [] };
  const server = createServer((request, response) => void answer(fake, request, response).catch((error: unknown) => response.destroy(error as Error)));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { put, remove, get, compact } = store;
  return {
    ...{ put, remove, get, compact, seen: fake.seen },
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sendRaw: (text) => forEach(watches, ({ response }) => response.write(text)),
    sendBookmarks: () => forEach(watches, (one) => send(one, { type: 'BOOKMARK', object: { metadata: { resourceVersion: String(store.version()) } } })),
    endWatches: (how) =>
      forEach(watches, (one) => {
        watches.delete(one);
        if (how === 'cleanly') one.response.end();
        else one.response.destroy();
      }),
    stall: () => forEach(watches, (one) => Object.assign(one, { stalled: true })),
    trouble: (one) => void fake.troubles.push(one),
    watches: () => [...watches].filter(({ stalled }) => !stalled).length,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

async function answer(fake: Fake, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams } = new URL(request.url ?? '', 'http://fake');
  const { method = 'GET' } = request;
  const isWatch = searchParams.get('watch') === 'true';
  const body = await bodyOf(request);
  fake.seen.push(`${method} ${request.url}`);
  const at = fake.troubles.findIndex((one) => (one.method ?? method) === method && (one.watch ?? isWatch) === isWatch && pathname.includes(one.path ?? ''));
  const [trouble] = at < 0 ? [] : fake.troubles.splice(at, 1);
  if (trouble) return trouble.answer(response);
  const path = pathname.replace(/\/status$/, '');
  if (method === 'POST') return create(fake, response, path, body);
  if (method === 'GET' && isWatch) return watch(fake, response, path, searchParams);
  if (method === 'GET' && isCollection(path)) return list(fake, response, path, searchParams);
  const found = fake.store.get(path);
  if (!found) return status(response, 404, 'NotFound');
  if (method === 'GET') return json(response, 200, found);
  const wanted = method === 'PATCH' ? body[0].value : body.metadata.resourceVersion;
  if (wanted !== found.metadata.resourceVersion) return status(response, 409, 'Conflict');
  return json(response, 200, fake.store.put(path, method === 'PATCH' ? { ...found, status: body[1].value } : body));
}

// biome-ignore lint/suspicious/noExplicitAny: what tests send is what they send
function create({ store }: Fake, response: ServerResponse, collection: string, body: any): void {
  const name = body.metadata.name ?? `${body.metadata.generateName}${store.version()}`;
  if (store.get(`${collection}/${name}`)) status(response, 409, 'AlreadyExists');
  else json(response, 201, store.put(`${collection}/${name}`, body));
}

function list({ store }: Fake, response: ServerResponse, collection: string, query: URLSearchParams): void {
  const all = store.in(collection);
  const start = Number(query.get('continue') ?? '0');
  const end = start + Number(query.get('limit') ?? '500');
  const metadata = { resourceVersion: String(store.version()), ...(end < all.length && { continue: String(end) }) };
  json(response, 200, { kind: 'List', metadata, items: all.slice(start, end) });
}

function watch({ store, watches }: Fake, response: ServerResponse, collection: string, query: URLSearchParams): void {
  response.writeHead(200, { 'content-type': 'application/json' });
  response.flushHeaders();
  const opened: Watch = { collection, response, stalled: false };
  const missed = store.since(Number(query.get('resourceVersion')));
  if (!missed) {
    send(opened, { type: 'ERROR', object: { kind: 'Status', metadata: {}, code: 410, reason: 'Expired', message: 'too old' } });
    response.end();
    return;
  }
  watches.add(opened);
  response.on('close', () => watches.delete(opened));
  for (const { type, path, object } of missed) if (belongs(path, collection)) send(opened, { type, object });
}

function forEach(watches: Set<Watch>, act: (watch: Watch) => unknown): void {
  for (const one of [...watches]) act(one);
}

function send({ response, stalled }: Watch, event: object): void {
  if (!stalled) response.write(`${JSON.stringify(event)}\n`);
}

export function json(response: ServerResponse, code: number, body: unknown): void {
  response.writeHead(code, { 'content-type': 'application/json' }).end(JSON.stringify(body));
}

export function status(response: ServerResponse, code: number, reason: string): void {
  json(response, code, { kind: 'Status', metadata: {}, code, reason, message: `${reason} by the fake` });
}

// biome-ignore lint/suspicious/noExplicitAny: what tests send is what they send
async function bodyOf(request: IncomingMessage): Promise<any> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  return chunks.length === 0 ? undefined : JSON.parse(Buffer.concat(chunks).toString('utf8'));
}

/** Paths end in a plural or in a name; in `/api/v1` and `/apis/g/v`, with and without a namespace, the count tells which. */
function isCollection(path: string): boolean {
  const parts = path.split('/').slice(path.startsWith('/apis/') ? 4 : 3);
  return (parts[0] === 'namespaces' ? parts.length - 2 : parts.length) === 1;
}
