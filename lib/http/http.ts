// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { inputError, refusedError, StepError, transientError } from '../errors/errors.ts';
import type { Logger } from '../log/log.ts';
import { redactUrl } from '../log/redact.ts';
import { type Agents, type ClientCertificate, createAgents, type ProxyEnvironment } from './agents.ts';
import { BodySourceError, type RequestBody, sendOnce } from './attempt.ts';
import { backoffMs, DEFAULT_RETRY, type RetryPolicy, retryAfterMs } from './backoff.ts';
import { type Failure, networkFailure, statusFailure, tlsRefusal } from './failure.ts';
import { redirectTarget } from './redirect.ts';
import { type Reopen, toResponse } from './response.ts';

export type HttpRequest = {
  /** What is being done and to what, for messages: `read manifest r.example.com/app@sha256:…`. */
  what: string;
  /** Default GET. */
  method?: string;
  url: string;
  headers?: Record<string, string>;
  /** A function is called again for every attempt. */
  body?: RequestBody;
  /** Whether the request may be sent again when nobody knows what became of it. Default: GET, HEAD, PUT, DELETE yes, others no. */
  retryable?: boolean;
  /** Asked before every attempt but the first for a new place to send to, where the old one is spent (an upload session). */
  renew?: () => Promise<{ url: string; headers?: Record<string, string> }>;
  /** At most so many attempts, where those of the client are too many. */
  attempts?: number;
  /** Limit of `body()` and `json()`; default 4 MiB. */
  maxBytes?: number;
  /** Longest silence on the wire within one attempt, default 30 s. */
  timeoutMs?: number;
  /** Milliseconds to wait where an answer is a rate limit by the service's own rules (GitHub: 403), else undefined. Such an answer means that nothing was done. */
  rateLimit?: (status: number, headers: IncomingMessage['headers'], now: number) => number | undefined;
  /** Whether the body of an answer with another 4xx status says that it is a rate limit. */
  saysRateLimit?: (body: Buffer) => boolean;
};

export type HttpResponse = {
  status: number;
  headers: Record<string, string | undefined>;
  /** Where the answer came from, after redirects. */
  url?: string;
  /** The whole body; refused HTTP_BODY_TOO_LARGE over `maxBytes`. */
  body(): Promise<Buffer>;
  /** The body as JSON; refused HTTP_BODY_INVALID when it is none. */
  json(): Promise<unknown>;
  /** The body as it comes, unlimited. A cut GET is taken up again where it broke, so check the content by a digest. */
  stream(): AsyncIterable<Buffer>;
};

export type Http = (request: HttpRequest) => Promise<HttpResponse>;

export type HttpOptions = {
  log: Logger;
  signal?: AbortSignal;
  /** Milliseconds since the epoch after which nothing is sent or awaited any more. */
  deadline?: number;
  /** PEM certificates to trust besides the default ones. */
  ca?: string;
  /** Shown to servers that ask for a certificate; so make a client of its own for them. */
  client?: ClientCertificate;
  retry?: RetryPolicy;
  /** Where the proxy variables are read, default `process.env`. */
  env?: ProxyEnvironment;
  now?: () => number;
  sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
  random?: () => number;
};

type Client = Required<Pick<HttpOptions, 'log' | 'retry' | 'now' | 'sleep' | 'random'>> & {
  agents: Agents;
  deadline: number;
  signal: AbortSignal;
};

/** One call of `Http`: the attempts of the head, of a body read again and of a stream taken up again share its budget. */
type Exchange = { request: HttpRequest; method: string; retryable: boolean; started: number; used: number; finalUrl: string };

const DEFAULT_TIMEOUT_MS = 30_000;
const MAX_REDIRECTS = 5;
const MAX_TIMER_MS = 2 ** 31 - 1;
const PATIENCE_MS = 5 * 60_000;
const REPEATABLE = new Set(['GET', 'HEAD', 'PUT', 'DELETE']);
const EXHAUSTED_HINT: Record<Failure['code'], string> = {
  HTTP_UNREACHABLE: 'check the host name, network policies and proxy settings; the step can be run again',
  HTTP_THROTTLED: 'wait, or use a credential with a higher rate limit; the step can be run again',
  HTTP_SERVER_ERROR: 'the service is in trouble; the step can be run again',
};
const USER_AGENT = 'tekton-supply-chain';

/**
 * The HTTP client of the suite, and its only place with retries: network errors, 408, 429 and 5xx, with full jitter and
 * Retry-After (RFC 9110 section 10.2.3), never past the deadline. Any other status is returned.
 * Throws transient HTTP_UNREACHABLE, HTTP_THROTTLED or HTTP_SERVER_ERROR when the budget is spent, transient ABORTED,
 * refused HTTP_TLS (never retried) or HTTP_REDIRECT, input HTTP_URL_INVALID. GET and HEAD follow five redirects;
 * what could be a credential stays with the origin it was meant for.
 */
export function createHttp(options: HttpOptions): Http & { close(): void } {
  const now = options.now ?? Date.now;
  const client: Client = {
    log: options.log,
    retry: options.retry ?? DEFAULT_RETRY,
    now,
    sleep: options.sleep ?? ((ms, signal) => delay(ms, undefined, { signal })),
    random: options.random ?? Math.random,
    agents: createAgents({ ca: options.ca, client: options.client, env: options.env ?? process.env }),
    deadline: options.deadline ?? Number.POSITIVE_INFINITY,
    signal: options.signal ?? new AbortController().signal,
  };
  const http = (request: HttpRequest): Promise<HttpResponse> => call(client, request);
  return Object.assign(http, { close: () => client.agents.close() });
}

async function call(client: Client, request: HttpRequest): Promise<HttpResponse> {
  const method = (request.method ?? 'GET').toUpperCase();
  const exchange: Exchange = { request, method, retryable: request.retryable ?? REPEATABLE.has(method), started: client.now(), used: 0, finalUrl: request.url };
  const reopen: Reopen = async (cause, headers) => {
    const failure = networkFailure(cause);
    if (!exchange.retryable) throw exhausted(client, exchange, failure);
    await pause(client, exchange, failure);
    return open(client, exchange, headers);
  };
  const { what, maxBytes, timeoutMs = DEFAULT_TIMEOUT_MS } = request;
  for (;;) {
    const opened = await open(client, exchange, {});
    const response = await toResponse(opened, { what, method, url: exchange.finalUrl, maxBytes, timeoutMs, reopen });
    const isLimit = response.status >= 400 && request.saysRateLimit?.(await response.body()) === true;
    if (!isLimit) return response;
    const wait = retryAfterMs(response.headers['retry-after'], client.now());
    const reason = `status ${response.status}, a rate limit`;
    await pause(client, exchange, { code: 'HTTP_THROTTLED', reason, unsent: true, ...(wait !== undefined && { retryAfterMs: wait }) });
  }
}

/** Attempts until there is a final answer, or throws. */
async function open(client: Client, exchange: Exchange, extra: Record<string, string>): Promise<IncomingMessage> {
  for (;;) {
    exchange.used += 1;
    const outcome = await attempt(client, exchange, extra);
    if (outcome.response !== undefined) return outcome.response;
    if (!exchange.retryable && !outcome.failure.unsent) throw exhausted(client, exchange, outcome.failure);
    await pause(client, exchange, outcome.failure);
  }
}

type Outcome = { response: IncomingMessage } | { response?: undefined; failure: Failure };

async function attempt(client: Client, exchange: Exchange, extra: Record<string, string>): Promise<Outcome> {
  const { request } = exchange;
  const place = exchange.used > 1 && request.renew !== undefined ? await request.renew() : { url: request.url, headers: {} };
  try {
    const response = await follow(client, exchange, place.url, { ...request.headers, ...place.headers, ...extra });
    const wait = retryAfterMs(response.headers['retry-after'], client.now());
    const failure = limited(client, request, response) ?? statusFailure(response.statusCode ?? 0, wait);
    if (failure === undefined) return { response };
    response.destroy();
    return { failure };
  } catch (error) {
    if (error instanceof BodySourceError) throw error.cause;
    if (error instanceof StepError) throw error;
    const refused = tlsRefusal(error, request.what, redactUrl(place.url));
    if (refused !== undefined) throw refused;
    return { failure: networkFailure(error) };
  }
}

function limited(client: Client, { rateLimit }: HttpRequest, { statusCode = 0, headers }: IncomingMessage): Failure | undefined {
  const retryAfterMs = rateLimit?.(statusCode, headers, client.now());
  return retryAfterMs === undefined ? undefined : { code: 'HTTP_THROTTLED', reason: `status ${statusCode}, a rate limit`, retryAfterMs, unsent: true };
}

/** Sends the request and follows redirects of GET and HEAD (RFC 9110 section 15.4). */
async function follow(client: Client, exchange: Exchange, start: string, headers: Record<string, string>): Promise<IncomingMessage> {
  const { request, method } = exchange;
  let url = parseUrl(start, request.what);
  let sent: Record<string, string> = { 'user-agent': USER_AGENT, ...headers };
  const signal = stopSignal(client);
  for (let hop = 0; hop <= MAX_REDIRECTS; hop += 1) {
    const response = await sendOnce({
      url,
      method,
      headers: sent,
      body: request.body,
      timeoutMs: request.timeoutMs ?? DEFAULT_TIMEOUT_MS,
      signal,
      agent: client.agents.pick(url, exchange.retryable),
    });
    const target = redirectTarget(response, method, url, request.what);
    if (target === undefined) {
      exchange.finalUrl = url.href;
      return response;
    }
    response.destroy();
    if (target.origin !== url.origin) sent = harmless(sent);
    url = target;
  }
  throw refusedError('HTTP_REDIRECT', `cannot ${request.what}: more than ${MAX_REDIRECTS} redirects from ${redactUrl(start)}`);
}

function stopSignal(client: Client): AbortSignal {
  if (client.deadline === Number.POSITIVE_INFINITY) return client.signal;
  const left = Math.max(0, Math.min(client.deadline - client.now(), MAX_TIMER_MS));
  return AbortSignal.any([client.signal, AbortSignal.timeout(left)]);
}

/** What another origin may see. By name, because each service has a header of its own for its token (Authorization, X-Vault-Token, PRIVATE-TOKEN). */
const HARMLESS = new Set(['user-agent', 'accept', 'accept-encoding', 'range', 'if-range', 'if-match', 'if-none-match', 'content-type']);

function harmless(headers: Record<string, string>): Record<string, string> {
  return Object.fromEntries(Object.entries(headers).filter(([name]) => HARMLESS.has(name.toLowerCase())));
}

function parseUrl(text: string, what: string): URL {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    throw inputError('HTTP_URL_INVALID', `cannot ${what}: ${redactUrl(text)} is not an http or https URL`);
  }
  if (url.username !== '' || url.password !== '') {
    throw inputError('HTTP_URL_INVALID', `cannot ${what}: ${redactUrl(text)} carries a credential`, { hint: 'give credentials as files, never inside a URL' });
  }
  return url;
}

/** Waits before the next attempt, or throws when attempts or time are spent. */
async function pause(client: Client, exchange: Exchange, failure: Failure): Promise<void> {
  const { log, retry, random, now, deadline, signal, sleep } = client;
  const wait = Math.max(backoffMs(retry, exchange.used, random), failure.retryAfterMs ?? 0);
  const tooLong = now() + wait >= deadline || (failure.retryAfterMs ?? 0) > PATIENCE_MS;
  if (signal.aborted || exchange.used >= Math.min(retry.attempts, exchange.request.attempts ?? retry.attempts) || tooLong)
    throw exhausted(client, exchange, failure);
  log.warn(`retrying to ${exchange.request.what}: ${failure.reason}`, { attempt: exchange.used, wait_ms: wait });
  await sleep(wait, signal).catch((error: unknown) => {
    throw signal.aborted ? exhausted(client, exchange, failure) : error;
  });
}

function exhausted(client: Client, exchange: Exchange, failure: Failure): StepError {
  const { request, used, started } = exchange;
  if (client.signal.aborted) return transientError('ABORTED', `stopped while trying to ${request.what}`, { cause: failure.cause });
  const seconds = ((client.now() - started) / 1000).toFixed(1);
  const asked = failure.retryAfterMs === undefined ? '' : `, it asked to wait ${Math.ceil(failure.retryAfterMs / 1000)} s`;
  const tries = `${used} attempt${used === 1 ? '' : 's'} in ${seconds} s`;
  return transientError(failure.code, `cannot ${request.what}: ${failure.reason} from ${redactUrl(request.url)} (${tries}${asked})`, {
    hint: EXHAUSTED_HINT[failure.code],
    cause: failure.cause,
  });
}
