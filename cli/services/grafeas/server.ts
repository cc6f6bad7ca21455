// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { asStepError } from '../../../lib/errors/errors.ts';
import { isLoopbackHost } from '../../../lib/http/agents.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { closeServer, isFromHere, listen } from '../loopback.ts';
import { type ApiReply, answer, failure } from './api.ts';
import { type OccurrenceStore, openOccurrenceStore } from './occurrence-store.ts';

/** What goes wrong with a request, for tests: an answer instead of the service's, the connection cut before (`cut`) or after it did its work (`cut-answer`), or the work begun later. */
export type Fault =
  | { kind: 'answer'; status: number; headers?: Record<string, string>; body?: string | Buffer }
  | { kind: 'cut' | 'cut-answer' }
  | { kind: 'delay'; ms: number };

export type FaultRequest = { method: string; path: string; query: URLSearchParams; headers: IncomingMessage['headers'] };

export type GrafeasOptions = {
  /** Where notes and occurrences are kept; made when missing. */
  dir: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Logger;
  now?: () => Date;
  faults?: (request: FaultRequest) => Fault | undefined;
};

export type RunningGrafeas = { url: string; port: number; close(): Promise<void> };

const MAX_REQUEST = 16 * 1024 * 1024;
const REQUEST_MS = 60_000;

/**
 * Starts the embedded metadata store: a part of Grafeas v1beta1 for a laptop and for tests, kept in one file that is only appended to. No logins, no
 * TLS, everything in memory: for production run Grafeas, or use Google's service. On loopback it answers to loopback host names and to no browser, so that a
 * web page cannot reach it by DNS rebinding. Throws input GRAFEAS_JOURNAL_DAMAGED, and what listening on the port throws.
 */
export async function startGrafeas(options: GrafeasOptions): Promise<RunningGrafeas> {
  const store = await openOccurrenceStore(join(options.dir, 'grafeas.jsonl'), options.log, options.now ?? (() => new Date()));
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: REQUEST_MS }, (request, response) => {
    serve(request, response, store, options).catch((error: unknown) => {
      const clientLeft = !request.complete;
      if (!clientLeft) options.log.error('the embedded metadata store failed on a request', { error: asStepError(error).message });
      if (clientLeft || response.headersSent) response.destroy();
      else reply(response, failure(500, 'internal error'));
    });
  });
  try {
    await listen(server, options.port, options.host);
  } catch (error) {
    await store.close();
    throw error;
  }
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`,
    port,
    async close() {
      await closeServer(server);
      await store.close();
    },
  };
}

async function serve(request: IncomingMessage, response: ServerResponse, store: OccurrenceStore, options: GrafeasOptions): Promise<void> {
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const method = request.method ?? 'GET';
  const query = new URLSearchParams(search);
  const fault = options.faults?.({ method, path, query, headers: request.headers });
  if (fault?.kind === 'cut') {
    request.socket.destroy();
    return;
  }
  if (fault?.kind === 'answer') {
    request.resume();
    response.writeHead(fault.status, fault.headers).end(fault.body);
    return;
  }
  if (fault?.kind === 'delay') await delay(fault.ms);
  if (isLoopbackHost(options.host) && !isFromHere(request)) return reply(response, failure(403, 'this service serves programs on this machine only'));
  const given = method === 'POST' ? await readBody(request) : undefined;
  if (given === 'too large') return reply(response, failure(413, `the request is larger than ${MAX_REQUEST} bytes`), { connection: 'close' });
  if (given === 'not JSON') return reply(response, failure(400, 'the request is not JSON'));
  const result = await answer(store, { method, path, query, body: async () => given?.json });
  if (fault?.kind === 'cut-answer') {
    request.socket.destroy();
    return;
  }
  return reply(response, result);
}

async function readBody(request: IncomingMessage): Promise<{ json: unknown } | 'too large' | 'not JSON'> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_REQUEST) return 'too large';
    chunks.push(chunk);
  }
  try {
    return { json: JSON.parse(Buffer.concat(chunks).toString('utf8')) };
  } catch {
    // Whatever it is, it is not JSON; the client is told.
    return 'not JSON';
  }
}

function reply(response: ServerResponse, { status, body }: ApiReply, headers: Record<string, string> = {}): void {
  const bytes = Buffer.from(JSON.stringify(body));
  response.writeHead(status, { ...headers, 'content-type': 'application/json', 'content-length': bytes.length }).end(bytes);
}
