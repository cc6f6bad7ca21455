// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, test } from 'vitest';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { api, createRepo, type Repo, type User } from './api.ts';

type Comment = { body: string; user: { login: string } };
type Status = { context: string; status: string; description: string; target_url: string };

let room: string;
beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), 'gitea-notify-'));
});
afterAll(() => rmSync(room, { recursive: true }));

function notify(repo: Repo, params: Record<string, string>, user: User = 'robot'): Promise<StepEnd> {
  const credentials = mkdtempSync(join(room, 'credentials-'));
  writeFileSync(join(credentials, 'forge-token'), `${inject('gitea').tokens[user]}\n`);
  return runStep({
    task: 'notify',
    params: {
      ...{ channels: 'status,comment', required: 'status,comment', run: 'team/deliver/deliver-1', status: 'Failed', repository: repo.url, forge: 'gitea' },
      ...params,
    },
    workspaces: { 'notify-credentials': credentials },
  });
}

/** A comment as Gitea shows it. */
async function rendered(repo: Repo, text: string): Promise<string> {
  const { url, tokens } = inject('gitea');
  const headers = { authorization: `token ${tokens.robot}`, 'content-type': 'application/json' };
  const response = await fetch(`${url}/api/v1/markdown`, {
    method: 'POST',
    headers,
    body: JSON.stringify({ Text: text, Mode: 'comment', Context: repo.name }),
  });
  return response.text();
}

async function withPullRequest(): Promise<{ repo: Repo; revision: string; number: string }> {
  const repo = await createRepo({ a: '1\n' });
  await api('POST', `/repos/${repo.name}/branches`, { new_branch_name: 'change', old_branch_name: 'main' });
  await repo.write('a', '2\n', 'change');
  const { number } = (await api('POST', `/repos/${repo.name}/pulls`, { title: 'change', head: 'change', base: 'main' })) as { number: number };
  return { repo, revision: await repo.head('change'), number: String(number) };
}

test('status and comment are written once and changed in place', async () => {
  const { repo, revision, number } = await withPullRequest();
  const root = `/repos/${repo.name}`;
  for (let at = 0; at < 60; at += 1) await api('POST', `${root}/issues/${number}/comments`, { body: `talk ${at}` });
  const params = { revision, 'pull-request': number, url: 'https://tekton.example.com/1', details: 'Note: @boss <b>x</b> | `y`' };
  const comments = async (): Promise<Comment[]> =>
    ((await api('GET', `${root}/issues/${number}/comments`)) as Comment[]).filter(({ user }) => user.login === 'robot');
  const statuses = async (): Promise<Status[]> => (await api('GET', `${root}/statuses/${revision}?limit=50`)) as Status[];

  for (const _ of [1, 2]) {
    const end = await notify(repo, params);
    expect(end, end.stderr).toMatchObject({ code: 0, results: { delivered: 'status,comment', failed: '' } });
    expect(await comments()).toHaveLength(1);
    expect(await statuses()).toHaveLength(1);
  }
  expect((await statuses())[0]).toMatchObject({ context: 'supply-chain/deliver', status: 'failure', description: 'deliver failed', target_url: params.url });
  const html = await rendered(repo, (await comments())[0]?.body ?? '');
  expect(html).toContain('&lt;b&gt;x&lt;/b&gt;');
  expect(html).not.toMatch(/<b>x|href="[^"]*boss"/);

  const again = await notify(repo, { ...params, status: 'Succeeded' });
  expect(again.code, again.stderr).toBe(0);
  expect((await statuses()).map(({ status }) => status).sort()).toEqual(['failure', 'success']);
  expect((await comments()).map(({ body }) => body.split('\n')[1])).toEqual(['### deliver succeeded']);
});

test('a token that may only read, a wrong one and a missing pull request are refused', async () => {
  const { repo, revision, number } = await withPullRequest();
  const refused: [Record<string, string>, User, string][] = [
    [{ channels: 'status', required: 'status', revision }, 'reader', 'FORGE_FORBIDDEN'],
    [{ channels: 'comment', required: 'comment', 'pull-request': '4711' }, 'robot', 'FORGE_NOT_FOUND'],
  ];
  for (const [params, user, code] of refused) {
    const end = await notify(repo, params, user);
    expect(end, end.stderr).toMatchObject({ code: 77, results: { outcome: 'refused', delivered: '', failed: params['channels'] } });
    expect(end.stderr).toContain(`code=${code}\n`);
    expect(end.stderr).not.toContain(inject('gitea').tokens[user]);
  }
  const tolerated = await notify(repo, { required: '', revision, 'pull-request': number }, 'reader');
  expect(tolerated).toMatchObject({ code: 0, results: { outcome: 'ok', failed: expect.stringContaining('status') } });
});
