// SPDX-License-Identifier: Apache-2.0
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { failureOf, testClient } from '../http/test-server.ts';
import { openRepository } from './repository.ts';
import { startGitServer } from './test-git-server.ts';
import { CREDENTIAL, change, FILES, open, useGitServer } from './test-repository.ts';

const { server, create } = useGitServer();

describe('races', () => {
  test('a branch that has moved before the push', async () => {
    const remote = create();
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    remote.commit({ 'README.md': 'faster\n' });
    const error = await failureOf(repository.push(await change(repository, head), 'main', head));
    expect([error.kind, error.code]).toEqual(['transient', 'PUSH_RACE']);
    expect(remote.file('README.md')).toBe('faster\n');
  });

  test('a branch that moves during the push', async () => {
    const remote = create();
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    const commit = await change(repository, head);
    server().intercept = ({ method, path }) => {
      if (method === 'POST' && path.endsWith('git-receive-pack')) remote.commit({ 'README.md': 'faster\n' });
      return undefined;
    };
    const error = await failureOf(repository.push(commit, 'main', head));
    expect([error.kind, error.code]).toEqual(['transient', 'PUSH_RACE']);
    expect(remote.file('README.md')).toBe('faster\n');
  });

  test.each([
    ['a new branch that is there already', undefined],
    ['a branch that is gone', 'f'.repeat(40)],
  ])('%s', async (_, expected) => {
    const remote = create();
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    const branch = expected === undefined ? 'main' : 'gone';
    expect((await failureOf(repository.push(await change(repository, head), branch, expected))).code).toBe('PUSH_RACE');
  });
});

describe('refusals', () => {
  test.each([
    ['an unknown login', { credential: { ...CREDENTIAL, password: 'guess-4711' } }, 'GIT_UNAUTHORIZED', 'credential: file password'],
    ['no login', { credential: undefined }, 'GIT_UNAUTHORIZED', 'credential: none'],
  ])('%s', async (_, more, code, text) => {
    const error = await failureOf((await open(create().url, more)).fetch('main'));
    expect([error.kind, error.code]).toEqual(['refused', code]);
    expect(error.message).toContain(text);
  });

  test('a repository that is not there, a branch that is not there, an empty repository', async () => {
    const remote = create();
    expect((await failureOf((await open(`${server().url}/team/none.git`)).fetch('main'))).code).toBe('REPOSITORY_NOT_FOUND');
    expect((await failureOf((await open(remote.url)).fetch('other'))).code).toBe('BRANCH_NOT_FOUND');
    remote.git('update-ref', '-d', 'refs/heads/main');
    const empty = await open(remote.url);
    expect((await failureOf(empty.fetch('main'))).code).toBe('BRANCH_NOT_FOUND');
    expect((await failureOf(empty.defaultBranch())).code).toBe('BRANCH_NOT_FOUND');
  });

  test('a login that may read and not push', async () => {
    const remote = create();
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    remote.git('config', 'http.receivepack', 'false');
    const error = await failureOf(repository.push(await change(repository, head), 'main', head));
    expect([error.code, error.message]).toEqual(['GIT_FORBIDDEN', expect.stringContaining('push to')]);
  });

  test('a hook that says no, with what it says', async () => {
    const remote = create();
    writeFileSync(join(remote.path, 'hooks/pre-receive'), '#!/bin/sh\necho "main is protected: open a pull request" >&2\nexit 1\n', { mode: 0o755 });
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    const error = await failureOf(repository.push(await change(repository, head), 'main', head));
    expect([error.kind, error.code]).toEqual(['refused', 'PUSH_DECLINED']);
    expect(error.message).toMatch(/pre-receive hook declined.*main is protected: open a pull request/);
    expect(remote.head()).toBe(head);
  });

  test.each([
    ['a page', { status: 200, body: '<html>log in</html>' }, 'GIT_ANSWER_INVALID'],
    ['an error line', { status: 200, body: '0020ERR access denied, ask Ann \n' }, 'GIT_REFUSED'],
    ['nothing', { status: 200, body: '' }, 'GIT_ANSWER_INVALID'],
    ['a cut line', { status: 200, body: '001e# service=git-upload' }, 'GIT_ANSWER_INVALID'],
    ['another host', { status: 302, headers: { location: 'http://localhost:1/x.git/info/refs?service=git-upload-pack' } }, 'HTTP_UNREACHABLE'],
    ['trouble', { status: 503 }, 'HTTP_SERVER_ERROR'],
    ['a refusal', { status: 418 }, 'GIT_REFUSED'],
  ])('an advertisement that is %s', async (_, fault, code) => {
    const remote = create();
    server().intercept = () => fault;
    expect((await failureOf((await open(remote.url)).fetch('main'))).code).toBe(code);
  });

  test('the login does not follow to another host', async () => {
    const remote = create();
    const other = await startGitServer();
    const { pathname } = new URL(remote.url);
    other.create(pathname.slice(1, -4), FILES);
    server().intercept = ({ path }) => ({ status: 302, headers: { location: `${other.url.replace('127.0.0.1', 'localhost')}${path}` } });
    expect((await failureOf((await open(remote.url)).fetch('main'))).code).toMatch(/GIT_REDIRECT|HTTP_UNREACHABLE/);
    for (const { authorization } of other.requests) expect(authorization).toBeUndefined();
    await other.close();
  });

  test.each([
    ['a damaged pack', (pack: Buffer) => pack.fill(0x55, pack.indexOf('PACK') + 30, pack.indexOf('PACK') + 50), 'GIT_ANSWER_INVALID'],
    ['an error in the stream', () => Buffer.from('0008NAK\n001f\u0003upload-pack: out of space\n0000'), 'GIT_REFUSED'],
    ['half a pack', (pack: Buffer) => pack.subarray(0, (pack.indexOf('PACK') + pack.length) / 2), 'GIT_ANSWER_INVALID'],
    ['no pack', () => Buffer.from('0008NAK\n0000'), 'BRANCH_NOT_FOUND'],
  ])('%s', async (_, damage, code) => {
    const remote = create();
    let pack = Buffer.alloc(0);
    const http = testClient();
    const options = { url: remote.url, credential: CREDENTIAL };
    const recording = await openRepository({
      ...options,
      http: async (request) => {
        const response = await http(request);
        if (request.url.endsWith('upload-pack')) pack = Buffer.from(await response.body());
        return response;
      },
    });
    await recording.fetch('main');
    server().intercept = ({ method }) =>
      method === 'POST' ? { status: 200, headers: { 'content-type': 'application/x-git-upload-pack-result' }, body: damage(pack) } : undefined;
    expect((await failureOf((await openRepository({ ...options, http })).fetch('main'))).code).toBe(code);
  });

  test('a repository that is too large', async () => {
    const noise = Buffer.from(Array.from({ length: 200_000 }, (_, i) => (i * i * 31) % 256));
    const remote = create({ ...FILES, 'noise.bin': noise });
    const error = await failureOf((await open(remote.url, { maxPackBytes: 2000 })).fetch('main'));
    expect([error.kind, error.code]).toEqual(['refused', 'REPOSITORY_TOO_LARGE']);
  });

  test.each(['apps', 'passwd.link', 'passwd.link/values.yaml', 'README.md/x'])('%s is no file', async (path) => {
    const remote = create({ ...FILES, 'passwd.link': '/etc/passwd' });
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    expect((await failureOf(repository.readFile(head, path))).code).toBe('GIT_NOT_A_FILE');
  });
});
