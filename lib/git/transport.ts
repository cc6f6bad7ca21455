// SPDX-License-Identifier: Apache-2.0
import type { GitHttpRequest, GitHttpResponse, HttpClient } from 'isomorphic-git';
import { refusedError, StepError } from '../errors/errors.ts';
import type { Http, HttpRequest, HttpResponse } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { redactUrl } from '../log/redact.ts';
import { basicAuthorization, type GitCredential } from './credential.ts';
import { checkPack } from './pack-check.ts';
import type { PackLimits } from './pack-entries.ts';
import { checkPktLines } from './pkt-line.ts';

export type TransportOptions = { http: Http; url: string; credential: GitCredential | undefined; maxPackBytes: number; limits: PackLimits };

const MAX_REFS_BYTES = 16 * 1024 * 1024;
const ADVERTISEMENT = '/info/refs?service=';

/**
 * isomorphic-git's door to the network: smart HTTP (Git documentation, "http-protocol") over lib/http. Every answer is whole and checked before isomorphic-git sees it, a refusal is
 * a StepError by then. Reading is repeated by lib/http; a push never is. Throws refused GIT_UNAUTHORIZED, GIT_FORBIDDEN, REPOSITORY_NOT_FOUND, GIT_REFUSED, GIT_ANSWER_INVALID,
 * REPOSITORY_TOO_LARGE, GIT_REDIRECT and what lib/http throws.
 */
export function createTransport(options: TransportOptions): HttpClient {
  // A server may send the first request on to another path (without ".git", for example); the following ones have to go there too.
  let movedTo: string | undefined;
  return {
    async request({ url, method = 'GET', headers = {}, body }: GitHttpRequest): Promise<GitHttpResponse> {
      const pushing = url.includes('git-receive-pack');
      const what = `${pushing ? 'push to' : 'fetch from'} ${redactUrl(options.url)}`;
      const content = body && (await collect(body));
      const request: HttpRequest = {
        what,
        method,
        url: movedTo === undefined ? url : movedTo + url.slice(options.url.length),
        headers: { ...headers, ...(options.credential && { authorization: basicAuthorization(options.credential) }) },
        retryable: !pushing || method === 'GET',
        maxBytes: url.includes(ADVERTISEMENT) ? MAX_REFS_BYTES : options.maxPackBytes,
        ...(content && { body: content }),
      };
      const { response, bytes } = await exchange(request, options);
      if (url.includes(ADVERTISEMENT)) movedTo = moved(response, url, options.url, what);
      const pack = checkPktLines(bytes, what);
      if (url.endsWith('/git-upload-pack') && pack.length > 0) checkPack(pack, options.limits, what);
      return { url, method, headers: definedHeaders(response), body: once(bytes), statusCode: response.status, statusMessage: '' };
    },
  };
}

async function exchange(request: HttpRequest, options: TransportOptions): Promise<{ response: HttpResponse; bytes: Buffer }> {
  try {
    const response = await options.http(request);
    if (response.status !== 200) throw await refused(response, request.what, options);
    return { response, bytes: await response.body() };
  } catch (error) {
    if (!(error instanceof StepError) || error.code !== 'HTTP_BODY_TOO_LARGE') throw error;
    const limit = `${Math.floor((request.maxBytes ?? 0) / 1024 / 1024)} MiB`;
    throw refusedError('REPOSITORY_TOO_LARGE', `cannot ${request.what}: the answer, for the newest commit alone, is larger than ${limit}`, { cause: error });
  }
}

async function refused(response: HttpResponse, what: string, { credential }: TransportOptions): Promise<Error> {
  const codes: Record<number, string> = { 401: 'GIT_UNAUTHORIZED', 403: 'GIT_FORBIDDEN', 404: 'REPOSITORY_NOT_FOUND' };
  return refusal(response, what, { code: codes[response.status] ?? 'GIT_REFUSED', credential: credential?.name ?? 'none' });
}

/** The base to use from now on when the advertisement came from elsewhere. The login must not follow to another host, and lib/http has not sent it there. */
function moved(response: HttpResponse, asked: string, base: string, what: string): string | undefined {
  const tail = asked.slice(base.length);
  if (response.url === undefined || response.url === asked) return undefined;
  const target = response.url.endsWith(tail) ? response.url.slice(0, -tail.length) : undefined;
  if (target !== undefined && new URL(target).origin === new URL(base).origin) return target;
  throw refusedError('GIT_REDIRECT', `cannot ${what}: the server sends on to ${redactUrl(response.url)}`, {
    hint: 'give the URL that the server sends on to, if you trust it',
  });
}

async function collect(body: AsyncIterable<Uint8Array> | Iterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of body) chunks.push(chunk);
  return Buffer.concat(chunks);
}

async function* once(bytes: Buffer): AsyncGenerator<Uint8Array, void, void> {
  yield bytes;
}

function definedHeaders({ headers }: HttpResponse): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter((entry): entry is [string, string] => entry[1] !== undefined));
}
