// SPDX-License-Identifier: Apache-2.0
import { createHmac, timingSafeEqual } from 'node:crypto';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { buffer } from 'node:stream/consumers';

/** What of the event of notify a scenario looks at (tasks/notify/NOTES.md, "Receiving the webhook"). */
export type RunEvent = {
  type: string;
  data: {
    run: string;
    state: string;
    details: Record<string, string>;
    failures: { task: string; reason: string; message: string }[];
    skipped: number;
    notes: string[];
  };
};

/** A receiver of notify's webhook on the address of the node. An event that is not signed with the secret is answered with 403 and not kept. */
export type EventReceiver = {
  host: string;
  url: string;
  secret: string;
  /** Events about a run, oldest first. */
  about(run: string): RunEvent[];
  close(): Promise<void>;
};

export async function startEventReceiver(node: string, secret: string): Promise<EventReceiver> {
  const events: RunEvent[] = [];
  const server = createServer(async (request, response) => {
    const body = await buffer(request);
    const isGenuine = request.method === 'POST' && isSigned(body, String(request.headers['x-signature']), secret);
    if (isGenuine) events.push(JSON.parse(body.toString('utf8')) as RunEvent);
    response.writeHead(isGenuine ? 204 : 403).end();
  });
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, node, resolve));
  const host = `${node}:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}/events`,
    secret,
    about: (run) => events.filter(({ data }) => data.run === run),
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

function isSigned(body: Buffer, given: string, secret: string): boolean {
  const wanted = `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
  return given.length === wanted.length && timingSafeEqual(Buffer.from(given), Buffer.from(wanted));
}
