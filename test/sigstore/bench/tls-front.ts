// SPDX-License-Identifier: Apache-2.0
import { mkdir, readFile } from 'node:fs/promises';
import { connect } from 'node:net';
import { createServer, type TLSSocket } from 'node:tls';
import { CA_EXTENSIONS, certificateMaker, LEAF_EXTENSIONS } from '../../cluster/pki.ts';

/** A server behind TLS: its `host:port`, and the file with the certificate authority to believe. */
export type TlsFront = { host: string; caFile: string; close(): Promise<void> };

/**
 * TLS in front of the registry at `target` (`host:port`), on the same address: as registries have it. Without it cosign would try TLS before each of its connections and fail, which no
 * client does in earnest. The certificate lies in `folder`, which is made.
 */
export async function startTlsFront(target: string, folder: string): Promise<TlsFront> {
  const [host = '', port = ''] = target.split(':');
  await mkdir(folder, { recursive: true });
  const make = await certificateMaker(folder, 1);
  const ca = await make('ca', '/CN=bench-ca', CA_EXTENSIONS);
  const leaf = await make('registry', '/CN=registry', [...LEAF_EXTENSIONS, 'extendedKeyUsage=serverAuth', `subjectAltName=IP:${host}`], ca);
  const sockets = new Set<TLSSocket>();
  const server = createServer({ cert: await readFile(leaf.certFile), key: await readFile(leaf.keyFile), ALPNProtocols: ['http/1.1'] }, (near) => {
    const plain = connect({ host, port: Number(port), noDelay: true });
    sockets.add(near);
    near.on('error', () => plain.destroy()).on('close', () => sockets.delete(near));
    plain.on('error', () => near.destroy());
    near.pipe(plain).pipe(near);
  });
  server.on('tlsClientError', () => {});
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const address = server.address();
  if (address === null || typeof address === 'string') throw new Error('the front has no port');
  return {
    host: `${host}:${address.port}`,
    caFile: ca.certFile,
    async close() {
      for (const socket of sockets) socket.destroy();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
