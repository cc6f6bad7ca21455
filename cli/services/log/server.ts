// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { asStepError, refusedError } from '../../../lib/errors/errors.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { checkpointKeyId } from '../../../lib/sigstore/checkpoint.ts';
import { makeLogEntry } from '../../../lib/sigstore/log-entry.ts';
import { entryBundlePath, TILE_WIDTH, tilePath } from '../../../lib/sigstore/tiles.ts';
import { type AppendLog, openAppendLog } from './append-log.ts';
import { readEntryRequest } from './entry-request.ts';
import { type TrustedLogJson, trustedLog } from './log-identity.ts';

/**
 * What goes wrong with a request, for tests: an answer instead of the log's, the connection cut before (`cut`) or after the log did its work
 * (`cut-answer`: the entry is logged and nobody is told), or the work begun later.
 */
export type Fault =
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string | Buffer }
  | { kind: 'cut' | 'cut-answer' }
  | { kind: 'delay'; ms: number };

export type LogOptions = {
  /** Where key and entries are kept; made when missing. */
  dir: string;
  host: string;
  /** 0 = a free one. */
  port: number;
  /** Name on the checkpoints, default `host`; must be the host in the URL by which verifiers know the log. */
  origin?: string;
  log: Logger;
  now?: () => Date;
  faults?: (request: { method: string; path: string }) => Fault | undefined;
};

export type RunningLog = { url: string; port: number; origin: string; publicKeyPem: string; trustedLog: TrustedLogJson; close(): Promise<void> };

/**
 * Starts the embedded transparency log: a Rekor v2 compatible log for a laptop and for tests (rekor-tiles v2.3.0: POST /api/v2/log/entries;
 * C2SP tlog-tiles: GET /api/v2/checkpoint, /api/v2/tile/…). One process, one directory, no witnesses, no replication: for production run Rekor.
 * Unlike Rekor it answers at once and finds every duplicate, not only recent ones.
 * Throws input errors for a directory that is not the log's (see openAppendLog), refused LOG_PORT_UNAVAILABLE.
 */
export async function startLog(options: LogOptions): Promise<RunningLog> {
  const { host, log } = options;
  const store = await openAppendLog({ dir: options.dir, origin: options.origin ?? host, now: options.now ?? (() => new Date()), log });
  const server = createServer((request, response) => {
    serve(request, response, store, options).catch((error: unknown) => {
      const clientLeft = !request.complete;
      if (!clientLeft) log.error('the embedded log failed on a request', { error: asStepError(error).message });
      if (clientLeft || response.headersSent) response.destroy();
      else answerStatus(response, 500, INTERNAL, 'internal error');
    });
  });
  const port = await listen(server, host, options.port).catch(async (cause: unknown) => {
    await store.close();
    throw refusedError('LOG_PORT_UNAVAILABLE', `embedded log cannot listen on ${host}:${options.port}`, { cause, hint: 'choose another port' });
  });
  const url = `http://${host.includes(':') ? `[${host}]` : host}:${port}`;
  const { identity } = store;
  return {
    url,
    port,
    origin: identity.origin,
    publicKeyPem: identity.publicKey.export({ format: 'pem', type: 'spki' }).toString(),
    trustedLog: trustedLog({ ...identity, url }),
    async close() {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
      await store.close();
    },
  };
}

const PREFIX = '/api/v2';
const MAX_REQUEST = 4 * 1024 * 1024;
const TILE_PATH = /^\/api\/v2\/tile\/([0-9]{1,2}|entries)\/((?:x[0-9]{3}\/){0,5}[0-9]{3})(?:\.p\/([1-9][0-9]{0,2}))?$/;
// Names and numbers of google.rpc.Code, which the real log's gateway puts into its error answers.
const INVALID_ARGUMENT = 3;
const NOT_FOUND = 5;
const ALREADY_EXISTS = 6;
const UNIMPLEMENTED = 12;
const INTERNAL = 13;

function listen(server: Server, host: string, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      const address = server.address();
      resolve(typeof address === 'object' && address !== null ? address.port : port);
    });
  });
}

async function serve(request: IncomingMessage, response: ServerResponse, store: AppendLog, options: LogOptions): Promise<void> {
  const method = request.method ?? '';
  const path = (request.url ?? '').split('?', 1)[0] ?? '';
  const fault = options.faults?.({ method, path });
  if (fault?.kind === 'cut') {
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'answer') {
    response.writeHead(fault.status, fault.headers).end(fault.body);
    return;
  }
  if (fault?.kind === 'delay') await delay(fault.ms);
  if (path === `${PREFIX}/log/entries`) {
    if (method !== 'POST') return answerStatus(response, 405, UNIMPLEMENTED, 'Method Not Allowed');
    return addEntry(request, response, store, fault?.kind === 'cut-answer');
  }
  if (method !== 'GET') return answerStatus(response, 405, UNIMPLEMENTED, 'Method Not Allowed');
  if (path === `${PREFIX}/checkpoint`) {
    return answer(response, Buffer.from(store.checkpoint().envelope), { 'content-type': 'text/plain; charset=utf-8', 'cache-control': 'no-cache' });
  }
  const tile = await readTile(path, store);
  if (tile === undefined) return answerStatus(response, 404, NOT_FOUND, 'Not Found');
  return answer(response, tile, { 'content-type': 'application/octet-stream', 'cache-control': 'public, max-age=31536000, immutable' });
}

async function addEntry(request: IncomingMessage, response: ServerResponse, store: AppendLog, cutAnswer: boolean): Promise<void> {
  const bytes = await readBody(request);
  if (bytes === undefined) return answerStatus(response, 413, INVALID_ARGUMENT, 'http: request body too large', { connection: 'close' });
  const wanted = readEntryRequest(bytes);
  if (wanted.refusal !== undefined) return answerStatus(response, 400, INVALID_ARGUMENT, wanted.refusal);
  const added = await store.add(wanted.body);
  if (cutAnswer) {
    request.socket.destroy();
    return;
  }
  if (added.duplicate) {
    const message = `an equivalent entry already exists in the transparency log with index ${added.index}`;
    return answerStatus(response, 409, ALREADY_EXISTS, message, { 'x-log-index': String(added.index) });
  }
  const entry = makeLogEntry({ ...added, body: wanted.body, keyId: checkpointKeyId(store.identity) });
  return answerJson(response, 201, { ...entry, inclusionPromise: null });
}

async function readTile(path: string, store: AppendLog): Promise<Buffer | undefined> {
  const [, kind = '', place = '', partial] = TILE_PATH.exec(path) ?? [];
  const index = Number(place.replaceAll(/[x/]/g, ''));
  const width = partial === undefined ? TILE_WIDTH : Number(partial);
  const level = Number(kind);
  const canonical = kind === 'entries' ? entryBundlePath(index, width) : tilePath(level, index, width);
  if (path !== `${PREFIX}/${canonical}`) return undefined;
  return kind === 'entries' ? store.entryBundle(index, width) : store.hashTile(level, index, width);
}

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REQUEST) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function answer(response: ServerResponse, body: Buffer, headers: Record<string, string>, status = 200): void {
  response.writeHead(status, { ...headers, 'content-length': body.length }).end(body);
}

function answerJson(response: ServerResponse, status: number, body: unknown, headers: Record<string, string> = {}): void {
  answer(response, Buffer.from(JSON.stringify(body)), { ...headers, 'content-type': 'application/json' }, status);
}

function answerStatus(response: ServerResponse, status: number, code: number, message: string, headers: Record<string, string> = {}): void {
  answerJson(response, status, { code, message, details: [] }, headers);
}
