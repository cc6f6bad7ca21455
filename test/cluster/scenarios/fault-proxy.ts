// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, request, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as the proxy sees it; `path` is without the query. */
export type Passing = { method: string; path: string };
/** What becomes of a request: passed on; cut before the peer has it; cut when the peer has done it, so that its answer is lost; or never answered. */
export type Fate = 'pass' | 'cut' | 'lose' | 'hold';

/** Stands in front of a peer in plain HTTP, so that a scenario has faults of its own and all others the peer as it is. */
export type FaultProxy = {
  /** host:port on the address of the node. */
  host: string;
  url: string;
  /** What the peer has done so far, whether its answer arrived or not, oldest first. */
  done: readonly (Passing & { status: number })[];
  /** Decides about every request from now on; without one all pass. */
  faults(decide?: (request: Passing) => Fate): void;
  close(): Promise<void>;
};

/** `peer` and the address that the proxy listens on: `node`, which pods reach, with a port of its own. */
export async function startFaultProxy(node: string, peer: string): Promise<FaultProxy> {
  const done: (Passing & { status: number })[] = [];
  let decide: (request: Passing) => Fate = () => 'pass';
  const server = createServer((incoming, response) => {
    const passing = { method: incoming.method ?? '', path: (incoming.url ?? '').split('?')[0] ?? '' };
    const fate = decide(passing);
    if (fate === 'hold') return;
    if (fate === 'cut') return void response.destroy();
    passOn(incoming, response, { peer, isLost: fate === 'lose', tell: (status) => done.push({ ...passing, status }) });
  });
  server.requestTimeout = 0;
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(0, node, resolve));
  const host = `${node}:${(server.address() as AddressInfo).port}`;
  return {
    host,
    url: `http://${host}`,
    done,
    faults: (chosen = () => 'pass') => {
      decide = chosen;
    },
    close() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

type Way = { peer: string; isLost: boolean; tell: (status: number) => void };

/** The header Host stays that of the proxy, so that where the peer redirects to is the proxy again. */
function passOn(incoming: IncomingMessage, response: ServerResponse, { peer, isLost, tell }: Way): void {
  const { method, headers, url = '/' } = incoming;
  const outgoing = request(new URL(url, peer), { method, headers, agent: false }, (answer) => {
    const { statusCode = 502 } = answer;
    answer.on('end', () => tell(statusCode)).on('error', () => response.destroy());
    if (isLost) return void answer.resume().on('end', () => response.destroy());
    response.writeHead(statusCode, answer.headers);
    answer.pipe(response);
  });
  // A peer that is gone is one that cuts; the client has to cope.
  outgoing.on('error', () => response.destroy());
  incoming.on('error', () => outgoing.destroy()).pipe(outgoing);
}
