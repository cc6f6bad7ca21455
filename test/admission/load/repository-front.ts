// SPDX-License-Identifier: Apache-2.0
import { createServer, type OutgoingHttpHeaders } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { DigestReference } from '../../../lib/reference/reference.ts';

/** A registry in which one image, with all its evidence, lies in as many repositories as anybody asks for. */
export type RepositoryFront = { imageAt(number: number): string; requests(): number; close(): Promise<void> };

type Kept = { status: number; headers: OutgoingHttpHeaders; body: Buffer };

/** Serves the image of a registry on loopback; what was asked once is answered from memory, so that the registry is no part of what is measured. */
export async function startRepositoryFront(image: DigestReference): Promise<RepositoryFront> {
  const kept = new Map<string, Promise<Kept>>();
  let requests = 0;
  const fetched = async (path: string, accept: string): Promise<Kept> => {
    const response = await fetch(`http://${image.registry}${path}`, { headers: { accept } });
    const headers = Object.fromEntries([...response.headers].filter(([name]) => /^(content-type|docker-content-digest|oci-.*)$/.test(name)));
    return { status: response.status, headers, body: Buffer.from(await response.arrayBuffer()) };
  };
  const server = createServer({ keepAliveTimeout: 120_000 }, async (request, response) => {
    requests += 1;
    const path = (request.url ?? '').replace(/^\/v2\/load\/\d+\//, `/v2/${image.repository}/`);
    const answer = kept.get(path) ?? fetched(path, request.headers.accept ?? '*/*');
    kept.set(path, answer);
    const { status, headers, body } = await answer;
    response.writeHead(status, { ...headers, 'content-length': body.length }).end(request.method === 'HEAD' ? undefined : body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const host = `127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    imageAt: (number) => `${host}/load/${number}@${image.digest}`,
    requests: () => requests,
    async close() {
      server.closeAllConnections();
      await new Promise<void>((resolve) => server.close(() => resolve()));
    },
  };
}
