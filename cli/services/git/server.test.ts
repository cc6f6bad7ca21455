// SPDX-License-Identifier: Apache-2.0
import { mkdir, readdir, rm, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { makePack } from '../../../lib/git/make-pack.ts';
import type { Repository } from '../../../lib/git/repository.ts';
import { failureOf } from '../../../lib/http/test-server.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { DEPLOYMENT_FILE } from './first-commit.ts';
import { startGit } from './server.ts';
import { type GitKit, newCommit, PERSON, RECEIVE, startKit, UPLOAD } from './test-git.ts';

let kit: GitKit;
let head: string;
beforeEach(async () => {
  kit = await startKit();
  head = await (await kit.open()).fetch('main');
});
afterEach(() => kit.close());

const mainNow = async (): Promise<string | undefined> => (await (await kit.open()).branches()).get('main');

function change(repository: Repository, parent: string, text: string): Promise<string> {
  return repository.writeCommit({ parent, files: new Map([[DEPLOYMENT_FILE, Buffer.from(text)]]), message: 'm\n', person: PERSON });
}

describe('our own client', () => {
  test('fetches, pushes, and fetches what it pushed', async () => {
    const repository = await kit.open();
    expect(await repository.defaultBranch()).toBe('main');
    await repository.fetch('main');
    expect(String(await repository.readFile(head, DEPLOYMENT_FILE))).toContain('image: nothing-released-yet\n');
    const commit = await change(repository, head, 'new\n');
    await repository.push(commit, 'main', head);
    const other = await kit.open();
    expect(await other.fetch('main')).toBe(commit);
    expect(String(await other.readFile(commit, DEPLOYMENT_FILE))).toBe('new\n');
    expect((await other.commit(commit)).parents).toEqual([head]);
  });

  test('a second push from the same place is a race', async () => {
    const [first, second] = await Promise.all([kit.open(), kit.open()]);
    await Promise.all([first.fetch('main'), second.fetch('main')]);
    const [mine, theirs] = [await change(first, head, 'mine\n'), await change(second, head, 'theirs\n')];
    const ends = await Promise.allSettled([first.push(mine, 'main', head), second.push(theirs, 'main', head)]);
    const lost = ends.filter((end) => end.status === 'rejected');
    expect(lost.map(({ reason }) => reason.code)).toEqual(['PUSH_RACE']);
    expect(await mainNow()).toBe(ends[0]?.status === 'fulfilled' ? mine : theirs);
  });

  test('a new branch, and one that is not there', async () => {
    const repository = await kit.open();
    await repository.fetch('main');
    const commit = await change(repository, head, 'new\n');
    await repository.push(commit, 'supply-chain/app-1', undefined);
    expect(await (await kit.open()).branches()).toEqual(
      new Map([
        ['main', head],
        ['supply-chain/app-1', commit],
      ]),
    );
    expect((await failureOf((await kit.open()).fetch('other'))).code).toBe('BRANCH_NOT_FOUND');
  });
});

describe('a push that is refused, and moves nothing', () => {
  const pushes: [string, () => Promise<string>, RegExp][] = [
    [
      'a stale old commit',
      async () => {
        await kit.push([{ from: head, to: newCommit([head], 'first').oid }], newCommit([head], 'first').pack);
        head = (await mainNow()) ?? '';
        const late = newCommit([head], 'late');
        return kit.push([{ from: newCommit([head]).oid, to: late.oid }], late.pack);
      },
      /ng refs\/heads\/main incorrect old value/,
    ],
    ['a history without the old commit', () => kit.push([{ from: head, to: newCommit([]).oid }], newCommit([]).pack), /ng refs\/heads\/main non-fast-forward/],
    ['a branch that is there already as a new one', () => kit.push([{ to: newCommit([head]).oid }], newCommit([head]).pack), /incorrect old value/],
    ['a deletion', () => kit.push([{ from: head }], Buffer.alloc(0)), /ng refs\/heads\/main this server deletes no branch/],
    ['a commit that is not there', () => kit.push([{ from: head, to: 'a'.repeat(40) }], makePack([])), /the object a{40} is missing/],
    [
      'a commit without its tree',
      () => kit.push([{ from: head, to: newCommit([head]).oid }], makePack(newCommit([head]).objects.slice(0, 1))),
      /ng refs\/heads\/main the object \w+ is missing/,
    ],
    [
      'a tree without its file',
      () => kit.push([{ from: head, to: newCommit([head], 'x').oid }], makePack(newCommit([head], 'x').objects.slice(0, 2))),
      /the object \w+ is missing/,
    ],
    ...['.git', '.GIT', '..', '.', 'a/b', 'x'.repeat(256)].map((name): [string, () => Promise<string>, RegExp] => [
      `a file named ${name.slice(0, 10)}`,
      () => {
        const bad = newCommit([head], 'x', { mode: '100644', name });
        return kit.push([{ from: head, to: bad.oid }], bad.pack);
      },
      /is no valid tree/,
    ]),
    [
      'a file in place of a folder',
      () => {
        const bad = newCommit([head], 'x', { mode: '40000', name: 'folder' });
        return kit.push([{ from: head, to: bad.oid }], bad.pack);
      },
      /is no valid tree/,
    ],
    [
      'a damaged pack',
      () => kit.push([{ from: head, to: newCommit([head]).oid }], Buffer.from(newCommit([head]).pack).fill(7, 20, 24)),
      /unpack cannot take the push: the pack is damaged .*\n.*ng refs\/heads\/main unpacker error/s,
    ],
    ['no pack', () => kit.push([{ from: head, to: newCommit([head]).oid }], Buffer.from('PACK?')), /unpack cannot take the push/],
  ];
  test.each(pushes)('%s', async (_, push, refusal) => {
    expect(await push()).toMatch(refusal);
    expect(await mainNow()).toBe(head);
  });

  test.each([
    'refs/heads/..',
    'refs/heads/a..b',
    'refs/heads/.hidden',
    'refs/heads/a/../../b',
    'refs/heads/a.lock',
    'refs/heads/a b',
    'refs/heads/-x',
    'refs/heads/',
    'refs/heads/a//b',
    `refs/heads/${'x'.repeat(201)}`,
    'refs/tags/v1',
    'HEAD',
    'config',
    '../config',
  ])('the name %s', async (ref) => {
    const commit = newCommit([head]);
    expect(await kit.push([{ to: commit.oid, ref }], commit.pack)).toMatch(/ng .*this server takes branches with plain names alone/);
    expect([...(await (await kit.open()).branches()).keys()]).toEqual(['main']);
    expect((await readdir(kit.server.folder)).sort()).toEqual(['HEAD', 'config', 'objects', 'refs']);
  });

  test.each([
    ['too many objects', { maxObjects: 2 }, /unpack .*3 objects, more than 2/],
    ['a large object', { maxObjectBytes: 100 }, /unpack .*an object of \d+ bytes/],
    ['much content', { maxInflatedBytes: 150 }, /unpack .*more than 150 bytes of content/],
    ['a large request', { maxRequestBytes: 300 }, /^413 /],
  ])('%s', async (_, limits, refusal) => {
    await kit.restart({ limits });
    const commit = newCommit([head], `${Math.PI}`.repeat(20));
    expect(await kit.push([{ from: head, to: commit.oid }], commit.pack)).toMatch(refusal);
    expect(await mainNow()).toBe(head);
  });

  test('a branch in the place of a folder of branches, and the other way round', async () => {
    const commit = newCommit([head]);
    await kit.push([{ to: commit.oid, ref: 'refs/heads/a/b' }], commit.pack);
    expect(await kit.push([{ to: commit.oid, ref: 'refs/heads/a' }], commit.pack)).toMatch(/failed to update ref/);
    expect(await kit.push([{ to: commit.oid, ref: 'refs/heads/main/sub' }], commit.pack)).toMatch(/failed to update ref/);
  });

  test('one of two, and the other is taken', async () => {
    const commit = newCommit([head]);
    const report = await kit.push(
      [
        { from: head, to: commit.oid },
        { to: commit.oid, ref: 'refs/tags/no' },
      ],
      commit.pack,
    );
    expect(report).toMatch(/ok refs\/heads\/main\n.*ng refs\/tags\/no/s);
    expect(await mainNow()).toBe(commit.oid);
  });
});

describe('requests', () => {
  const info = '/gitops.git/info/refs?service=git-upload-pack';
  test.each([
    ['another repository', 'GET', '/other.git/info/refs?service=git-upload-pack', {}, 404],
    ['a path out of it', 'GET', '/gitops.git/../../etc/passwd', {}, 404],
    ['a file of it', 'GET', '/gitops.git/config', {}, 404],
    ['the old protocol', 'GET', '/gitops.git/info/refs', {}, 403],
    ['another service', 'GET', '/gitops.git/info/refs?service=git-upload-archive', {}, 403],
    ['a service of the prototype', 'GET', '/gitops.git/info/refs?service=constructor', {}, 403],
    ['another method', 'DELETE', info, {}, 404],
    ['a push by a form', 'POST', '/gitops.git/git-receive-pack', { 'content-type': 'text/plain' }, 415],
    ['another host', 'GET', info, { host: 'evil.example.com' }, 403],
    ['a web page', 'GET', info, { origin: 'https://evil.example.com' }, 403],
    ['a name that is none', 'GET', info, { host: '%' }, 403],
  ])('%s', async (_, method, path, headers, status) => {
    expect((await kit.ask(method, path, undefined, headers)).status).toBe(status);
  });

  test.each([
    ['no pkt-lines', 'git-upload-pack', Buffer.from('hello'), 400],
    ['a cut line', 'git-receive-pack', Buffer.from('00ff'), 400],
    ['nothing wanted', 'git-upload-pack', Buffer.from('0000'), 400],
    ['a want that is none', 'git-upload-pack', Buffer.from('000ewant me!!\n0000'), 400],
    ['a filter', 'git-upload-pack', Buffer.from('0015filter blob:none\n0000'), 400],
    ['a push certificate', 'git-receive-pack', Buffer.from('000epush-cert\n0000'), 400],
    ['a question whether a push may come', 'git-receive-pack', Buffer.from('0000'), 200],
  ])('%s', async (_, service, body, status) => {
    const headers = service === 'git-upload-pack' ? UPLOAD : RECEIVE;
    expect((await kit.ask('POST', `/gitops.git/${service}`, body, headers)).status).toBe(status);
  });

  test('a commit that no branch leads to is not given away', async () => {
    const { body } = await kit.ask('POST', '/gitops.git/git-upload-pack', Buffer.from(`0032want ${'a'.repeat(40)}\n00000009done\n`), UPLOAD);
    expect(body.toString()).toContain(`ERR upload-pack: not our ref ${'a'.repeat(40)}`);
  });

  test('what unpacks to more than a request may hold', async () => {
    const headers = { ...UPLOAD, 'content-encoding': 'gzip' };
    expect((await kit.ask('POST', '/gitops.git/git-upload-pack', gzipSync(Buffer.alloc(17 * 1024 * 1024)), headers)).status).toBe(413);
    expect((await kit.ask('POST', '/gitops.git/git-upload-pack', Buffer.from('no gzip'), headers)).status).toBe(413);
  });
});

describe('the folder', () => {
  test('keeps what was pushed', async () => {
    const commit = newCommit([head]);
    await kit.push([{ from: head, to: commit.oid }], commit.pack);
    await kit.restart();
    expect(await mainNow()).toBe(commit.oid);
    expect(await (await kit.open()).fetch('main')).toBe(commit.oid);
  });

  test('is made again when its making was cut short, and never over a branch', async () => {
    await kit.server.close();
    await rm(join(kit.server.folder, 'refs/heads/main'));
    await kit.restart();
    expect(await mainNow()).toBeDefined();
    await kit.server.close();
    await rm(join(kit.server.folder, 'HEAD'));
    await expect(startGit({ dir: join(kit.dir, 'state'), host: '127.0.0.1', port: 0, log: silentLogger })).rejects.toMatchObject({
      code: 'GIT_FOLDER_INVALID',
    });
  });

  test.each(['README.md', 'refs/heads'])('that holds something else is refused: %s', async (path) => {
    const dir = join(kit.dir, 'foreign');
    await mkdir(join(dir, 'gitops.git/refs'), { recursive: true });
    await writeFile(join(dir, 'gitops.git', path), 'mine');
    await expect(startGit({ dir, host: '127.0.0.1', port: 0, log: silentLogger })).rejects.toMatchObject({ kind: 'input', code: 'GIT_FOLDER_INVALID' });
  });
});
