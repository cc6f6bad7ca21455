// SPDX-License-Identifier: Apache-2.0
import { createServer, connect as open, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

/** A port behind which a server is as far away as the proxy was told. */
export type FarServer = { host: string; close(): Promise<void> };

/**
 * A TCP proxy to `host:port`, on the same address, that makes each round trip `roundTripMs` longer: half of it for bytes in either direction, and a whole one before the first bytes of a connection, which is
 * what its handshake takes on a real line. Bytes on the way do not wait for each other, so that a large answer costs no more than a small one.
 */
export async function startFarServer(target: string, roundTripMs: number): Promise<FarServer> {
  const [host = '', port = ''] = target.split(':');
  const sockets = new Set<Socket>();
  const server = createServer({ noDelay: true, allowHalfOpen: true }, (near) => {
    const far = open({ host, port: Number(port), noDelay: true, allowHalfOpen: true });
    const shaken = performance.now() + roundTripMs;
    carry(near, far, () => Math.max(performance.now(), shaken) + roundTripMs / 2);
    carry(far, near, () => performance.now() + roundTripMs / 2);
    for (const socket of [near, far]) {
      sockets.add(socket);
      socket.on('error', () => {}).on('close', () => sockets.delete(socket));
    }
    // A connection that one side breaks off is broken off for the other, too; a half-closed one goes on.
    near.on('error', () => far.destroy());
    far.on('error', () => near.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the proxy has no port');
  return {
    host: `${host}:${address.port}`,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}

/** Passes on what comes in, in its order, each piece at the time that it is due. */
function carry(from: Socket, to: Socket, dueAt: () => number): void {
  let sent: Promise<unknown> = Promise.resolve();
  const later = (send: () => void): void => {
    const due = dueAt();
    sent = sent.then(() => delay(Math.max(0, due - performance.now()))).then(send);
  };
  from.on('data', (chunk: Buffer) => later(() => to.write(chunk)));
  from.on('end', () => later(() => to.end()));
}
