// SPDX-License-Identifier: Apache-2.0
import { mkdir, writeFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { join } from 'node:path';
import { freePorts, type HostProcess, startProcess, waitUntilReady } from '../cluster/host-process.ts';
import { ensurePeer } from '../peers/peers.ts';

/** A running reference server; `url` stays the same over stop and start. */
export type ReferenceServer = { url: string; start(): Promise<void>; stop(): Promise<void> };

export type ServerOptions = {
  /** `embedded` keeps everything in a bolt database below `dir`. */
  storage: 'memstore' | 'embedded';
  /** Turns on TLS, which this server has only with client certificates. PEM files. */
  tls?: { ca: string; cert: string; key: string };
};

/** Starts Grafeas as its own configuration file says (go/v1beta1/config.yaml), on a free loopback port. */
export async function startReferenceServer(dir: string, { storage, tls }: ServerOptions): Promise<ReferenceServer> {
  const { grafeas } = await ensurePeer('grafeas', { log: (line) => console.error(line) });
  const [port = 0] = await freePorts(1);
  await mkdir(join(dir, 'db'), { recursive: true });
  const configFile = join(dir, 'config.yaml');
  await writeFile(configFile, grafeasConfig({ address: `127.0.0.1:${port}`, storage, database: join(dir, 'db'), ...(tls && { tls }) }));
  const logFile = join(dir, 'grafeas.log');
  let server: HostProcess | undefined;
  const start = async (): Promise<void> => {
    server = startProcess({ name: 'grafeas', command: grafeas, args: ['--config', configFile], logFile });
    await waitUntilReady(server, logFile, () => accepts(port), 20_000);
  };
  await start();
  return { url: `${tls ? 'https' : 'http'}://127.0.0.1:${port}`, start, stop: async () => server?.stop() };
}

/** Text of the server's configuration file (JSON is YAML). `database` is the folder of `embedded`. */
export function grafeasConfig({ address, storage, database, tls }: ServerOptions & { address: string; database: string }): string {
  return JSON.stringify({
    grafeas: {
      api: { address, ...(tls && { cafile: tls.ca, certfile: tls.cert, keyfile: tls.key }) },
      storage_type: storage,
      ...(storage === 'embedded' && { embedded: { path: database } }),
    },
  });
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
    socket.once('error', () => resolve(false));
  });
}
