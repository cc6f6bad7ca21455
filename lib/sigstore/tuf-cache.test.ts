// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { closeAll, failureOf, type ScriptedServer, serve, testClient } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { trustedRootJson } from './test-log.ts';
import { createTufRepository, inDays, newKey, type TestTuf } from './test-tuf.ts';
import { type FetchedTrust, fetchTrust } from './tuf.ts';

const TARGETS = { 'trusted_root.json': trustedRootJson() };
const NEWER = { 'trusted_root.json': `${trustedRootJson()}\n` };
const DAY = 86_400_000;

let repository: TestTuf;
let mirror: ScriptedServer;
let isDown: boolean;
let cache: string;
beforeEach(async () => {
  repository = createTufRepository();
  repository.publish(TARGETS);
  isDown = false;
  cache = await mkdtemp(join(tmpdir(), 'tuf-cache-'));
  mirror = await serve(({ url }, response) => {
    const bytes = repository.files.get(url.slice(1));
    response.writeHead(isDown ? 503 : bytes ? 200 : 404).end(isDown ? '' : bytes);
  });
});
afterEach(async () => {
  vi.useRealTimers();
  await closeAll();
  await rm(cache, { recursive: true, force: true });
});

const fetch = (more: Partial<Parameters<typeof fetchTrust>[0]> = {}): Promise<FetchedTrust> =>
  fetchTrust({ mirror: mirror.url, root: repository.root(), cache, ...more }, { http: testClient(), log: silentLogger });
const later = (days: number): unknown => vi.useFakeTimers({ toFake: ['Date'], now: Date.now() + days * DAY });
const filesIn = async (folder: string): Promise<string[]> =>
  (await readdir(folder, { recursive: true, withFileTypes: true }))
    .filter((entry) => entry.isFile())
    .map(({ parentPath, name }) => join(parentPath, name).slice(folder.length + 1))
    .toSorted();

describe('the cache', () => {
  it('stands in for a mirror that is down', async () => {
    const before = await fetch();
    isDown = true;
    expect(await fetch()).toEqual({ ...before, fromCache: true });
  });

  it('stands in for a mirror that nobody listens at', async () => {
    await fetch();
    await mirror.close();
    expect(await fetch()).toMatchObject({ fromCache: true });
  });

  it('does not stand in for one that refuses', async () => {
    await fetch();
    repository.files.delete('timestamp.json');
    expect(await failureOf(fetch())).toMatchObject({ code: 'TUF_FILE_MISSING' });
  });

  it('does not stand in when the work was stopped', async () => {
    await fetch();
    const stopped = testClient({ signal: AbortSignal.abort() });
    const fetched = fetchTrust({ mirror: mirror.url, root: repository.root(), cache }, { http: stopped, log: silentLogger });
    expect(await failureOf(fetched)).toMatchObject({ code: 'ABORTED' });
  });

  it('counts no longer than its metadata', async () => {
    await fetch();
    isDown = true;
    later(29);
    expect(await fetch()).toMatchObject({ fromCache: true });
    later(2);
    expect(await failureOf(fetch())).toMatchObject({ kind: 'transient', code: 'TUF_CACHE_UNUSABLE', message: expect.stringContaining('is expired') });
  });

  it('says nothing when it is empty', async () => {
    isDown = true;
    expect(await failureOf(fetch())).toMatchObject({ kind: 'transient', code: 'HTTP_SERVER_ERROR' });
    expect(await failureOf(fetch({ cache: join(cache, 'not/made') }))).toMatchObject({ code: 'HTTP_SERVER_ERROR' });
  });

  it('is a mirror that can be carried away', async () => {
    repository.rotate(['root', 'timestamp']);
    repository.publish(NEWER);
    const { trustedRoot } = await fetch();
    const requests = mirror.seen.length;
    const carried = await fetch({ mirror: cache, cache: undefined });
    expect(carried.trustedRoot).toEqual(trustedRoot);
    expect(mirror.seen).toHaveLength(requests);
  });

  it('keeps what is current, every root, and what is not its own', async () => {
    await writeFile(join(cache, 'notes.txt'), 'mine');
    await fetch();
    repository.rotate(['snapshot']);
    repository.publish(NEWER);
    await fetch();
    const [target = ''] = [...repository.files.keys()].filter((path) => repository.files.get(path)?.toString() === NEWER['trusted_root.json']);
    expect(await filesIn(cache)).toEqual(['2.root.json', '2.snapshot.json', '2.targets.json', 'notes.txt', target, 'timestamp.json'].toSorted());
    await fetch();
    expect(await filesIn(cache)).toHaveLength(6);
  });

  it('stays as it was after an update that is not believed', async () => {
    await fetch();
    const before = await Promise.all((await filesIn(cache)).map(async (name) => [name, await readFile(join(cache, name), 'utf8')]));
    repository.publish({ 'trusted_root.json': '{}' });
    expect(await failureOf(fetch())).toMatchObject({ code: 'TUF_TARGET_INVALID' });
    expect(await Promise.all((await filesIn(cache)).map(async (name) => [name, await readFile(join(cache, name), 'utf8')]))).toEqual(before);
  });
});

describe('what the cache saw before', () => {
  it.each([0, 10])('makes an older timestamp a rollback, also when it has expired itself: %i days later', async (days) => {
    const old = new Map(repository.files);
    repository.publish(NEWER, (role, signed) => role === 'timestamp' && Object.assign(signed, { expires: inDays(5) }));
    await fetch();
    repository.files.clear();
    for (const [path, bytes] of old) repository.files.set(path, bytes);
    later(days);
    expect(await fetch({ cache: undefined })).toMatchObject({ metadata: { timestamp: { version: 1 } } });
    expect(await failureOf(fetch())).toMatchObject({ kind: 'denied', code: 'TUF_UNTRUSTED', message: expect.stringMatching(/version 1 is less than/) });
  });

  it('makes a newer snapshot that lists older targets a rollback', async () => {
    repository.publish(NEWER);
    await fetch();
    repository.publish(TARGETS, (role, signed) => role === 'targets' && Object.assign(signed, { version: 1 }));
    expect(await failureOf(fetch())).toMatchObject({ code: 'TUF_UNTRUSTED', message: expect.stringMatching(/targets\.json is less than/) });
  });

  it('is a rotation that a mirror cannot hide', async () => {
    const stolen = new Map(repository.files);
    repository.rotate(['timestamp']);
    repository.publish(NEWER);
    await fetch();
    repository.files.clear();
    for (const [path, bytes] of stolen) repository.files.set(path, bytes);
    expect(await fetch({ cache: undefined })).toMatchObject({ metadata: { root: { version: 1 } } });
    expect(await failureOf(fetch())).toMatchObject({ kind: 'denied', code: 'TUF_UNTRUSTED', message: expect.stringContaining('timestamp.json') });
  });
});

describe('a cache that somebody changed', () => {
  const FILES = ['timestamp.json', '1.snapshot.json', '1.targets.json', 'targets'] as const;
  const spoil = async (name: string): Promise<void> => {
    const found = (await filesIn(cache)).find((path) => path.startsWith(name)) ?? '';
    const bytes = await readFile(join(cache, found));
    bytes[bytes.length - 30] = (bytes[bytes.length - 30] ?? 0) ^ 1;
    await writeFile(join(cache, found), bytes);
  };

  it.each(FILES)('in %s does not stand in for the mirror', async (name) => {
    await fetch();
    await spoil(name);
    isDown = true;
    expect(await failureOf(fetch())).toMatchObject({ kind: 'transient', code: 'TUF_CACHE_UNUSABLE' });
  });

  it.each(FILES)('in %s is put right by the mirror', async (name) => {
    const before = await fetch();
    await spoil(name);
    expect(await fetch()).toEqual(before);
    isDown = true;
    expect(await fetch()).toEqual({ ...before, fromCache: true });
  });

  it('by another root is not believed, and named', async () => {
    await fetch();
    const stranger = createTufRepository();
    stranger.rotate([]);
    await writeFile(join(cache, '2.root.json'), stranger.root(2));
    expect(await failureOf(fetch())).toMatchObject({ kind: 'denied', code: 'TUF_UNTRUSTED', message: expect.stringContaining(`2.root.json of ${cache}`) });
  });

  it('by metadata of a key of his own does not stand in', async () => {
    await fetch();
    repository.alter('timestamp.json', () => {}, newKey());
    await writeFile(join(cache, 'timestamp.json'), repository.files.get('timestamp.json') ?? '');
    isDown = true;
    expect(await failureOf(fetch())).toMatchObject({ code: 'TUF_CACHE_UNUSABLE' });
  });
});
