// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';

/** What the server did with a request: enough to assert on. */
export type SeenRequest = { method: string; url: string; headers: IncomingMessage['headers']; body: Buffer };
/** Answers one request; given what was seen so far (this request last) and the body when it is complete. */
export type Script = (request: SeenRequest, response: ServerResponse, count: number) => void;
export type ScriptedServer = { url: string; port: number; seen: SeenRequest[]; close(): Promise<void> };

/** A real server on 127.0.0.1 for tests that answers as a script says. */
export async function startScriptedServer(
  script: Script,
  options: { host?: string; port?: number; tls?: { key: string; cert: string }; eager?: boolean } = {},
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
