// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { closeAll, failureOf, type ScriptedServer, serve, testClient } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { trustedRootJson } from './test-log.ts';
import { copyRepository, createTufRepository, inDays, newKey, type TestTuf } from './test-tuf.ts';
import { fetchTrust } from './tuf.ts';

const TARGETS = {
  'trusted_root.json': trustedRootJson(),
  'signing_config.v0.2.json': '{"mediaType":"application/vnd.dev.sigstore.signingconfig.v0.2+json"}',
};
const [ROOT_TARGET = ''] = pathsOf(published(), 'trusted_root.json');

let repository: TestTuf;
let server: ScriptedServer;
let folder: string;
/** What the mirror answers in place of a file, by path. */
let statuses: Map<string, number>;
beforeEach(async () => {
  repository = published();
  statuses = new Map();
  folder = await mkdtemp(join(tmpdir(), 'tuf-test-'));
  server = await serve(({ url }, response) => {
    const path = decodeURI(url.slice('/mirror/'.length));
    const [bytes, status] = [repository.files.get(path), statuses.get(path)];
    // No content-length, so that only what is read bounds it.
    response.writeHead(status ?? (bytes ? 200 : 404), { 'transfer-encoding': 'chunked' });
    response.end(status === undefined ? bytes : 'trouble');
  });
});
afterEach(async () => {
  await closeAll();
  await rm(folder, { recursive: true, force: true });
});

function published(options?: Parameters<typeof createTufRepository>[0]): TestTuf {
  const made = createTufRepository(options);
  made.publish(TARGETS);
  return made;
}

function pathsOf({ files }: TestTuf, name: string): string[] {
  return [...files.keys()].filter((path) => path.endsWith(name));
}

const fetch = (more: Partial<Parameters<typeof fetchTrust>[0]> = {}) =>
  fetchTrust({ mirror: `${server.url}/mirror/`, root: repository.root(), ...more }, { http: testClient(), log: silentLogger });

describe('fetchTrust', () => {
  it('gives both files, and until when their metadata counts', async () => {
    const { trustedRoot, signingConfig, metadata, fromCache } = await fetch();
    expect(trustedRoot.toString()).toBe(TARGETS['trusted_root.json']);
    expect(signingConfig?.toString()).toBe(TARGETS['signing_config.v0.2.json']);
    expect(fromCache).toBe(false);
    expect(metadata.timestamp.version).toBe(1);
    for (const { expires } of Object.values(metadata)) expect(Math.abs(expires.getTime() - Date.parse(inDays(30)))).toBeLessThan(60_000);
  });

  it('takes a repository whose file names carry no versions', async () => {
    repository = published({ isConsistent: false });
    expect((await fetch()).trustedRoot.toString()).toBe(TARGETS['trusted_root.json']);
  });

  it.each(['a path', 'a file URL'])('reads a copied mirror at %s, and asks nobody', async (kind) => {
    await copyRepository(repository, folder);
    const found = await fetch({ mirror: kind === 'a path' ? folder : pathToFileURL(folder).href });
    expect(found.trustedRoot.toString()).toBe(TARGETS['trusted_root.json']);
    expect(server.seen).toEqual([]);
  });

  it('follows roots over two rotations, the first of its own key', async () => {
    repository.rotate(['root']);
    repository.rotate(['timestamp', 'targets']);
    repository.publish(TARGETS);
    expect((await fetch()).metadata).toMatchObject({ root: { version: 3 }, timestamp: { version: 2 } });
    expect((await fetch({ root: repository.root(2) })).metadata.root.version).toBe(3);
  });

  it('begins with a root that has expired, when a later one has not', async () => {
    repository.alter('1.root.json', (signed) => Object.assign(signed, { expires: inDays(-100) }));
    repository.rotate([]);
    expect((await fetch()).metadata.root.version).toBe(2);
  });

  it('gives no signing config where the repository has none', async () => {
    repository.publish({ 'trusted_root.json': TARGETS['trusted_root.json'] });
    expect((await fetch()).signingConfig).toBeUndefined();
  });

  it.each([
    ['no JSON', 'x'],
    ['a Sigstore trusted root', TARGETS['trusted_root.json']],
    ['signed by nobody', JSON.stringify({ ...JSON.parse(published().root().toString()), signatures: [] })],
    ['other metadata', published().files.get('timestamp.json')?.toString() ?? ''],
  ])('refuses a root that is %s', async (_what, root) => {
    expect(await failureOf(fetch({ root: Buffer.from(root) }))).toMatchObject({ kind: 'input', code: 'TUF_ROOT_INVALID' });
    expect(server.seen).toEqual([]);
  });

  it.each(['ftp://example.com', '/nowhere/at/all', 'https://example.com/?x=y'])('refuses the mirror %s', async (mirror) => {
    expect(await failureOf(fetch({ mirror }))).toMatchObject({ kind: 'input', code: 'TUF_MIRROR_INVALID' });
  });
});

it('tells no credential that stands in the URL of the mirror', async () => {
  const failure = await failureOf(fetch({ mirror: 'https://user:hush@mirror.example.com' }));
  expect(failure).toMatchObject({ kind: 'input', code: 'HTTP_URL_INVALID' });
  expect(failure.message).not.toContain('hush');
});

describe('fetchTrust does not believe', () => {
  const past = (signed: object): object => Object.assign(signed, { expires: inDays(-1) });
  const put = (path: string, bytes: string | Buffer): unknown => repository.files.set(path, Buffer.from(bytes));
  const alone = (name: keyof typeof TARGETS): void => repository.publish({ [name]: TARGETS[name] });

  it.each<[string, () => unknown, string, string, RegExp]>([
    ['an expired timestamp', () => repository.alter('timestamp.json', past), 'denied', 'TUF_EXPIRED', /timestamp/],
    ['an expired snapshot', () => repository.publish(TARGETS, (role, signed) => role === 'snapshot' && past(signed)), 'denied', 'TUF_EXPIRED', /snapshot/],
    ['expired targets', () => repository.publish(TARGETS, (role, signed) => role === 'targets' && past(signed)), 'denied', 'TUF_EXPIRED', /targets/],
    ['an expired last root', () => repository.rotate([], { change: past }), 'denied', 'TUF_EXPIRED', /root/],
    ['a timestamp of another key', () => repository.alter('timestamp.json', () => {}, newKey()), 'denied', 'TUF_UNTRUSTED', /timestamp\.json/],
    ['a root that the one before does not vouch for', () => repository.rotate([], { signers: [newKey()] }), 'denied', 'TUF_UNTRUSTED', /2\.root\.json/],
    [
      'a root that skips a version',
      () => repository.rotate([], { change: (signed) => Object.assign(signed, { version: 3 }) }),
      'denied',
      'TUF_UNTRUSTED',
      /Expected version 2/,
    ],
    [
      'a root that needs more signatures than it has',
      () => repository.rotate([], { change: ({ roles }) => Object.assign((roles as Record<string, object>)['root'] ?? {}, { threshold: 2 }) }),
      'denied',
      'TUF_UNTRUSTED',
      /1\/2/,
    ],
    [
      'a snapshot that the timestamp does not mean',
      () => repository.alter('1.snapshot.json', (signed) => Object.assign(signed, { expires: inDays(31) })),
      'denied',
      'TUF_UNTRUSTED',
      /1\.snapshot\.json/,
    ],
    [
      'targets that the snapshot does not mean',
      () => repository.alter('1.targets.json', (signed) => Object.assign(signed, { expires: inDays(31) })),
      'denied',
      'TUF_UNTRUSTED',
      /1\.targets\.json/,
    ],
    ['another target of the same length', () => put(ROOT_TARGET, 'x'.repeat(TARGETS['trusted_root.json'].length)), 'denied', 'TUF_UNTRUSTED', /trusted_root/],
    ['a longer target', () => put(ROOT_TARGET, `${TARGETS['trusted_root.json']} `), 'refused', 'HTTP_BODY_TOO_LARGE', /trusted_root/],
    ['an endless timestamp', () => put('timestamp.json', Buffer.alloc(20_000, 0x20)), 'refused', 'HTTP_BODY_TOO_LARGE', /timestamp/],
    ['an endless root', () => put('2.root.json', Buffer.alloc(600_000, 0x20)), 'refused', 'HTTP_BODY_TOO_LARGE', /2\.root\.json/],
    ['no JSON', () => put('timestamp.json', '<html>'), 'denied', 'TUF_UNTRUSTED', /timestamp/],
    ['JSON of 7,000 levels', () => put('timestamp.json', '['.repeat(7000) + ']'.repeat(7000)), 'denied', 'TUF_UNTRUSTED', /timestamp/],
    ['null', () => put('timestamp.json', 'null'), 'denied', 'TUF_UNTRUSTED', /timestamp/],
    ['a target that is no trusted root', () => repository.publish({ 'trusted_root.json': '{}' }), 'denied', 'TUF_TARGET_INVALID', /trusted_root\.json/],
    [
      'a target that is no signing config',
      () => repository.publish({ ...TARGETS, 'signing_config.v0.2.json': '{}' }),
      'denied',
      'TUF_TARGET_INVALID',
      /signing_config/,
    ],
    ['a target of 5 MB', () => repository.publish({ 'trusted_root.json': ' '.repeat(5_000_000) }), 'denied', 'TUF_TARGET_INVALID', /4194304/],
    ['a repository without a trusted root', () => alone('signing_config.v0.2.json'), 'refused', 'TUF_TARGET_MISSING', /trusted_root\.json/],
    ['a listed target that is not there', () => repository.files.delete(ROOT_TARGET), 'refused', 'TUF_FILE_MISSING', /trusted_root\.json/],
    ['a mirror without a timestamp', () => repository.files.delete('timestamp.json'), 'refused', 'TUF_FILE_MISSING', /timestamp\.json/],
    ['a mirror without targets', () => repository.files.delete('1.targets.json'), 'refused', 'TUF_FILE_MISSING', /1\.targets\.json/],
    ['a mirror that wants a login', () => statuses.set('timestamp.json', 401), 'refused', 'HTTP_UNAUTHORIZED', /timestamp\.json/],
    ['a mirror in trouble', () => statuses.set('1.snapshot.json', 503), 'transient', 'HTTP_SERVER_ERROR', /1\.snapshot\.json/],
  ])('%s', async (_what, change, kind, code, message) => {
    change();
    const failure = await failureOf(fetch());
    expect(failure).toMatchObject({ kind, code });
    expect(failure.message).toMatch(message);
  });
});
