// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { gunzip } from 'node:zlib';
import { asStepError } from '../../../lib/errors/errors.ts';
import { type BareRepository, openBareRepository } from '../../../lib/git/bare-repository.ts';
import type { PackLimits } from '../../../lib/git/pack-entries.ts';
import { advertisePush, takePush } from '../../../lib/git/receive-pack.ts';
import { advertiseFetch, answerFetch } from '../../../lib/git/upload-pack.ts';
import { isLoopbackHost } from '../../../lib/http/agents.ts';
import type { Logger } from '../../../lib/log/log.ts';
import { writeDurably } from '../log/durable-file.ts';
import { closeServer, isFromHere, listen } from '../loopback.ts';
import { firstCommit } from './first-commit.ts';

export type GitOptions = {
  /** Folder of the bare repository; made when missing. */
  dir: string;
  host: string;
  /** 0 takes a free one. */
  port: number;
  log: Logger;
  now?: () => Date;
  limits?: Partial<PackLimits> & { maxRequestBytes?: number };
};
/** `repository` is the URL as "git clone" takes it, `folder` the bare repository itself. */
export type RunningGit = { url: string; repository: string; folder: string; port: number; close(): Promise<void> };

const REPOSITORY = 'gitops.git';
const REQUEST_MS = 60_000;
const MAX_REQUEST = 16 * 1024 * 1024;
const LIMITS: PackLimits = { maxObjects: 5000, maxObjectBytes: 8 * 1024 * 1024, maxInflatedBytes: 64 * 1024 * 1024 };
const ADVERTISE = new Map([
  ['git-upload-pack', advertiseFetch],
  ['git-receive-pack', advertisePush],
]);
const inflate = promisify(gunzip);

type Reply = { status: number; type: string; body: Buffer | string };

/**
 * Starts the embedded Git server: one bare repository by smart HTTP (Git documentation, "http-protocol", protocol 0), without logins and TLS, and without the git program. Branches
 * alone, which only move forward. It is made, with a Deployment to be released into, when there is none. On loopback it answers to loopback host names and to no browser.
 * Throws input GIT_FOLDER_INVALID, and what listening on the port throws.
 */
export async function startGit(options: GitOptions): Promise<RunningGit> {
  const folder = `${options.dir}/${REPOSITORY}`;
  const place = { folder, writeFile: (path: string, bytes: Uint8Array | string) => writeDurably(path, bytes) };
  const repository = await openBareRepository(place, firstCommit((options.now ?? (() => new Date()))()));
  const server = createServer({ keepAliveTimeout: 65_000, requestTimeout: REQUEST_MS }, (request, response) => {
    answer(request, repository, options).then(
      (reply) => send(request, response, reply),
      (error: unknown) => fail(request, response, error, options.log),
    );
  });
  await listen(server, options.port, options.host);
  const { port } = server.address() as AddressInfo;
  const url = `http://${options.host.includes(':') ? `[${options.host}]` : options.host}:${port}`;
  return { url, repository: `${url}/${REPOSITORY}`, folder, port, close: () => closeServer(server) };
}

async function answer(request: IncomingMessage, repository: BareRepository, options: GitOptions): Promise<Reply> {
  if (isLoopbackHost(options.host) && !isFromHere(request)) return says(403, 'this service serves programs on this machine only');
  const [path = '/', search = ''] = (request.url ?? '/').split(/\?(.*)/s);
  const asked = `${request.method} ${path.slice(0, 200)}`;
  if (asked === `GET /${REPOSITORY}/info/refs`) {
    const service = new URLSearchParams(search).get('service') ?? '';
    const body = await ADVERTISE.get(service)?.(repository);
    return body ? { status: 200, type: `application/x-${service}-advertisement`, body } : says(403, 'only the smart protocol is spoken here');
  }
  const service = asked === `POST /${REPOSITORY}/git-upload-pack` ? 'git-upload-pack' : 'git-receive-pack';
  if (asked !== `POST /${REPOSITORY}/${service}`) return says(404, `there is nothing but /${REPOSITORY} here`);
  if (request.headers['content-type'] !== `application/x-${service}-request`) return says(415, 'the content type is not that of a Git client');
  const body = await readBody(request, options.limits?.maxRequestBytes ?? MAX_REQUEST);
  if (body === undefined) return says(413, 'the request is larger than this server takes, or is no gzip');
  const result = service === 'git-upload-pack' ? await answerFetch(repository, body) : await takePush(repository, body, { ...LIMITS, ...options.limits });
  return { status: 200, type: `application/x-${service}-result`, body: result };
}

async function readBody(request: IncomingMessage, maxBytes: number): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size > maxBytes) return undefined;
    chunks.push(chunk);
  }
  const body = Buffer.concat(chunks);
  if (request.headers['content-encoding'] !== 'gzip') return body;
  // Whatever it is, it is nothing to read; the client is told.
  return inflate(body, { maxOutputLength: maxBytes }).catch(() => undefined);
}

function says(status: number, text: string): Reply {
  return { status, type: 'text/plain; charset=utf-8', body: `${text}\n` };
}

function send(request: IncomingMessage, response: ServerResponse, { status, type, body }: Reply): void {
  const headers = { 'content-type': type, 'content-length': Buffer.byteLength(body), 'cache-control': 'no-cache' };
  response.writeHead(status, { ...headers, ...(!request.complete && { connection: 'close' }) }).end(body);
}

/** A request that is none is answered; a connection that broke is the client's affair; anything else is a fault of this program. */
function fail(request: IncomingMessage, response: ServerResponse, error: unknown, log: Logger): void {
  const { kind, message } = asStepError(error);
  if (!request.complete || response.headersSent) {
    response.destroy();
  } else if (kind === 'input') {
    send(request, response, says(400, message));
  } else {
    log.error('the embedded Git server failed on a request', { error: message });
    send(request, response, says(500, 'internal error'));
  }
}
