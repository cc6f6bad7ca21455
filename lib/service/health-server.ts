// SPDX-License-Identifier: Apache-2.0
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export type HealthServer = { port: number; close: () => Promise<void> };

/** Whether the pod should be asked, and for people why (not). */
export type Readiness = { ready: boolean; text: string };

export type HealthServerOptions = { host: string; port: number; metrics: () => string; readiness: () => Readiness };

/** `/healthz` (the process answers), `/readyz` and `/metrics`; nothing else, and nothing of what it is asked is read. */
export async function startHealthServer({ host, port, metrics, readiness }: HealthServerOptions): Promise<HealthServer> {
  const server: Server = createServer({ requestTimeout: 10_000, headersTimeout: 5_000, maxHeaderSize: 8192 }, (request, response) => {
    const send = (status: number, text: string, type = 'text/plain; charset=utf-8'): void => {
      response.writeHead(status, { 'content-type': type, 'cache-control': 'no-store' }).end(text);
    };
    const { ready, text } = readiness();
    if (request.method !== 'GET') send(405, 'GET only\n');
    else if (request.url === '/healthz') send(200, 'ok\n');
    else if (request.url === '/readyz') send(ready ? 200 : 503, `${text}\n`);
    else if (request.url === '/metrics') send(200, metrics(), 'text/plain; version=0.0.4; charset=utf-8');
    else send(404, 'not found\n');
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
  const close = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  return { port: (server.address() as AddressInfo).port, close };
}
