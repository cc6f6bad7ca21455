// SPDX-License-Identifier: Apache-2.0
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http';
import { refusedError, StepError } from '../errors/errors.ts';
import { readChunks } from './attempt.ts';
import type { HttpResponse } from './http.ts';

/** Sends the same request again after its body broke with `cause`; `headers` are added. Throws when the budget is spent. */
export type Reopen = (cause: unknown, headers: Record<string, string>) => Promise<IncomingMessage>;

export type ResponseContext = {
  what: string;
  method: string;
  url: string;
  maxBytes: number | undefined;
  timeoutMs: number;
  reopen: Reopen;
};

const DEFAULT_MAX_BYTES = 4 * 1024 * 1024;
const EAGER_BYTES = 64 * 1024;

/**
 * The response as callers see it. Short bodies and bodies of anything but a successful GET are read at once, so that
 * a caller who does not look at the body never holds a connection; of an error answer at most 64 KiB are kept.
 */
export async function toResponse(message: IncomingMessage, context: ResponseContext): Promise<HttpResponse> {
  const status = message.statusCode ?? 0;
  const ok = status >= 200 && status < 300;
  const length = Number(message.headers['content-length'] ?? Number.NaN);
  if (ok && context.method === 'GET' && !(length <= EAGER_BYTES)) return responseOf(message, lazyBody(message, context), context);
  const limit = ok ? (context.maxBytes ?? DEFAULT_MAX_BYTES) : EAGER_BYTES;
  const bytes = await readAll(message, context, limit, ok);
  return responseOf(message, { bytes: async () => bytes, stream: () => once(bytes) }, context);
}

type Body = { bytes(): Promise<Buffer>; stream(): AsyncIterable<Buffer> };

function responseOf(message: IncomingMessage, body: Body, context: ResponseContext): HttpResponse {
  return {
    status: message.statusCode ?? 0,
    url: context.url,
    headers: plainHeaders(message.headers),
    body: body.bytes,
    stream: body.stream,
    async json() {
      const bytes = await body.bytes();
      try {
        return JSON.parse(bytes.toString('utf8')) as unknown;
      } catch (cause) {
        throw refusedError('HTTP_BODY_INVALID', `cannot ${context.what}: the answer is not JSON`, { cause });
      }
    },
  };
}

function lazyBody(message: IncomingMessage, context: ResponseContext): Body {
  let taken: Promise<Buffer> | undefined;
  return {
    bytes() {
      taken ??= readAll(message, context, context.maxBytes ?? DEFAULT_MAX_BYTES, true);
      return taken;
    },
    stream: () => resumable(message, context),
  };
}

async function* once(bytes: Buffer): AsyncGenerator<Buffer> {
  if (bytes.length > 0) yield bytes;
}

/** The whole body; a broken one is fetched again. Over `limit`: an error when `strict`, else cut there. */
async function readAll(first: IncomingMessage, context: ResponseContext, limit: number, strict: boolean): Promise<Buffer> {
  let message = first;
  for (;;) {
    try {
      return await readBounded(message, context, limit, strict);
    } catch (error) {
      if (error instanceof StepError) throw error;
      const again = await context.reopen(error, {});
      if (again.statusCode !== first.statusCode) {
        again.destroy();
        throw refusedError(
          'HTTP_BODY_INVALID',
          `cannot ${context.what}: the answer broke off with status ${first.statusCode} and came back with ${again.statusCode}`,
        );
      }
      message = again;
    }
  }
}

async function readBounded(message: IncomingMessage, context: ResponseContext, limit: number, strict: boolean): Promise<Buffer> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of readChunks(message, context.timeoutMs)) {
    chunks.push(chunk);
    size += chunk.length;
    if (size <= limit) continue;
    if (!strict) return Buffer.concat(chunks).subarray(0, limit);
    throw refusedError('HTTP_BODY_TOO_LARGE', `cannot ${context.what}: the answer is larger than ${limit} bytes`);
  }
  return Buffer.concat(chunks);
}

/**
 * The body as a stream that survives a cut connection: the rest is asked for with a Range (RFC 9110 section 14.2), and
 * where the server answers with the whole again, the part already given is skipped.
 */
async function* resumable(first: IncomingMessage, context: ResponseContext): AsyncGenerator<Buffer> {
  let message = first;
  let given = 0;
  let skip = 0;
  for (;;) {
    try {
      for await (const chunk of readChunks(message, context.timeoutMs)) {
        const fresh = chunk.subarray(Math.min(skip, chunk.length));
        skip -= chunk.length - fresh.length;
        given += fresh.length;
        if (fresh.length > 0) yield fresh;
      }
      return;
    } catch (error) {
      message = await context.reopen(error, given > 0 ? { range: `bytes=${given}-` } : {});
      skip = resumeOffset(message, given, context.what);
    }
  }
}

/** How many bytes of the new answer were given already. */
function resumeOffset(message: IncomingMessage, given: number, what: string): number {
  if (message.statusCode === 200) return given;
  const from = /^bytes (\d+)-/.exec(message.headers['content-range'] ?? '')?.[1];
  if (message.statusCode === 206 && from !== undefined && Number(from) === given) return 0;
  message.destroy();
  throw refusedError('HTTP_BODY_INVALID', `cannot ${what}: the answer broke off after ${given} bytes and the rest came with status ${message.statusCode}`);
}

function plainHeaders(headers: IncomingHttpHeaders): Record<string, string | undefined> {
  return Object.fromEntries(Object.entries(headers).map(([name, value]) => [name, Array.isArray(value) ? value.join(', ') : value]));
}
