// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttp } from '../http/http.ts';
import { silentLogger } from '../log/log.ts';
import { createCache } from './cache.ts';
import { createKubeClient } from './client.ts';
import { type KubeObject, keyOf, resource } from './resource.ts';
import { type FakeApiServer, startFakeApiServer, status } from './test-api-server.ts';
import { watchObjects } from './watch.ts';

const THINGS = resource('example.com/v1', 'things');
const path = (name: string) => `/apis/example.com/v1/namespaces/n/things/${name}`;

let api: FakeApiServer;
let stop: AbortController;
let http: ReturnType<typeof createHttp>;
let running: Promise<void>;
let cache: ReturnType<typeof createCache<KubeObject>>;
let restarts: string[];
let waits: number[];

beforeEach(async () => {
  api = await startFakeApiServer();
  stop = new AbortController();
  [restarts, waits] = [[], []];
  cache = createCache();
  api.put(path('a'), {});
});
afterEach(async () => {
  stop.abort();
  http.close();
  await running;
  await api.close();
});

function start(silenceMs = 5000): void {
  http = createHttp({ log: silentLogger, signal: stop.signal, env: {}, retry: { attempts: 1, baseMs: 1, capMs: 1 } });
  running = watchObjects({
    client: createKubeClient({ http, connection: { server: api.url } }),
    resource: THINGS,
    onList: (objects) => cache.replace(objects),
    onEvent: (type, object) => void (type === 'deleted' ? cache.remove(keyOf(object)) : cache.set(object)),
    onRestart: (kind) => restarts.push(kind),
    log: silentLogger,
    signal: stop.signal,
    sleep: async (ms) => {
      waits.push(ms);
      await delay(1);
    },
    random: () => 0.5,
    silenceMs,
  });
}

async function until(done: () => boolean): Promise<void> {
  for (const end = Date.now() + 5000; Date.now() < end; await delay(5)) if (done()) return;
  throw new Error(`not reached; cache ${[...cache.values()].map(keyOf)}, restarts ${restarts}, seen ${api.seen.join('\n')}`);
}
const knows = (...names: string[]) => until(() => cache.size() === names.length && names.every((name) => cache.get(`n/${name}`)));
const lists = () => api.seen.filter((line) => !line.includes('watch=true')).length;

describe('watchObjects', () => {
  test('lists, then follows what comes, changes and goes', async () => {
    start();
    await knows('a');
    await until(() => api.watches() === 1);
    api.put(path('b'), {});
    api.remove(path('a'));
    await knows('b');
    expect(restarts).toEqual([]);
    expect(api.seen[1]).toMatch(/watch=true&allowWatchBookmarks=true&resourceVersion=101&timeoutSeconds=450$/);
  });

  test('reads a long list in pages', async () => {
    for (let count = 0; count < 1200; count += 1) api.put(path(`p${count}`), {});
    start();
    await until(() => cache.size() === 1201);
    expect(lists()).toBe(3);
  });

  test.each(['cleanly', 'cut'] as const)('goes on from the last version after a stream that ended %s', async (how) => {
    start();
    await until(() => api.watches() === 1);
    api.put(path('b'), {});
    await knows('a', 'b');
    api.endWatches(how);
    api.put(path('c'), {});
    await knows('a', 'b', 'c');
    expect(lists()).toBe(1);
    expect(api.seen.at(-1)).toContain('resourceVersion=102');
  });

  test('a bookmark moves the version on without an event', async () => {
    start();
    await until(() => api.watches() === 1);
    api.put('/apis/example.com/v1/namespaces/n/others/x', {});
    api.sendBookmarks();
    await delay(30);
    api.endWatches('cleanly');
    await until(() => api.watches() === 1 && api.seen.length === 3);
    expect(api.seen.at(-1)).toContain('resourceVersion=102');
  });

  test('lists again after 410, and sees what was deleted meanwhile', async () => {
    api.put(path('b'), {});
    start();
    await until(() => api.watches() === 1);
    api.endWatches('cut');
    api.remove(path('a'));
    api.compact();
    await knows('b');
    expect(restarts).toContain('relist');
  });

  test('lists again when the watch itself is answered with 410', async () => {
    api.trouble({ watch: true, answer: (response) => status(response, 410, 'Expired') });
    start();
    await until(() => lists() === 2 && api.watches() === 1);
    api.put(path('b'), {});
    await knows('a', 'b');
  });

  test('takes silence for a dead connection', async () => {
    start(150);
    await until(() => api.watches() === 1);
    api.stall();
    api.put(path('b'), {});
    await knows('a', 'b');
    expect(lists()).toBe(1);
  });

  test.each([
    [
      'half an object, then the end',
      (fake: FakeApiServer) => {
        fake.sendRaw('{"type":"ADDED","obj');
        fake.endWatches('cleanly');
      },
    ],
    ['a line that is no JSON', (fake: FakeApiServer) => fake.sendRaw('<html>\n')],
    ['an event without an object', (fake: FakeApiServer) => fake.sendRaw('{"type":"ADDED"}\n')],
    ['an event that is null', (fake: FakeApiServer) => fake.sendRaw('null\n')],
  ])('opens the stream again after %s', async (_what, disturb) => {
    start();
    await until(() => api.watches() === 1);
    disturb(api);
    await until(() => restarts.includes('watch') && api.watches() === 1);
    api.put(path('b'), {});
    await knows('a', 'b');
    expect(lists()).toBe(1);
  });

  test.each([429, 500, 403])('backs off and tries again after %i, for lists and watches', async (code) => {
    for (let count = 0; count < 3; count += 1) api.trouble({ watch: count === 2, answer: (response) => status(response, code, 'Trouble') });
    start();
    await until(() => api.watches() === 1);
    await knows('a');
    expect(waits).toEqual([400, 800, 1600]);
  });

  test('duplicates and events out of order change nothing', async () => {
    start();
    await until(() => api.watches() === 1);
    const first = api.put(path('b'), { spec: 1 });
    api.put(path('b'), { spec: 2 });
    api.sendRaw(`${JSON.stringify({ type: 'MODIFIED', object: first })}\n`.repeat(3));
    api.put(path('c'), {});
    await knows('a', 'b', 'c');
    expect(cache.get('n/b')?.['spec']).toBe(2);
  });

  test('stops when it is told to, also while the server is away', async () => {
    start();
    await until(() => api.watches() === 1);
    await api.close();
    await until(() => waits.length > 1);
    stop.abort();
    await running;
    api = await startFakeApiServer();
  });
});
