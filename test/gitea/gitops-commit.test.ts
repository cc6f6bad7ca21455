// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { api, commits, createRepo, type Repo, type User } from './api.ts';

const OLD = `sha256:${'0'.repeat(64)}`;
const VALUES = `# pinned\r\nimage:\r\n    repository:   "registry.example.com/team/app"\r\n    digest:   '${OLD}'   # here\r\nother: [ 1,2 ]\r\n`;
const PATH = 'apps/app/values.yaml';

let room: string;
beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), 'gitea-test-'));
});
afterAll(() => rmSync(room, { recursive: true }));

let count = 0;
function newDigest(): string {
  count += 1;
  return `sha256:${count.toString(16).padEnd(64, 'd')}`;
}

type Options = { params?: Record<string, string>; user?: User; workspaces?: Record<string, string> };

function deploy(repo: Repo, digest: string, { params = {}, user = 'robot', workspaces = {} }: Options = {}): Promise<StepEnd> {
  const credentials = mkdtempSync(join(room, 'credentials-'));
  writeFileSync(join(credentials, 'token'), inject('gitea').tokens[user]);
  return runStep({
    task: 'gitops-commit',
    params: {
      image: `registry.example.com/team/app@${digest}`,
      repository: repo.url,
      targets: `helm-values:${PATH}#image`,
      author: 'robot <robot@example.com>',
      ...params,
    },
    workspaces: { 'git-credentials': credentials, ...workspaces },
  });
}

function expectFailure(end: StepEnd, code: string, exit: number, names: RegExp): void {
  expect([end.code, end.stderr]).toEqual([exit, expect.stringContaining(` code=${code}\n`)]);
  expect(end.stderr).toMatch(names);
  for (const token of Object.values(inject('gitea').tokens)) expect(end.stderr).not.toContain(token);
}

describe('push', () => {
  test('changes the digest alone; the second run adds nothing', async () => {
    const repo = await createRepo({ [PATH]: VALUES, 'README.md': 'x\n' });
    const digest = newDigest();
    const first = await deploy(repo, digest);
    expect(first, first.stderr).toMatchObject({ code: 0, results: { changed: 'true', branch: 'main', commit: await repo.head() } });
    expect(await repo.file(PATH)).toBe(VALUES.replace(OLD, digest));
    const second = await deploy(repo, digest);
    expect(second, second.stderr).toMatchObject({ code: 0, results: { changed: 'false', commit: first.results['commit'] } });
    expect((await commits(repo)).map(({ message }) => message.split('\n')[0])).toEqual([`deploy(app): ${digest.slice(0, 19)}`, 'first']);
  });

  test('six at once on one file all get their commit', async () => {
    const names = ['a', 'b', 'c', 'd', 'e', 'f'];
    const repo = await createRepo({ 'all.yaml': names.map((name) => `${name}: ${OLD}\n`).join('') });
    const digests = names.map(newDigest);
    const ends = await Promise.all(names.map((name, at) => deploy(repo, digests[at] ?? '', { params: { targets: `value:all.yaml#${name}=digest` } })));
    for (const end of ends) expect(end, end.stderr).toMatchObject({ code: 0, results: { changed: 'true' } });
    expect(await repo.file('all.yaml')).toBe(names.map((name, at) => `${name}: ${digests[at]}\n`).join(''));
    expect(await commits(repo)).toHaveLength(names.length + 1);
  });

  test('a signed commit is verified by Gitea', async () => {
    const folder = mkdtempSync(join(room, 'key-'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', 'nine-blue-cups', '-C', '', '-f', join(folder, 'ssh-privatekey')]);
    writeFileSync(join(folder, 'passphrase'), 'nine-blue-cups\n');
    await api('POST', '/user/keys', { title: 'robot', key: readFileSync(join(folder, 'ssh-privatekey.pub'), 'utf8') }, 'robot');
    // A person proves on a page that the key is theirs; that is no part of what is tested here.
    const database = new DatabaseSync(inject('gitea').database, { timeout: 5000 });
    database.exec('update public_key set verified = 1');
    database.close();
    const repo = await createRepo({ [PATH]: VALUES });
    const end = await deploy(repo, newDigest(), { workspaces: { 'signing-key': folder } });
    expect(end.code, end.stderr).toBe(0);
    const unsigned = await deploy(repo, newDigest());
    expect(unsigned.code, unsigned.stderr).toBe(0);
    expect((await commits(repo)).map(({ verified }) => verified)).toEqual([false, true, false]);
  });
});

describe('pull request', () => {
  const params = { mode: 'pull-request', forge: 'gitea' };
  const pulls = async (repo: Repo): Promise<{ number: number; title: string; head: { sha: string } }[]> =>
    (await api('GET', `/repos/${repo.name}/pulls?state=all`)) as never;
  const merge = (repo: Repo, number: number): Promise<unknown> => api('POST', `/repos/${repo.name}/pulls/${number}/merge`, { Do: 'merge' });

  test('is opened once, renewed when the branch moves, and done when it is merged', async () => {
    const repo = await createRepo({ [PATH]: VALUES });
    const digest = newDigest();
    const first = await deploy(repo, digest, { params });
    expect(first, first.stderr).toMatchObject({ code: 0, results: { changed: 'true', 'pull-request-url': `${repo.url.replace('.git', '')}/pulls/1` } });
    const branch = first.results['branch'] ?? '';
    expect([await repo.head(branch), await repo.file(PATH)]).toEqual([first.results['commit'], VALUES]);
    const kept = await deploy(repo, digest, { params });
    expect(kept, kept.stderr).toMatchObject({ code: 0, results: { ...first.results, changed: 'false' } });

    await repo.write('other.txt', 'theirs\n');
    const renewed = await deploy(repo, digest, { params });
    expect(renewed, renewed.stderr).toMatchObject({ code: 0, results: { changed: 'true', branch } });
    expect(await pulls(repo)).toMatchObject([{ number: 1, head: { sha: renewed.results['commit'] } }]);

    await merge(repo, 1);
    expect(await repo.file(PATH)).toBe(VALUES.replace(OLD, digest));
    const done = await deploy(repo, digest, { params });
    expect(done.results).toMatchObject({ changed: 'false', branch: 'main', commit: await repo.head(), 'pull-request-url': first.results['pull-request-url'] });
    expect(await pulls(repo)).toHaveLength(1);
  });

  test('is waited for until it is merged', async () => {
    const repo = await createRepo({ [PATH]: VALUES });
    const merging = (async () => {
      for (;;) {
        const [pull] = await pulls(repo);
        if (pull) return merge(repo, pull.number);
        await new Promise((resolve) => setTimeout(resolve, 300));
      }
    })();
    const end = await deploy(repo, newDigest(), { params: { ...params, mode: 'pull-request-merged' } });
    await merging;
    expect(end, end.stderr).toMatchObject({ code: 0, results: { changed: 'true', branch: 'main', commit: await repo.head() } });
  });

  test('one that was closed is not opened again', async () => {
    const repo = await createRepo({ [PATH]: VALUES });
    const digest = newDigest();
    await deploy(repo, digest, { params });
    await api('PATCH', `/repos/${repo.name}/pulls/1`, { state: 'closed' });
    expectFailure(await deploy(repo, digest, { params }), 'PULL_REQUEST_CLOSED', 20, /pulls\/1/);
  });
});

describe('refusals', () => {
  test('a protected branch', async () => {
    const repo = await createRepo({ [PATH]: VALUES });
    await api('POST', `/repos/${repo.name}/branch_protections`, { rule_name: 'main', enable_push: false });
    expectFailure(await deploy(repo, newDigest()), 'PUSH_DECLINED', 77, /protected branch/);
    const end = await deploy(repo, newDigest(), { params: { mode: 'pull-request', forge: 'gitea' } });
    expect(end.code, end.stderr).toBe(0);
  });

  test('a login that may read only', async () => {
    const repo = await createRepo({ [PATH]: VALUES });
    expectFailure(await deploy(repo, newDigest(), { user: 'reader' }), 'GIT_FORBIDDEN', 77, /User permission denied for writing/);
  });

  test('no login, a wrong one, and a repository that is not there', async () => {
    const repo = await createRepo({ [PATH]: VALUES });
    const wrong = mkdtempSync(join(room, 'wrong-'));
    writeFileSync(join(wrong, 'token'), '0'.repeat(40));
    expectFailure(await deploy(repo, newDigest(), { workspaces: { 'git-credentials': wrong } }), 'GIT_UNAUTHORIZED', 77, /fetch from/);
    expectFailure(await deploy(repo, newDigest(), { workspaces: { 'git-credentials': '' } }), 'GIT_UNAUTHORIZED', 77, /credential: none/);
    expectFailure(await deploy({ ...repo, url: `${inject('gitea').url}/boss/none.git` }, newDigest()), 'REPOSITORY_NOT_FOUND', 77, /boss\/none\.git/);
  });

  test('an empty repository', async () => {
    await api('POST', '/user/repos', { name: 'empty', private: false });
    const repo = await createRepo({ [PATH]: VALUES });
    expectFailure(await deploy({ ...repo, url: `${inject('gitea').url}/boss/empty.git` }, newDigest(), { user: 'admin' }), 'BRANCH_NOT_FOUND', 77, /empty/);
  });
});
