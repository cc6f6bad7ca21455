// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { failureOf } from '../../lib/http/test-server.ts';
import { api, createRepo } from './api.ts';

const MARKER = '<!-- supply-chain: app -->';

describe('commit statuses', () => {
  test('are set, kept and changed', async () => {
    const repo = await createRepo({ a: '1\n' });
    const forge = repo.forge();
    const sha = await repo.head();
    const status = { context: 'supply-chain', state: 'pending', description: 'x'.repeat(300), targetUrl: 'https://run.example.com/1' } as const;
    expect(await forge.setStatus(sha, status)).toBe('posted');
    expect(await forge.setStatus(sha, status)).toBe('kept');
    expect(await forge.setStatus(sha, { ...status, context: 'other' })).toBe('posted');
    expect(await forge.setStatus(sha, { ...status, state: 'success' })).toBe('posted');
    expect(await forge.setStatus(sha, { ...status, state: 'success' })).toBe('kept');
    const { state, statuses } = (await api('GET', `/repos/${repo.name}/commits/${sha}/status`)) as {
      state: string;
      statuses: { context: string; status: string; description: string }[];
    };
    expect(state).toBe('pending');
    expect(statuses.map(({ context, status }) => `${context} ${status}`).sort()).toEqual(['other pending', 'supply-chain success']);
    for (const { description } of statuses) expect(description).toHaveLength(140);
  });

  test('of more than one page are all read', async () => {
    const repo = await createRepo({ a: '1\n' });
    const forge = repo.forge();
    const sha = await repo.head();
    const first = { context: 'first', state: 'success', description: 'kept' } as const;
    await forge.setStatus(sha, first);
    for (let at = 0; at < 60; at += 1) await api('POST', `/repos/${repo.name}/statuses/${sha}`, { context: `c${at}`, state: 'success' });
    expect(await forge.setStatus(sha, first)).toBe('kept');
  });

  test('need the right to write', async () => {
    const repo = await createRepo({ a: '1\n' });
    const error = await failureOf(repo.forge('reader').setStatus(await repo.head(), { context: 'c', state: 'success', description: '' }));
    expect([error.kind, error.code]).toEqual(['refused', 'FORGE_FORBIDDEN']);
  });
});

describe('pull requests and comments', () => {
  test('one is opened, found and commented on; the comment is changed in place', async () => {
    const repo = await createRepo({ a: '1\n' });
    const forge = repo.forge();
    await api('POST', `/repos/${repo.name}/branches`, { new_branch_name: 'gitops/x', old_branch_name: 'main' });
    await repo.write('a', '2\n', 'gitops/x');
    const request = { title: 'deploy', body: 'line\n\n| a |\n|---|\n| b |\n', head: 'gitops/x', base: 'main' };
    const opened = await forge.openPullRequest(request);
    expect(opened).toMatchObject({ action: 'created', number: 1, state: 'open', head: 'gitops/x', base: 'main', headSha: await repo.head('gitops/x') });
    expect(await forge.openPullRequest(request)).toMatchObject({ action: 'kept', number: 1 });
    expect(await forge.openPullRequest({ ...request, title: 'deploy 2' })).toMatchObject({ action: 'updated', number: 1, title: 'deploy 2' });
    expect(await forge.findPullRequests(opened.headSha)).toMatchObject([{ number: 1 }]);

    for (let at = 0; at < 60; at += 1) await api('POST', `/repos/${repo.name}/issues/1/comments`, { body: `comment ${at}\n${MARKER}` });
    expect(await forge.upsertComment(1, MARKER, 'first\nline')).toMatchObject({ action: 'created' });
    expect(await forge.upsertComment(1, MARKER, 'first\nline')).toMatchObject({ action: 'kept' });
    const changed = await forge.upsertComment(1, MARKER, 'second');
    expect(changed).toMatchObject({ action: 'updated', url: expect.stringContaining('/pulls/1#issuecomment-') });
    const all = await forge.listComments(1);
    expect(all).toHaveLength(61);
    expect(all.filter(({ body }) => body.startsWith(MARKER))).toMatchObject([{ id: changed.id, body: `${MARKER}\nsecond` }]);

    await api('POST', `/repos/${repo.name}/pulls/1/merge`, { Do: 'merge' });
    const merged = await forge.pullRequest(1);
    expect(merged).toMatchObject({ state: 'merged', mergeCommit: await repo.head() });
    expect(await forge.findPullRequests(merged.mergeCommit ?? '')).toMatchObject([{ number: 1, state: 'merged' }]);
    expect(await forge.findPullRequests('f'.repeat(40))).toEqual([]);
  });

  test('what Gitea refuses is told', async () => {
    const repo = await createRepo({ a: '1\n' });
    const forge = repo.forge();
    const request = { title: 'x', body: '', head: 'none', base: 'main' };
    expect(await failureOf(forge.openPullRequest(request))).toMatchObject({ kind: 'refused', message: expect.stringContaining('from none to main') });
    expect((await failureOf(forge.pullRequest(99))).code).toBe('FORGE_NOT_FOUND');
  });
});
