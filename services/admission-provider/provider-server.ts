// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import type { PeerCertificate } from 'node:tls';
import { asStepError } from '../../lib/errors/errors.ts';
import { faulted, MAX_BODY_BYTES, type ProviderResponse, parseProviderRequest } from './protocol.ts';
import type { TlsFiles } from './tls-files.ts';

export type ProviderServerOptions = {
  host: string;
  port: number;
  tls: TlsFiles;
  /** The name that the client certificate must bear, as common name or DNS name. */
  clientName: string;
  /** By path; never throws. */
  routes: Readonly<Record<string, (keys: string[]) => Promise<ProviderResponse>>>;
  onRequest: (result: 'answered' | 'fault' | 'refused', seconds: number) => void;
  onClientRefused: (reason: string) => void;
  now: () => number;
};

export type ProviderServer = {
  port: number;
  /** From now on new connections meet this certificate and this CA; open ones end with their next answer. */
  rotate(tls: TlsFiles): void;
  /** Ends every connection with its next answer, so that clients go to another replica. */
  drain(): void;
  close(): Promise<void>;
};

/** Gatekeeper closes after 90 s; the side that closes first must be Gatekeeper's, because a close that crosses a request is a denial. */
const KEEP_ALIVE_MS = 120_000;
const CLOSE_MS = 3_000;

/**
 * The server of Gatekeeper's external data protocol: HTTPS with TLS 1.3 alone, and only for who has a certificate of the client CA with the right name.
 * Everything but an answer to a good request is an answer without items, because Gatekeeper keeps items whatever the status.
 */
export async function startProviderServer(options: ProviderServerOptions): Promise<ProviderServer> {
  const { clientName, onClientRefused } = options;
  const clients = new WeakMap<object, { generation: number; problem: string | undefined }>();
  let generation = 0;
  const server: Server = createServer({
    ...secureOptions(options.tls),
    requestCert: true,
    rejectUnauthorized: true,
    handshakeTimeout: 5_000,
    requestTimeout: 10_000,
    headersTimeout: 5_000,
    keepAliveTimeout: KEEP_ALIVE_MS,
    maxHeaderSize: 16 * 1024,
  });
  server.on('secureConnection', (socket) => clients.set(socket, { generation, problem: nameProblem(socket.getPeerCertificate(), clientName) }));
  server.on('tlsClientError', (error: NodeJS.ErrnoException) => onClientRefused(error.code ?? 'TLS'));
  server.on('request', (request, response) => {
    const client = clients.get(request.socket) ?? { generation: -1, problem: 'is unknown' };
    if (client.generation !== generation) response.setHeader('connection', 'close');
    if (client.problem === undefined) void handle(request, response, options);
    else {
      onClientRefused('name');
      options.onRequest('refused', 0);
      send(response, 403, faulted(`the client certificate ${client.problem}, and ${clientName} is let in alone`));
    }
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port, options.host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    rotate(tls) {
      // With new ticket keys nobody takes up a session that the old CA vouched for.
      server.setSecureContext({ ...secureOptions(tls), ticketKeys: randomBytes(48) });
      generation += 1;
    },
    drain() {
      generation += 1;
    },
    close: () => closeServer(server),
  };
}

function secureOptions({ cert, key, ca }: TlsFiles): { cert: string; key: string; ca: string; minVersion: 'TLSv1.3' } {
  return { cert, key, ca, minVersion: 'TLSv1.3' };
}

function nameProblem({ subject, subjectaltname = '' }: PeerCertificate, clientName: string): string | undefined {
  const common = subject?.CN;
  const names = [common, ...subjectaltname.split(', ').map((entry) => entry.replace(/^DNS:/, ''))];
  return names.includes(clientName) ? undefined : `is that of "${String(common ?? '').slice(0, 200)}"`;
}

async function handle(request: IncomingMessage, response: ServerResponse, { routes, onRequest, now }: ProviderServerOptions): Promise<void> {
  const started = now();
  const refuse = (status: number, problem: string): void => {
    onRequest('refused', (now() - started) / 1000);
    if (status === 413) response.setHeader('connection', 'close');
    send(response, status, faulted(problem));
  };
  try {
    const path = request.url ?? '';
    const route = Object.hasOwn(routes, path) ? routes[path] : undefined;
    if (route === undefined) return refuse(404, `there is nothing at this path; it has ${Object.keys(routes).join(' and ')}`);
    if (request.method !== 'POST') return refuse(405, 'POST a ProviderRequest');
    const body = await readBody(request);
    if (body === undefined) return refuse(413, `the request is larger than ${MAX_BODY_BYTES} bytes`);
    const answer = await route(parseProviderRequest(body));
    onRequest(answer.response.systemError === '' ? 'answered' : 'fault', (now() - started) / 1000);
    send(response, 200, answer);
  } catch (thrown) {
    const error = asStepError(thrown);
    refuse(error.kind === 'input' ? 400 : 500, `${error.code}: ${error.message}`);
  }
}

/** The whole body, or undefined when it is too large; what comes after the limit is not kept. */
async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  if (Number(request.headers['content-length'] ?? 0) > MAX_BODY_BYTES) return undefined;
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > MAX_BODY_BYTES) return undefined;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function send(response: ServerResponse, status: number, answer: ProviderResponse): void {
  if (response.headersSent || response.destroyed) return;
  // As text Node writes head and body at once, which is one TLS record and one system call less.
  const body = JSON.stringify(answer);
  response.writeHead(status, { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }).end(body);
}

/** Waits for answers that are under way, a bounded time. */
async function closeServer(server: Server): Promise<void> {
  const closed = new Promise<void>((resolve) => server.close(() => resolve()));
  server.closeIdleConnections();
  const late = setTimeout(() => server.closeAllConnections(), CLOSE_MS);
  await closed;
  clearTimeout(late);
}
