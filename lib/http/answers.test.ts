// SPDX-License-Identifier: Apache-2.0
import type { ServerResponse } from 'node:http';
import { afterEach, describe, expect, test } from 'vitest';
import { createAgents } from './agents.ts';
import { closeAll, failureOf, firstThen, serve, testClient } from './test-server.ts';

afterEach(closeAll);

const ok = (response: ServerResponse): void => {
  response.end('{"fine":true}');
};

async function text(stream: AsyncIterable<Buffer>): Promise<string> {
  const chunks: Buffer[] = [];
  for await (const chunk of stream) chunks.push(chunk);
  return Buffer.concat(chunks).toString();
}

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
    expect((await (await testClient()({ what: 'read', url: server.url })).body()).toString()).toBe(LONG);
  });

  test('a short body that breaks off is read again', async () => {
    const short = (response: ServerResponse): void => {
      response.writeHead(200, { 'content-length': '10' }).write('abc', () => response.destroy());
    };
    const server = await serve(firstThen(short, (response) => response.end('abcdefghij')));
    expect((await (await testClient()({ what: 'read', url: server.url })).body()).toString()).toBe('abcdefghij');
  });

  test('a stream that breaks off goes on where it broke, by Range', async () => {
    const server = await serve((request, response, count) => {
      if (count === 1) return cutAfter(100_000)(response);
      const from = Number(/bytes=(\d+)-/.exec(request.headers.range ?? '')?.[1]);
      response.writeHead(206, { 'content-range': `bytes ${from}-${LONG.length - 1}/${LONG.length}` }).end(LONG.slice(from));
    });
    expect(await text((await testClient()({ what: 'read', url: server.url })).stream())).toBe(LONG);
    expect(server.seen[1]?.headers.range).toMatch(/^bytes=[1-9]\d*-$/);
  });

  test('a server without Range sends all again and the known part is skipped', async () => {
    const server = await serve(firstThen(cutAfter(100_000), (response) => response.end(LONG)));
    expect(await text((await testClient()({ what: 'read', url: server.url })).stream())).toBe(LONG);
  });

  test('a rest that begins elsewhere is refused', async () => {
    const server = await serve(firstThen(cutAfter(100_000), (response) => response.writeHead(206, { 'content-range': 'bytes 5-9/10' }).end('abcde')));
    const error = await failureOf(text((await testClient()({ what: 'read', url: server.url })).stream()));
    expect([error.kind, error.code]).toEqual(['refused', 'HTTP_BODY_INVALID']);
  });

  test('a stream that always breaks off ends as unreachable', async () => {
    const server = await serve((_request, response) => cutAfter(0)(response));
    expect((await failureOf(text((await testClient()({ what: 'read', url: server.url })).stream()))).code).toBe('HTTP_UNREACHABLE');
    expect(server.seen).toHaveLength(4);
  });

  test.each([{ 'content-length': '300' }, {}])('a body over the limit is refused (%j)', async (headers) => {
    const server = await serve((_request, response) => response.writeHead(200, headers).end('x'.repeat(300)));
    const request = async (): Promise<Buffer> => (await testClient()({ what: 'read', url: server.url, maxBytes: 299 })).body();
    expect((await failureOf(request())).code).toBe('HTTP_BODY_TOO_LARGE');
  });

  test('an error answer is cut instead', async () => {
    const server = await serve((_request, response) => response.writeHead(404).end('x'.repeat(200_000)));
    expect((await (await testClient()({ what: 'read', url: server.url })).body()).length).toBe(65_536);
  });

  test('an answer that is not JSON is refused', async () => {
    const server = await serve((_request, response) => response.end('<html>'));
    expect((await failureOf((await testClient()({ what: 'read', url: server.url })).json())).code).toBe('HTTP_BODY_INVALID');
  });

  test('an answer before the body is sent is taken', async () => {
    const server = await serve((_request, response) => response.writeHead(413).end(), { eager: true });
    async function* body(): AsyncGenerator<Buffer> {
      for (let part = 0; part < 2000; part += 1) yield Buffer.alloc(65_536);
    }
    expect((await testClient()({ what: 'write', method: 'PUT', url: server.url, body })).status).toBe(413);
  });

  test('a body that nobody reads may break', async () => {
    const server = await serve((_request, response) => cutAfter(100_000)(response));
    expect((await testClient()({ what: 'read', url: server.url })).status).toBe(200);
    await new Promise((resolve) => setTimeout(resolve, 80));
  });

  test('a reader who leaves early does not hang the client', async () => {
    const server = await serve((_request, response) => response.end(LONG.repeat(20)));
    const response = await testClient()({ what: 'read', url: server.url });
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
    const response = await testClient()({ what: 'read', url: `${server.url}/a`, headers: { authorization: 'Bearer s3cret-token', accept: 'x/y' } });
    expect(server.seen.map(({ headers }) => headers.authorization)).toEqual(['Bearer s3cret-token', 'Bearer s3cret-token']);
    expect([other.seen[0]?.headers.authorization, other.seen[0]?.headers.accept, response.url]).toEqual([undefined, 'x/y', `${target}/`]);
  });

  test.each(['Cookie', 'Proxy-Authorization', 'X-Vault-Token', 'PRIVATE-TOKEN'])('%s does not go on to another origin either', async (name) => {
    const other = await serve((_request, response) => ok(response));
    const server = await serve((_request, response) => response.writeHead(307, { location: other.url.replace('127.0.0.1', 'localhost') }).end());
    await testClient()({ what: 'read', url: server.url, headers: { [name]: 's3cret-token', Range: 'bytes=0-' } });
    expect(other.seen[0]?.headers).toMatchObject({ range: 'bytes=0-' });
    expect(JSON.stringify(other.seen[0]?.headers)).not.toContain('s3cret-token');
  });

  test('the sixth redirect is refused', async () => {
    const server = await serve((request, response) => response.writeHead(302, { location: `${request.url}x` }).end());
    expect((await failureOf(testClient()({ what: 'read', url: server.url }))).code).toBe('HTTP_REDIRECT');
    expect(server.seen).toHaveLength(6);
  });

  test.each(['ftp://127.0.0.1/x', 'file:///etc/passwd', 'http://'])('a redirect to %s is refused', async (location) => {
    const server = await serve((_request, response) => response.writeHead(302, { location }).end());
    expect((await failureOf(testClient()({ what: 'read', url: server.url }))).code).toBe('HTTP_REDIRECT');
  });

  test('a redirected PUT is the caller’s', async () => {
    const server = await serve((_request, response) => response.writeHead(307, { location: '/there' }).end());
    expect((await testClient()({ what: 'write', method: 'PUT', url: server.url, body: Buffer.from('x') })).status).toBe(307);
  });

  test.each(['ftp://h/x', 'nonsense', 'https://user:hunter2@h/x'])('%s is not an address to send to', async (url) => {
    const error = await failureOf(testClient()({ what: 'read', url }));
    expect([error.kind, error.code]).toEqual(['input', 'HTTP_URL_INVALID']);
    expect(error.message).not.toContain('hunter2');
  });

  test('metadata servers are asked without a proxy, as this machine is; others are not', () => {
    const agents = createAgents({ env: { HTTP_PROXY: 'http://127.0.0.1:1' } });
    const direct = agents.pick(new URL('http://127.0.0.1/x'), true);
    for (const host of ['metadata.google.internal', 'METADATA.google.internal:80', '169.254.169.254']) {
      expect(agents.pick(new URL(`http://${host}/x`), true)).toBe(direct);
    }
    for (const host of ['metadata.google.internal.example.com', '169.254.169.254.example.com', '169.255.169.254']) {
      expect(agents.pick(new URL(`http://${host}/x`), true)).not.toBe(direct);
    }
    agents.close();
  });

  test('the proxy of the environment is used, but not for this machine', async () => {
    const proxy = await serve((_request, response) => response.end('by proxy'));
    const server = await serve((_request, response) => response.end('direct'));
    const http = testClient({ env: { HTTP_PROXY: proxy.url } });
    expect((await (await http({ what: 'read', url: 'http://r.example.com/x' })).body()).toString()).toBe('by proxy');
    expect(proxy.seen[0]?.url).toBe('http://r.example.com/x');
    expect((await (await http({ what: 'read', url: server.url })).body()).toString()).toBe('direct');
  });
});
