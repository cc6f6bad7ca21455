// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { deniedError } from '../errors/errors.ts';
import { type LogFields, type Logger, silentLogger } from '../log/log.ts';
import { createHttp } from './http.ts';
import { closeAll, failureOf, firstThen, type ScriptedServer, serve, startScriptedServer, testClient } from './test-server.ts';

afterEach(closeAll);

const ok = (response: ServerResponse): void => {
  response.end('{"fine":true}');
};

describe('retries', () => {
  test.each([408, 429, 499, 500, 502, 503, 504])('a GET that got %i is sent again', async (status) => {
    const server = await serve(firstThen((response) => response.writeHead(status).end(), ok));
    const http = testClient();
    expect(await (await http({ what: 'read it', url: server.url })).json()).toEqual({ fine: true });
    expect(server.seen).toHaveLength(2);
    expect(http.waits).toEqual([50]);
  });

  test.each(['GET', 'HEAD', 'PUT', 'DELETE'])('a %s whose connection is cut is sent again', async (method) => {
    const server = await serve(firstThen((response) => response.destroy(), ok));
    expect((await testClient()({ what: 'do it', method, url: server.url })).status).toBe(200);
    expect(server.seen.map((request) => request.method)).toEqual([method, method]);
  });

  test.each([
    ['HTTP_SERVER_ERROR', (response: ServerResponse) => response.writeHead(503).end()],
    ['HTTP_THROTTLED', (response: ServerResponse) => response.writeHead(429).end()],
    ['HTTP_UNREACHABLE', (response: ServerResponse) => response.destroy()],
  ])('a POST is sent once and fails with %s', async (code, answer) => {
    const server = await serve((_request, response) => answer(response));
    const error = await failureOf(testClient()({ what: 'write it', method: 'POST', url: server.url, body: Buffer.from('x') }));
    expect([error.kind, error.code]).toEqual(['transient', code]);
    expect(server.seen).toHaveLength(1);
  });

  test('a request may want fewer attempts than the client has, not more', async () => {
    const server = await serve((_request, response) => response.writeHead(503).end());
    for (const attempts of [1, 2, 9]) await failureOf(testClient()({ what: 'read it', url: server.url, attempts }));
    expect(server.seen).toHaveLength(1 + 2 + 4);
  });

  test('an error answer whose body says that it is a rate limit is waited for, a POST too', async () => {
    const limit = (response: ServerResponse): void => {
      response.writeHead(400, { 'retry-after': '7' }).end('slow down');
    };
    const server = await serve(firstThen(limit, ok));
    const http = testClient();
    const saysRateLimit = (body: Buffer): boolean => body.includes('slow down');
    expect((await http({ what: 'write it', method: 'POST', url: server.url, saysRateLimit })).status).toBe(200);
    expect(http.waits).toEqual([7000]);
    const always = await serve((_request, response) => limit(response));
    const error = await failureOf(testClient()({ what: 'write it', method: 'POST', url: always.url, saysRateLimit }));
    expect([error.kind, error.code, always.seen.length]).toEqual(['transient', 'HTTP_THROTTLED', 4]);
  });

  test('a POST that says it is retryable is sent again with its body', async () => {
    const server = await serve(firstThen((response) => response.writeHead(502).end(), ok));
    await testClient()({ what: 'write it', method: 'POST', url: server.url, body: Buffer.from('x'), retryable: true });
    expect(server.seen.map(({ body }) => body.toString())).toEqual(['x', 'x']);
  });

  test('a POST that cannot have been sent is tried again', async () => {
    const placeholder = await startScriptedServer(() => undefined);
    await placeholder.close();
    let server: ScriptedServer | undefined;
    const http = testClient({
      sleep: async () => {
        server = await serve((_request, response) => ok(response), { port: placeholder.port });
      },
    });
    const response = await http({ what: 'write it', method: 'POST', url: placeholder.url, body: Buffer.from('x') });
    expect(response.status).toBe(200);
    expect(server?.seen).toHaveLength(1);
  });

  test('the error after the last attempt says what, where, how often, and hides the query', async () => {
    const server = await serve((_request, response) => response.writeHead(502).end());
    const error = await failureOf(testClient()({ what: 'read the thing', url: `${server.url}/x?token=hunter2secret` }));
    expect(server.seen).toHaveLength(4);
    expect(error.message).toMatch(/cannot read the thing: status 502 from http:\/\/127\.0\.0\.1:\d+\/x\?token=\*\*\* \(4 attempts in \d+\.\d s\)/);
    expect(error.hint).toBeDefined();
  });

  test.each([200, 201, 204, 304, 400, 401, 403, 404, 409, 412, 422])('status %i is the caller’s', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    expect((await testClient()({ what: 'ask', url: server.url })).status).toBe(status);
    expect(server.seen).toHaveLength(1);
  });

  test('waits are full jitter under a cap', async () => {
    const server = await serve((_request, response) => response.writeHead(500).end());
    const http = testClient({ retry: { attempts: 7, baseMs: 100, capMs: 700 }, random: () => 1 });
    await failureOf(http({ what: 'ask', url: server.url }));
    expect(http.waits).toEqual([100, 200, 400, 700, 700, 700]);
  });

  test('a body function is called for every attempt', async () => {
    const server = await serve(firstThen((response) => response.writeHead(500).end(), ok));
    let calls = 0;
    async function* body(): AsyncGenerator<Buffer> {
      calls += 1;
      yield Buffer.from(`body ${calls}`);
    }
    await testClient()({ what: 'write', method: 'PUT', url: server.url, body });
    expect(server.seen.map((request) => request.body.toString())).toEqual(['body 1', 'body 2']);
  });

  test('an error of the body’s source comes out as it is and is not retried', async () => {
    const server = await serve((_request, response) => ok(response));
    const cause = deniedError('DIGEST_MISMATCH', 'forged');
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.from('first part');
      throw cause;
    }
    await expect(testClient()({ what: 'write', method: 'PUT', url: server.url, body })).rejects.toBe(cause);
    expect(server.seen).toHaveLength(0);
  });

  test('renew gives later attempts their place and headers', async () => {
    const server = await serve(firstThen((response) => response.destroy(), ok));
    const renew = async (): Promise<{ url: string; headers: Record<string, string> }> => ({ url: `${server.url}/second`, headers: { 'x-attempt': '2' } });
    await testClient()({ what: 'write', method: 'PUT', url: `${server.url}/first`, body: Buffer.from('x'), renew });
    expect(server.seen.map(({ url, headers }) => [url, headers['x-attempt']])).toEqual([
      ['/first', undefined],
      ['/second', '2'],
    ]);
  });
});

describe('Retry-After and the deadline', () => {
  const NOW = Date.parse('2026-11-24T12:00:00Z');

  test.each([
    ['7', 7000],
    ['Tue, 24 Nov 2026 12:00:09 GMT', 9000],
    ['0', 50],
    ['soon', 50],
    ['Tue, 24 Nov 2020 12:00:09 GMT', 50],
  ])('%s makes it wait %i ms', async (header, expected) => {
    const server = await serve(firstThen((response) => response.writeHead(429, { 'retry-after': header }).end(), ok));
    const http = testClient({ now: () => NOW });
    await http({ what: 'ask', url: server.url });
    expect(http.waits).toEqual([expected]);
  });

  test('a wait past the deadline is not begun', async () => {
    const server = await serve((_request, response) => response.writeHead(429, { 'retry-after': '30' }).end());
    const http = testClient({ now: () => NOW, deadline: NOW + 20_000 });
    const error = await failureOf(http({ what: 'ask', url: server.url }));
    expect(error.code).toBe('HTTP_THROTTLED');
    expect(error.message).toContain('it asked to wait 30 s');
    expect(http.waits).toEqual([]);
  });

  test('without a deadline nobody waits for an hour', async () => {
    const server = await serve((_request, response) => response.writeHead(503, { 'retry-after': '3600' }).end());
    const http = testClient();
    expect((await failureOf(http({ what: 'ask', url: server.url }))).code).toBe('HTTP_SERVER_ERROR');
    expect(http.waits).toEqual([]);
  });

  test('the deadline ends an attempt that is under way', async () => {
    const server = await serve(() => undefined);
    const error = await failureOf(testClient({ deadline: Date.now() + 150 })({ what: 'ask', url: server.url }));
    expect([error.code, error.message]).toEqual(['HTTP_UNREACHABLE', expect.stringContaining('no answer before the deadline')]);
  });

  test('a silent peer is given up after the timeout and tried again', async () => {
    const server = await serve(firstThen(() => undefined, ok));
    expect((await testClient()({ what: 'ask', url: server.url, timeoutMs: 80 })).status).toBe(200);
    expect(server.seen).toHaveLength(2);
  });

  test('a signal stops it with ABORTED', async () => {
    const stop = new AbortController();
    const server = await serve(() => stop.abort());
    const error = await failureOf(testClient({ signal: stop.signal })({ what: 'ask', url: server.url }));
    expect([error.kind, error.code]).toEqual(['transient', 'ABORTED']);
    expect(server.seen).toHaveLength(1);
  });

  test('a signal stops the wait as well', async () => {
    const stop = new AbortController();
    const server = await serve((_request, response) => {
      response.writeHead(503).end();
      setTimeout(() => stop.abort(), 30);
    });
    const http = createHttp({
      log: silentLogger,
      env: {},
      signal: stop.signal,
      retry: { attempts: 3, baseMs: 60_000, capMs: 60_000 },
      random: () => 1,
    });
    expect((await failureOf(http({ what: 'ask', url: server.url }))).code).toBe('ABORTED');
    http.close();
  });
});

test('a retry is logged without secrets', async () => {
  const lines: string[] = [];
  const log: Logger = { ...silentLogger, warn: (message: string, fields?: LogFields) => lines.push(`${message} ${JSON.stringify(fields)}`) };
  const server = await serve(firstThen((response) => response.writeHead(503).end(), ok));
  await testClient({ log })({ what: 'read the thing', url: `${server.url}/?token=hunter2secret`, headers: { authorization: 'Bearer hunter2secret' } });
  expect(lines).toEqual(['retrying to read the thing: status 503 {"attempt":1,"wait_ms":50}']);
});
