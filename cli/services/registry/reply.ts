// SPDX-License-Identifier: Apache-2.0
import { createReadStream } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { Transform } from 'node:stream';
import { pipeline } from 'node:stream/promises';

/** A part of a file on disk; `end` is exclusive. */
export type FileBody = { path: string; start: number; end: number };
export type Reply = { status: number; headers?: Record<string, string>; body?: Buffer | FileBody };

/** What a test may do to a request or its answer. `lost` handles the request and then cuts the connection. */
export type Fault =
  | { kind: 'reply'; status: number; headers?: Record<string, string>; body?: string }
  | { kind: 'cut' }
  | { kind: 'lost' }
  | { kind: 'truncate'; bytes: number }
  | { kind: 'corrupt' }
  | { kind: 'headers'; headers: Record<string, string> }
  | { kind: 'delay'; ms: number };

/** Error codes of the distribution spec ("Error Codes"), and their status. */
const STATUS_BY_CODE = {
  BLOB_UNKNOWN: 404,
  BLOB_UPLOAD_INVALID: 400,
  BLOB_UPLOAD_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_BLOB_UNKNOWN: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  NOT_FOUND: 404,
  PRECONDITION_FAILED: 412,
  RANGE_INVALID: 416,
  SIZE_INVALID: 413,
  TAG_INVALID: 400,
  TOOMANYREQUESTS: 429,
  UNSUPPORTED: 405,
} as const;
export type ErrorCode = keyof typeof STATUS_BY_CODE;

/** An error answer in the spec's JSON form. */
export function failed(code: ErrorCode, message: string, headers: Record<string, string> = {}): Reply {
  const body = Buffer.from(JSON.stringify({ errors: [{ code, message }] }));
  return { status: STATUS_BY_CODE[code], headers: { 'content-type': 'application/json', ...headers }, body };
}

/** A JSON answer. */
export function json(status: number, value: unknown, headers: Record<string, string> = {}): Reply {
  return { status, headers: { 'content-type': 'application/json', ...headers }, body: Buffer.from(JSON.stringify(value)) };
}

/** Writes the reply; for HEAD only its head. `fault` may cut or change the body on the way. */
export async function send(response: ServerResponse, reply: Reply, isHead: boolean, fault?: Fault): Promise<void> {
  const { body } = reply;
  const length = body === undefined ? 0 : Buffer.isBuffer(body) ? body.length : body.end - body.start;
  const extra = fault?.kind === 'headers' ? fault.headers : {};
  response.writeHead(reply.status, { ...(reply.status === 204 ? {} : { 'content-length': String(length) }), ...reply.headers, ...extra });
  if (isHead || body === undefined || length === 0) {
    response.end();
    return;
  }
  if (fault?.kind === 'truncate') {
    const part = Buffer.isBuffer(body) ? body.subarray(0, fault.bytes) : { ...body, end: Math.min(body.end, body.start + fault.bytes) };
    await pipeline(source(part), response, { end: false });
    response.destroy();
    return;
  }
  await (fault?.kind === 'corrupt' ? pipeline(source(body), firstByteFlipped(), response) : pipeline(source(body), response));
}

function source(body: Buffer | FileBody): NodeJS.ReadableStream | Iterable<Buffer> {
  if (Buffer.isBuffer(body)) return [body];
  return body.end > body.start ? createReadStream(body.path, { start: body.start, end: body.end - 1 }) : [];
}

function firstByteFlipped(): Transform {
  let isFirst = true;
  return new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const copy = Buffer.from(chunk);
      if (isFirst && copy.length > 0) copy[0] = (copy[0] ?? 0) ^ 1;
      isFirst = false;
      done(null, copy);
    },
  });
}
