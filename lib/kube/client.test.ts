// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { createHttp } from '../http/http.ts';
import { silentLogger } from '../log/log.ts';
import { createCache, isNewer } from './cache.ts';
import { createKubeClient, type KubeClient } from './client.ts';
import { splitLines } from './json-lines.ts';
import { createRateLimit } from './rate-limit.ts';
import { describePlace, resource, resourcePath } from './resource.ts';
import { type FakeApiServer, json, startFakeApiServer, status } from './test-api-server.ts';

const THINGS = resource('example.com/v1', 'things');
const PODS = resource('v1', 'pods');

let api: FakeApiServer;
let client: KubeClient;
let http: ReturnType<typeof createHttp>;
let headers: string[];

beforeAll(async () => {
  api = await startFakeApiServer();
  http = createHttp({ log: silentLogger, env: {}, retry: { attempts: 2, baseMs: 1, capMs: 1 } });
  headers = [];
  const token = async () => 'the-token';
  client = createKubeClient({ http, connection: { server: `${api.url}/`, token } });
});
afterAll(async () => {
  http.close();
  await api.close();
});

describe('paths', () => {
  test.each([
    [THINGS, { namespace: 'n', name: 'x', subresource: 'status' }, '/apis/example.com/v1/namespaces/n/things/x/status', 'things/status n/x'],
    [THINGS, { namespace: 'n' }, '/apis/example.com/v1/namespaces/n/things', 'things of namespace n'],
    [THINGS, {}, '/apis/example.com/v1/things', 'things'],
    [PODS, { namespace: 'n', name: 'a/../b' }, '/api/v1/namespaces/n/pods/a%2F..%2Fb', 'pods n/a/../b'],
    [THINGS, { name: 'x' }, '/apis/example.com/v1/things/x', 'things x'],
  ])('%j %j', (kind, place, path, words) => {
    expect(resourcePath(kind, place)).toBe(path);
    expect(describePlace(kind, place)).toBe(words);
  });
});

describe('the client', () => {
  test('reads, creates, updates and patches', async () => {
    const created = await client.create(THINGS, { metadata: { name: 'x' }, spec: 1 }, { namespace: 'n' });
    expect(created.metadata).toMatchObject({ name: 'x', namespace: 'n' });
    const updated = await client.update(THINGS, { ...created, spec: 2 });
    expect((await client.get(THINGS, { namespace: 'n', name: 'x' }))['spec']).toBe(2);
    const version = updated.metadata.resourceVersion;
    const patch = [
      { op: 'replace', path: '/metadata/resourceVersion', value: version },
      { op: 'add', path: '/status', value: 'good' },
    ] as const;
    expect((await client.patch(THINGS, { namespace: 'n', name: 'x', subresource: 'status' }, patch))['status']).toBe('good');
    await expect(client.update(THINGS, { ...created, spec: 3 })).rejects.toMatchObject({ code: 'KUBE_CONFLICT' });
    await expect(client.create(THINGS, { metadata: { name: 'x' } }, { namespace: 'n' })).rejects.toMatchObject({ code: 'KUBE_ALREADY_EXISTS' });
  });

  test('keeps of a list what is selected', async () => {
    for (const name of ['p', 'q', 'r']) await client.create(THINGS, { metadata: { name } }, { namespace: 'm' });
    const { items, resourceVersion } = await client.list(THINGS, {
      namespace: 'm',
      limit: 2,
      select: (object) => (object.metadata.name === 'q' ? undefined : object),
    });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(['p', 'r']);
    expect(Number(resourceVersion)).toBeGreaterThan(0);
  });

  test.each([
    [401, 'KUBE_UNAUTHORIZED'],
    [403, 'KUBE_FORBIDDEN'],
    [404, 'KUBE_NOT_FOUND'],
    [409, 'KUBE_CONFLICT'],
    [410, 'KUBE_GONE'],
    [422, 'KUBE_INVALID'],
    [400, 'KUBE_INVALID'],
    [405, 'KUBE_REFUSED'],
  ])('%i is %s, with the words of the server', async (code, expected) => {
    api.trouble({ answer: (response) => status(response, code, 'Reason') });
    const failed = client.get(THINGS, { namespace: 'n', name: 'x' });
    await expect(failed).rejects.toMatchObject({
      kind: 'refused',
      code: expected,
      message: `cannot read things n/x: the API server answered ${code} Reason: Reason by the fake`,
    });
  });

  test('a refusal without a Status object is told as well', async () => {
    api.trouble({ answer: (response) => response.writeHead(403).end('<html>') });
    await expect(client.get(THINGS, { namespace: 'n', name: 'x' })).rejects.toMatchObject({
      code: 'KUBE_FORBIDDEN',
      message: 'cannot read things n/x: the API server answered 403',
    });
  });

  test.each([429, 503])('%i is tried again, for a write with the version in it too', async (code) => {
    api.trouble({ answer: (response) => status(response, code, 'Busy') });
    expect((await client.get(THINGS, { namespace: 'n', name: 'x' })).metadata.name).toBe('x');
    const object = await client.get(THINGS, { namespace: 'n', name: 'x' });
    api.trouble({ method: 'PUT', answer: (response) => status(response, code, 'Busy') });
    expect((await client.update(THINGS, object)).metadata.name).toBe('x');
  });

  test('a create is not sent twice', async () => {
    api.trouble({ method: 'POST', answer: (response) => status(response, 503, 'Busy') });
    const before = api.seen.length;
    await expect(client.create(THINGS, { metadata: { generateName: 'g-' } }, { namespace: 'n' })).rejects.toMatchObject({ kind: 'transient' });
    expect(api.seen.length).toBe(before + 1);
  });

  test.each([
    ['a list', { kind: 'List', metadata: {}, items: [1] }],
    ['an object', 'text'],
    ['an object', { metadata: 1 }],
  ])('what is no %s is refused', async (what, body) => {
    api.trouble({ answer: (response) => json(response, 200, body) });
    const reading = what === 'a list' ? client.list(THINGS) : client.get(THINGS, { name: 'x' });
    await expect(reading).rejects.toMatchObject({ code: 'KUBE_ANSWER_INVALID' });
  });

  test('sends the token, and never names it', async () => {
    api.trouble({
      answer: (response) => {
        headers.push(String(response.req.headers.authorization));
        status(response, 403, 'No');
      },
    });
    const error = await client.get(THINGS, { name: 'x' }).catch((thrown: Error) => thrown);
    expect(headers).toEqual(['Bearer the-token']);
    expect(String(error)).not.toContain('the-token');
  });
});

describe('lines', () => {
  async function* from(...chunks: string[]): AsyncGenerator<Buffer> {
    for (const chunk of chunks) yield Buffer.from(chunk);
  }
  async function collect(...chunks: string[]): Promise<string[]> {
    const lines: string[] = [];
    for await (const line of splitLines(from(...chunks), 10)) lines.push(line);
    return lines;
  }

  test.each([
    [['a\nb\n'], ['a', 'b']],
    [
      ['a', 'b\nc', '\n'],
      ['ab', 'c'],
    ],
    [['\n\n a\n'], [' a']],
    [[], []],
    [['1234567890\n1234567890\n'], ['1234567890', '1234567890']],
  ])('%j', async (chunks, lines) => {
    expect(await collect(...chunks)).toEqual(lines);
  });

  test.each([[['a\nb']], [['12345678901', '23\n']]])('%j is refused', async (chunks) => {
    await expect(collect(...chunks)).rejects.toMatchObject({ code: 'KUBE_ANSWER_INVALID' });
  });
});

describe('the cache', () => {
  const object = (name: string, resourceVersion: string, uid = name) => ({ metadata: { name, namespace: 'n', uid, resourceVersion } });

  test('tells what came, changed and went', () => {
    const cache = createCache();
    expect(cache.replace([object('a', '1'), object('b', '2')]).changed).toHaveLength(2);
    const { changed, gone } = cache.replace([object('b', '2'), object('c', '3')]);
    expect(changed.map(({ metadata }) => metadata.name)).toEqual(['c']);
    expect(gone.map(({ metadata }) => metadata.name)).toEqual(['a']);
  });

  test.each([
    ['9', '10', true],
    ['10', '9', false],
    ['10', '10', false],
    ['99999999999999999998', '99999999999999999999', true],
    ['abc', 'abb', true],
  ])('from %s to %s is newer: %s', (before, next, expected) => {
    expect(isNewer(object('a', next), object('a', before))).toBe(expected);
  });

  test('another object of the same name is newer', () => {
    expect(isNewer(object('a', '5', 'other'), object('a', '9'))).toBe(true);
  });
});

test('the rate limit lets a burst through and spaces the rest', async () => {
  let time = 0;
  const sleeps: number[] = [];
  const limit = createRateLimit({ perSecond: 10, burst: 3, now: () => time, sleep: async (ms) => void sleeps.push(ms) });
  for (let count = 0; count < 5; count += 1) await limit.take();
  expect(sleeps).toEqual([100, 200]);
  time = 10_000;
  for (let count = 0; count < 3; count += 1) await limit.take();
  expect(sleeps).toHaveLength(2);
});
