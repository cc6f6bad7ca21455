// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage, Server } from 'node:http';
import { isLoopbackHost } from '../../lib/http/agents.ts';

/** Whether a request came by a loopback name, and from no web page: what keeps DNS rebinding away from a service on loopback. */
export function isFromHere({ headers }: IncomingMessage): boolean {
  const host = URL.parse(`http://${headers.host ?? ''}`)?.hostname ?? '';
  return isLoopbackHost(host) && headers.origin === undefined;
}

/** Listens; rejects with what the system says when the port cannot be had. */
export function listen(server: Server, port: number, host: string): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

/** Ends a server with the connections that it has. */
export async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeAllConnections();
  await closed;
}
