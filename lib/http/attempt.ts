// SPDX-License-Identifier: Apache-2.0
import { once } from 'node:events';
import { type Agent, type ClientRequest, request as httpRequest, type IncomingMessage } from 'node:http';
import { request as httpsRequest } from 'node:https';
import { silenceTimer } from './silence.ts';

/** Bytes to send: at hand, or made anew for every attempt. */
export type RequestBody = Buffer | (() => AsyncIterable<Uint8Array>);

export type Attempt = {
  url: URL;
  method: string;
  headers: Record<string, string>;
  body: RequestBody | undefined;
  /** Longest silence on the wire, in either direction. */
  timeoutMs: number;
  signal: AbortSignal;
  agent: Agent;
};

/** The peer was silent for longer than `timeoutMs`. */
export class SilenceError extends Error {
  readonly code = 'ETIMEDOUT';
  constructor(timeoutMs: number) {
    super(`no byte for ${timeoutMs} ms`);
  }
}

/** The caller's own body iterable failed: not the wire's fault, so it is never retried. */
export class BodySourceError extends Error {
  constructor(cause: unknown) {
    super('the request body could not be produced', { cause });
  }
}

/** A reason of our own: without one each request would make an exception with a stack trace, which a service notices. */
const ANSWERED = 'answered';

/**
 * One request over node:http(s): resolves with the response head as soon as it is there, the body unread.
 * Rejects with the socket's error, a SilenceError or a BodySourceError. An answer that comes before the body is sent
 * (401, 413) stops the sending.
 */
export function sendOnce(attempt: Attempt): Promise<IncomingMessage> {
  const { url, method, headers, body, timeoutMs, signal, agent } = attempt;
  return new Promise((resolve, reject) => {
    const send = url.protocol === 'https:' ? httpsRequest : httpRequest;
    const request = send(url, { method, headers, agent, signal });
    const answered = new AbortController();
    const silence = silenceTimer(timeoutMs, () => request.destroy(new SilenceError(timeoutMs)));
    silence.touch();
    const settle = (): void => {
      answered.abort(ANSWERED);
      silence.stop();
    };
    const onProgress = (): void => {
      if (!answered.signal.aborted) silence.touch();
    };
    request.on('socket', (socket) => {
      if (!socket.connecting) return;
      socket.once('connect', onProgress);
      socket.once('secureConnect', onProgress);
    });
    request.once('response', (response) => {
      settle();
      if (!request.writableFinished) response.once('end', () => request.destroy());
      resolve(response);
    });
    request.on('error', (error) => {
      settle();
      reject(error);
    });
    request.once('close', settle);
    writeBody(request, body, answered.signal, onProgress).catch((error: unknown) => {
      request.destroy(error instanceof Error ? error : new BodySourceError(error));
    });
  });
}

async function writeBody(request: ClientRequest, body: RequestBody | undefined, answered: AbortSignal, onProgress: () => void): Promise<void> {
  if (body === undefined) {
    request.end();
    return;
  }
  if (typeof body !== 'function') {
    request.end(body);
    return;
  }
  const source = body()[Symbol.asyncIterator]();
  for (;;) {
    const next = await source.next().catch((error: unknown) => {
      throw new BodySourceError(error);
    });
    if (next.done === true) break;
    if (answered.aborted || request.destroyed) {
      await source.return?.();
      return;
    }
    onProgress();
    if (!request.write(next.value)) await once(request, 'drain', { signal: answered }).catch(() => undefined);
  }
  onProgress();
  request.end();
}

/**
 * The chunks of a response body. Throws when the connection ends before the message does, or when the peer is silent
 * for `timeoutMs` while a chunk is awaited (a slow reader does not count). Leaving the loop early drops the connection.
 */
export async function* readChunks(response: IncomingMessage, timeoutMs: number): AsyncGenerator<Buffer> {
  const silence = silenceTimer(timeoutMs, () => response.destroy(new SilenceError(timeoutMs)));
  const chunks = response.iterator({ destroyOnReturn: true }) as AsyncIterator<Buffer>;
  try {
    for (;;) {
      silence.touch();
      const next = await chunks.next();
      silence.stop();
      if (next.done === true) break;
      yield next.value;
    }
    if (!response.complete) throw new Error('the connection ended before the message did');
  } finally {
    silence.stop();
    await chunks.return?.();
  }
}
