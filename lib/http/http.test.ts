// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { deniedError, StepError } from '../errors/errors.ts';
import { type LogFields, type Logger, silentLogger } from '../log/log.ts';
import { createHttp, type Http, type HttpOptions } from './http.ts';
import { type Script, type ScriptedServer, startScriptedServer } from './scripted-server.ts';

const NO_PROXY_ENV = {};
const opened: { close(): Promise<void> | void }[] = [];

afterEach(async () => {
  for (const { close } of opened.splice(0)) await close();
});

async function serve(script: Script, options?: Parameters<typeof startScriptedServer>[1]): Promise<ScriptedServer> {
  const server = await startScriptedServer(script, options);
  opened.push(server);
  return server;
}

/** A client whose waits take no time and are written down. */
function client(options: Partial<HttpOptions> = {}): Http & { waits: number[] } {
  const waits: number[] = [];
  const http = createHttp({
    log: silentLogger,
    env: NO_PROXY_ENV,
    retry: { attempts: 4, baseMs: 100, capMs: 1000 },
    random: () => 0.5,
    sleep: async (ms) => {
      waits.push(ms);
    },
    ...options,
  });
  opened.push(http);
  return Object.assign((request: Parameters<Http>[0]) => http(request), { waits });
}

async function failure(promise: Promise<unknown>): Promise<StepError> {
  const error = await promise.then(
    () => undefined,
    (caught: unknown) => caught,
  );
  if (!(error instanceof StepError)) throw new Error(`expected a StepError, got ${String(error)}`);
  return error;
}

function firstThen(first: (response: ServerResponse) => void, then: (response: ServerResponse) => void): Script {
  return (_request, response, count) => (count === 1 ? first(response) : then(response));
}

const ok = (response: ServerResponse): void => {
  response.end('{"fine":true}');
};

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

describe('retries', () => {
  test.each([408, 429, 500, 502, 503, 504])('a GET that got %i is sent again', async (status) => {
    const server = await serve(firstThen((response) => response.writeHead(status).end(), ok));
    const http = client();
    expect(await (await http({ what: 'read it', url: server.url })).json()).toEqual({ fine: true });
    expect(server.seen).toHaveLength(2);
    expect(http.waits).toEqual([50]);
  });

  test.each(['GET', 'HEAD', 'PUT', 'DELETE'])('a %s whose connection is cut is sent again', async (method) => {
    const server = await serve(firstThen((response) => response.destroy(), ok));
    expect((await client()({ what: 'do it', method, url: server.url })).status).toBe(200);
    expect(server.seen.map((request) => request.method)).toEqual([method, method]);
  });

  test.each([
    ['HTTP_SERVER_ERROR', (response: ServerResponse) => response.writeHead(503).end()],
    ['HTTP_THROTTLED', (response: ServerResponse) => response.writeHead(429).end()],
    ['HTTP_UNREACHABLE', (response: ServerResponse) => response.destroy()],
  ])('a POST is sent once and fails with %s', async (code, answer) => {
    const server = await serve((_request, response) => answer(response));
    const error = await failure(client()({ what: 'write it', method: 'POST', url: server.url, body: Buffer.from('x') }));
    expect([error.kind, error.code]).toEqual(['transient', code]);
    expect(server.seen).toHaveLength(1);
  });

  test('a POST that says it is retryable is sent again with its body', async () => {
    const server = await serve(firstThen((response) => response.writeHead(502).end(), ok));
    await client()({ what: 'write it', method: 'POST', url: server.url, body: Buffer.from('x'), retryable: true });
    expect(server.seen.map(({ body }) => body.toString())).toEqual(['x', 'x']);
  });

  test('a POST that cannot have been sent is tried again', async () => {
    const placeholder = await startScriptedServer(() => undefined);
    await placeholder.close();
    let server: ScriptedServer | undefined;
    const http = client({
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
    const error = await failure(client()({ what: 'read the thing', url: `${server.url}/x?token=hunter2secret` }));
    expect(server.seen).toHaveLength(4);
    expect(error.message).toMatch(/cannot read the thing: status 502 from http:\/\/127\.0\.0\.1:\d+\/x\?token=\*\*\* \(4 attempts in \d+\.\d s\)/);
    expect(error.hint).toBeDefined();
  });

  test.each([200, 201, 204, 304, 400, 401, 403, 404, 409, 412, 422])('status %i is the caller’s', async (status) => {
    const server = await serve((_request, response) => response.writeHead(status).end());
    expect((await client()({ what: 'ask', url: server.url })).status).toBe(status);
    expect(server.seen).toHaveLength(1);
  });

  test('waits are full jitter under a cap', async () => {
    const server = await serve((_request, response) => response.writeHead(500).end());
    const http = client({ retry: { attempts: 7, baseMs: 100, capMs: 700 }, random: () => 1 });
    await failure(http({ what: 'ask', url: server.url }));
    expect(http.waits).toEqual([100, 200, 400, 700, 700, 700]);
  });

  test('a body function is called for every attempt', async () => {
    const server = await serve(firstThen((response) => response.writeHead(500).end(), ok));
    let calls = 0;
    async function* body(): AsyncGenerator<Buffer> {
      calls += 1;
      yield Buffer.from(`body ${calls}`);
    }
    await client()({ what: 'write', method: 'PUT', url: server.url, body });
    expect(server.seen.map((request) => request.body.toString())).toEqual(['body 1', 'body 2']);
  });

  test('an error of the body’s source comes out as it is and is not retried', async () => {
    const server = await serve((_request, response) => ok(response));
    const cause = deniedError('DIGEST_MISMATCH', 'forged');
    async function* body(): AsyncGenerator<Buffer> {
      yield Buffer.from('first part');
      throw cause;
    }
    await expect(client()({ what: 'write', method: 'PUT', url: server.url, body })).rejects.toBe(cause);
    expect(server.seen).toHaveLength(0);
  });

  test('renew gives later attempts their place and headers', async () => {
    const server = await serve(firstThen((response) => response.destroy(), ok));
    const renew = async (): Promise<{ url: string; headers: Record<string, string> }> => ({ url: `${server.url}/second`, headers: { 'x-attempt': '2' } });
    await client()({ what: 'write', method: 'PUT', url: `${server.url}/first`, body: Buffer.from('x'), renew });
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
    const http = client({ now: () => NOW });
    await http({ what: 'ask', url: server.url });
    expect(http.waits).toEqual([expected]);
  });

  test('a wait past the deadline is not begun', async () => {
    const server = await serve((_request, response) => response.writeHead(429, { 'retry-after': '30' }).end());
    const http = client({ now: () => NOW, deadline: NOW + 20_000 });
    const error = await failure(http({ what: 'ask', url: server.url }));
    expect(error.code).toBe('HTTP_THROTTLED');
    expect(error.message).toContain('it asked to wait 30 s');
    expect(http.waits).toEqual([]);
  });

  test('without a deadline nobody waits for an hour', async () => {
    const server = await serve((_request, response) => response.writeHead(503, { 'retry-after': '3600' }).end());
    const http = client();
    expect((await failure(http({ what: 'ask', url: server.url }))).code).toBe('HTTP_SERVER_ERROR');
    expect(http.waits).toEqual([]);
  });

  test('the deadline ends an attempt that is under way', async () => {
    const server = await serve(() => undefined);
    const error = await failure(client({ deadline: Date.now() + 150 })({ what: 'ask', url: server.url }));
    expect([error.code, error.message]).toEqual(['HTTP_UNREACHABLE', expect.stringContaining('no answer before the deadline')]);
  });

  test('a silent peer is given up after the timeout and tried again', async () => {
    const server = await serve(firstThen(() => undefined, ok));
    expect((await client()({ what: 'ask', url: server.url, timeoutMs: 80 })).status).toBe(200);
    expect(server.seen).toHaveLength(2);
  });

  test('a signal stops it with ABORTED', async () => {
    const stop = new AbortController();
    const server = await serve(() => stop.abort());
    const error = await failure(client({ signal: stop.signal })({ what: 'ask', url: server.url }));
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
      env: NO_PROXY_ENV,
      signal: stop.signal,
      retry: { attempts: 3, baseMs: 60_000, capMs: 60_000 },
      random: () => 1,
    });
    opened.push(http);
    expect((await failure(http({ what: 'ask', url: server.url }))).code).toBe('ABORTED');
  });
});

describe('bodies', () => {
  const LONG = 'abcdefghij'.repeat(20_000);

  function cutAfter(bytes: number): (response: ServerResponse) => void {
    return (response) => {
      response.writeHead(200, { 'content-length': String(LONG.length) });
      response.write(LONG.slice(0, bytes), () => setTimeout(() => response.destroy(), 20));
    };
  }

  test('a long body that breaks off is read again', async () => {
    const server = await serve(firstThen(cutAfter(100_000), (response) => response.end(LONG)));
    expect((await (await client()({ what: 'read', url: server.url })).body()).toString()).toBe(LONG);
  });

  test('a short body that breaks off is read again', async () => {
    const short = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-length': '10' }).write('abc', () => response.destroy());
    };
    const server = await serve(firstThen(short, (response) => response.end('abcdefghij')));
    expect((await (await client()({ what: 'read', url: server.url })).body()).toString()).toBe('abcdefghij');
  });

  test('a stream that breaks off goes on where it broke, by Range', async () => {
    const server = await serve((request, response, count) => {
      if (count === 1) return cutAfter(100_000)(response);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, { 'content-range': `bytes ${from}-${LONG.length - 1}/${LONG.length}` }).end(LONG.slice(from));
    });
    expect(await text((await client()({ what: 'read', url: server.url })).stream())).toBe(LONG);
    expect(server.seen[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test('a server without Range sends all again and the known part is skipped', async () => {
    const server = await serve(firstThen(cutAfter(100_000), (response) => response.end(LONG)));
    expect(await text((await client()({ what: 'read', url: server.url })).stream())).toBe(LONG);
  });

  test('a rest that begins elsewhere is refused', async () => {
    const server = await serve(firstThen(cutAfter(100_000), (response) => response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('abcde')));
    const error = await failure(text((await client()({ what: 'read', url: server.url })).stream()));
    expect([error.kind, error.code]).toEqual(['refused', 'HTTP_BODY_INVALID']);
  });

  test('a stream that always breaks off ends as unreachable', async () => {
    const server = await serve((_request, response) => cutAfter(0)(response));
    expect((await failure(text((await client()({ what: 'read', url: server.url })).stream()))).code).toBe('HTTP_UNREACHABLE');
    expect(server.seen).toHaveLength(4);
  });

  test.each([{ 'content-length': '300' }, {}])('a body over the limit is refused (%j)', async (headers) => {
    const server = await serve((_request, response) => response.writeHead(200, headers).end('x'.repeat(300)));
    const request = async (): Promise<Buffer> => (await client()({ what: 'read', url: server.url, maxBytes: 299 })).body();
    expect((await failure(request())).code).toBe('HTTP_BODY_TOO_LARGE');
  });

  test('an error answer is cut instead', async () => {
    const server = await serve((_request, response) => response.writeHead(404).end('x'.repeat(200_000)));
    expect((await (await client()({ what: 'read', url: server.url })).body()).length).toBe(65_536);
  });

  test('an answer that is not JSON is refused', async () => {
    const server = await serve((_request, response) => response.end('<html>'));
    expect((await failure((await client()({ what: 'read', url: server.url })).json())).code).toBe('HTTP_BODY_INVALID');
  });

  test('an answer before the body is sent is taken', async () => {
    const server = await serve((_request, response) => response.writeHead(413).end(), { eager: true });
    async function* body(): AsyncGenerator<Buffer> {
      for (let part = 0; part < 2000; part += 1) yield Buffer.alloc(65_536);
    }
    expect((await client()({ what: 'write', method: 'PUT', url: server.url, body })).status).toBe(413);
  });

  test('a body that nobody reads may break', async () => {
    const server = await serve((_request, response) => cutAfter(100_000)(response));
    expect((await client()({ what: 'read', url: server.url })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 80));
  });

  test('a reader who leaves early does not hang the client', async () => {
    const server = await serve((_request, response) => response.end(LONG.repeat(20)));
    const response = await client()({ what: 'read', url: server.url });
    for await (const chunk of response.stream()) {
      expect(chunk.length).toBeGreaterThan(0);
      break;
    }
  });
});

describe('redirects and addresses', () => {
  test('Authorization goes on to the same origin and not to another', async () => {
    const other = await serve((_request, response) => ok(response));
    const target = other.url.replace('127.0.0.1', 'localhost');
    const server = await serve((request, response) => {
      response.writeHead(307, { location: request.url === '/a' ? '/b' : target }).end();
    });
    const response = await client()({ what: 'read', url: `${server.url}/a`, headers: { authorization: 'Bearer s3cret-token', accept: 'x/y' } });
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer s3cret-token', 'Bearer s3cret-token']);
    expect([other.seen[0]?.headers.authorization, other.seen[0]?.headers.accept, response.url]).toEqual([undefined, 'x/y', `${target}/`]);
  });

  test('the sixth redirect is refused', async () => {
    const server = await serve((request, response) => response.writeHead(302, { location: `${request.url}x` }).end());
    expect((await failure(client()({ what: 'read', url: server.url }))).code).toBe('HTTP_REDIRECT');
    expect(server.seen).toHaveLength(6);
  });

  test.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'http://'])('a redirect to %s is refused', async (location) => {
    const server = await serve((_request, response) => response.writeHead(302, { location }).end());
    expect((await failure(client()({ what: 'read', url: server.url }))).code).toBe('HTTP_REDIRECT');
  });

  test('a redirected PUT is the caller’s', async () => {
    const server = await serve((_request, response) => response.writeHead(307, { location: '/there' }).end());
    expect((await client()({ what: 'write', method: 'PUT', url: server.url, body: Buffer.from('x') })).status).toBe(307);
  });

  test.each(['ftp://h/x', 'nonsense', 'https://user:hunter2@h/x'])('%s is not an address to send to', async (url) => {
    const error = await failure(client()({ what: 'read', url }));
    expect([error.kind, error.code]).toEqual(['input', 'HTTP_URL_INVALID']);
    expect(error.message).not.toContain('hunter2');
  });

  test('the proxy of the environment is used, but not for this machine', async () => {
    const proxy = await serve((_request, response) => response.end('by proxy'));
    const server = await serve((_request, response) => response.end('direct'));
    const http = client({ env: { HTTP_PROXY: proxy.url } });
    expect((await (await http({ what: 'read', url: 'http://r.example.com/x' })).body()).toString()).toBe('by proxy');
    expect(proxy.seen[0]?.url).toBe('http://r.example.com/x');
    expect((await (await http({ what: 'read', url: server.url })).body()).toString()).toBe('direct');
  });
});

test('a retry is logged without secrets', async () => {
  const lines: string[] = [];
  const log: Logger = { ...silentLogger, warn: (message: string, fields?: LogFields) => lines.push(`${message} ${JSON.stringify(fields)}`) };
  const server = await serve(firstThen((response) => response.writeHead(503).end(), ok));
  await client({ log })({ what: 'read the thing', url: `${server.url}/?token=hunter2secret`, headers: { authorization: 'Bearer hunter2secret' } });
  expect(lines).toEqual(['retrying to read the thing: status 503 {"attempt":1,"wait_ms":50}']);
});
