// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { isLoopbackHost } from '../../../lib/http/agents.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { isDigest } from '../../../lib/reference/digest.ts';
import { createLocks, type Locks } from '../../../lib/registry/locks.ts';
import { MAX_MANIFEST_BYTES } from '../../../lib/registry/oci.ts';
import { closeServer, isFromHere, listen } from '../loopback.ts';
import { deleteManifest, getBlob, getManifest, listReferrers, listTags, type ManifestTarget, putManifest } from './content.ts';
import { type Fault, failed, json, type Reply, send } from './reply.ts';
import { isRepositoryName, parseRoute, type Route } from './routes.ts';
import { openStore, type Store } from './store.ts';
import { created, createUploads, type Uploads } from './uploads.ts';

export type FaultRequest = { method: string; path: string; query: URLSearchParams; headers: IncomingMessage['headers'] };

export type RegistryServerOptions = {
  /** Folder for all content; made if missing. */
  dir: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Logger;
  /** False makes it a registry without the referrers API (clients then use the fallback tag). Default true. */
  referrers?: boolean;
  /** Referrers in one answer, default 200. */
  pageSize?: number;
  /** Default 8 GiB. */
  maxBlobBytes?: number;
  /** For tests: what goes wrong with a request. */
  faults?: (request: FaultRequest) => Fault | undefined;
};

export type RegistryServer = { url: string; port: number; close(): Promise<void> };

type Context = { store: Store; uploads: Uploads; locks: Locks; hasReferrers: boolean; pageSize: number; isLocal: boolean; options: RegistryServerOptions };
type Call = { method: string; path: string; query: URLSearchParams; request: IncomingMessage };

const MAX_UPLOADS = 64;
const UPLOAD_IDLE_MS = 30 * 60_000;
const REQUEST_MS = 15 * 60_000;

/**
 * A small registry (OCI distribution spec 1.1) for a laptop and for tests: on disk, without logins, TLS, quotas or
 * garbage collection. Not for production, and meant for loopback: there it answers only to loopback host names and to no
 * browser, so that a web page cannot reach it by DNS rebinding. Pull, push (monolithic, chunked, mount), tags, referrers
 * with filter and pages, delete. Throws what listening on the port throws.
 */
export async function startRegistry(options: RegistryServerOptions): Promise<RegistryServer> {
  const store = await openStore(options.dir);
  const limits = { maxBlobBytes: options.maxBlobBytes ?? 8 * 1024 ** 3, maxUploads: MAX_UPLOADS, idleMs: UPLOAD_IDLE_MS };
  const context: Context = {
    store,
    uploads: createUploads(store, limits, Date.now),
    locks: createLocks(),
    hasReferrers: options.referrers ?? true,
    pageSize: options.pageSize ?? 200,
    isLocal: isLoopbackHost(options.host),
    options,
  };
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: REQUEST_MS }, (request, response) => {
    serve(context, request, response).catch((error: unknown) => fail(options.log, request, response, error));
  });
  await listen(server, options.port, options.host);
  const { port } = server.address() as AddressInfo;
  return { url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`, port, close: () => closeServer(server) };
}

async function serve(context: Context, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const [path = '/', search = ''] = splitOnce(request.url ?? '/', '?');
  const call: Call = { method: request.method ?? 'GET', path, query: new URLSearchParams(search), request };
  const fault = context.options.faults?.({ method: call.method, path, query: call.query, headers: request.headers });
  if (fault?.kind === 'delay') await delay(fault.ms);
  if (fault?.kind === 'cut') {
    request.socket.destroy();
    return;
  }
  const reply: Reply =
    fault?.kind === 'reply'
      ? { status: fault.status, ...(fault.headers && { headers: fault.headers }), body: Buffer.from(fault.body ?? '') }
      : await answer(context, call);
  if (fault?.kind === 'lost') {
    request.socket.destroy();
    return;
  }
  response.setHeader('docker-distribution-api-version', 'registry/2.0');
  if (!request.complete) response.setHeader('connection', 'close');
  await send(response, reply, call.method === 'HEAD', fault);
}

/** A connection that broke is the client's affair; anything else is a fault of this program and says 500. */
function fail(log: Logger, request: IncomingMessage, response: ServerResponse, error: unknown): void {
  if (request.destroyed || response.destroyed) return;
  log.error('the embedded registry failed', { request: `${request.method} ${request.url}`, error: error instanceof Error ? error.message : String(error) });
  if (response.headersSent) response.destroy();
  else response.writeHead(500, { connection: 'close' }).end();
}

async function answer(context: Context, call: Call): Promise<Reply> {
  if (context.isLocal && !isFromHere(call.request)) return failed('DENIED', 'this registry serves programs on this machine only');
  const route = parseRoute(call.path);
  switch (route.kind) {
    case 'invalid':
      return failed(route.code, 'the path names nothing that a registry has');
    case 'ping':
      return isRead(call) ? json(200, {}) : notAllowed();
    case 'tags':
      return isRead(call) ? listTags(context.store, route.repository, call.query) : notAllowed();
    case 'referrers':
      if (!context.hasReferrers) return failed('NOT_FOUND', 'this registry has no referrers API');
      return isRead(call) ? listReferrers(context.store, route.repository, route.digest, call.query, context.pageSize) : notAllowed();
    case 'blob':
      return blob(context, call, route);
    case 'uploads':
    case 'upload':
      return upload(context, call, route);
    case 'manifest':
      return manifest(context, call, route);
  }
}

async function blob({ store }: Context, call: Call, { repository, digest }: Route & { kind: 'blob' }): Promise<Reply> {
  if (isRead(call)) return getBlob(store, repository, digest, call.request.headers.range);
  if (call.method !== 'DELETE') return notAllowed();
  return (await store.unlinkBlob(repository, digest)) ? { status: 202 } : failed('BLOB_UNKNOWN', 'the repository has no such blob');
}

async function upload(context: Context, call: Call, route: Route & { kind: 'uploads' | 'upload' }): Promise<Reply> {
  const { uploads } = context;
  const { repository } = route;
  if (route.kind === 'uploads') return call.method === 'POST' ? startUpload(context, call, repository) : notAllowed();
  switch (call.method) {
    case 'GET':
    case 'HEAD':
      return uploads.status(repository, route.id);
    case 'PATCH':
      return uploads.chunk(repository, route.id, call.request);
    case 'PUT':
      return uploads.finish(repository, route.id, call.query.get('digest'), call.request);
    case 'DELETE':
      return uploads.cancel(repository, route.id);
    default:
      return notAllowed();
  }
}

async function startUpload({ store, uploads }: Context, call: Call, repository: string): Promise<Reply> {
  const mount = call.query.get('mount');
  const from = call.query.get('from');
  if (mount !== null && from !== null && isDigest(mount) && isRepositoryName(from) && (await store.blobSize(from, mount)) !== undefined) {
    await store.linkBlob(repository, mount);
    return created(repository, mount);
  }
  const digest = call.query.get('digest');
  return digest === null ? uploads.start(repository) : uploads.whole(repository, digest, call.request);
}

async function manifest(context: Context, call: Call, route: Route & { kind: 'manifest' }): Promise<Reply> {
  const { store, locks, hasReferrers } = context;
  const target: ManifestTarget = route.reference;
  if (isRead(call)) return getManifest(store, route.repository, target);
  if (call.method === 'DELETE') return locks.run(route.repository, () => deleteManifest(store, route.repository, target));
  if (call.method !== 'PUT') return notAllowed();
  const bytes = await readBody(call.request);
  if (bytes === undefined) return failed('SIZE_INVALID', `manifests over ${MAX_MANIFEST_BYTES} bytes are not accepted`);
  const { 'if-match': ifMatch, 'if-none-match': ifNoneMatch, 'content-type': contentType } = call.request.headers;
  const options = { bytes, contentType, precondition: { ifMatch, ifNoneMatch }, hasReferrers };
  return locks.run(route.repository, () => putManifest(store, route.repository, target, options));
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_MANIFEST_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function isRead({ method }: Call): boolean {
  return method === 'GET' || method === 'HEAD';
}

function notAllowed(): Reply {
  return failed('UNSUPPORTED', 'the method is not supported here');
}

function splitOnce(text: string, separator: string): [string, string] {
  const at = text.indexOf(separator);
  return at < 0 ? [text, ''] : [text.slice(0, at), text.slice(at + 1)];
}
