// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { StepError } from '../errors/errors.ts';
import { silentLogger } from '../log/log.ts';
import { createHttp, type Http, type HttpOptions, type HttpRequest } from './http.ts';

/** What the server did with a request: enough to assert on. */
export type SeenRequest = { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer };
/** Answers one request; given what was seen so far (this request last) and the body when it is complete. */
export type Script = (request: SeenRequest, response: ServerResponse, count: number) => void;
export type ScriptedServer = { url: string; port: number; seen: SeenRequest[]; close(): Promise<void> };

/** A real server on 127.0.0.1 for tests that answers as a script says. */
export async function startScriptedServer(
  script: Script,
  options: { host?: string; port?: number; tls?: { key: string; cert: string; ca?: string; requestCert?: boolean }; eager?: boolean } = {},
): Promise<ScriptedServer> {
  const seen: SeenRequest[] = [];
  const listener = (request: IncomingMessage, response: ServerResponse): void => {
    const entry: SeenRequest = { method: request.method ?? '', url: request.url ?? '', headers: request.headers, body: Buffer.alloc(0) };
    const answer = (): void => {
      seen.push(entry);
      script(entry, response, seen.length);
    };
    if (options.eager === true) {
      answer();
      return;
    }
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      entry.body = Buffer.concat(chunks);
      answer();
    });
  };
  const server: Server = options.tls === undefined ? createServer(listener) : createTlsServer(options.tls, listener);
  await new Promise<void>((resolve) => server.listen(options.port ?? 0, options.host ?? '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { url: `${options.tls === undefined ? 'http' : 'https'}://127.0.0.1:${port}`, port, seen, close };
}

const opened: { close(): Promise<void> | void }[] = [];

/** A scripted server that `closeAll` closes. */
export async function serve(script: Script, options?: Parameters<typeof startScriptedServer>[1]): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, options);
  opened.push(server);
  return server;
}

/** A client of four attempts whose waits take no time and are written down; `closeAll` closes it. */
export function testClient(options: Partial<HttpOptions> = {}): Http & { waits: number[] } {
  const waits: number[] = [];
  const http = createHttp({
    log: silentLogger,
    env: {},
    retry: { attempts: 4, baseMs: 100, capMs: 1000 },
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms);
    },
    ...options,
  });
  opened.push(http);
  return Object.assign((request: HttpRequest) => http(request), { waits });
}

/** For afterEach. */
export async function closeAll(): Promise<void> {
  for (const { close } of opened.splice(0)) await close();
}

/** The first request is answered one way, all later ones another. */
export function firstThen(first: (response: ServerResponse) => void, then: (response: ServerResponse) => void): Script {
  return (_request, response, count) => (count === 1 ? first(response) : then(response));
}

/** The StepError that the promise fails with. */
export async function failureOf(promise: Promise<unknown>): Promise<StepError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (error instanceof StepError) return error;
  throw new Error(`expected a StepError, got ${String(error)}`, { cause: error });
}
