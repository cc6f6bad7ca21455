// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, failureOf } from '../http/test-server.ts';
import { type Answer, TOKEN, testForge } from './test-forge.ts';

afterEach(closeAll);

const SHA = 'a'.repeat(40);
const MARKER = '<!-- supply-chain: app -->';
const comment = (id: number, body: string): Record<string, unknown> => ({ id, body, html_url: `https://forge/c/${id}` });
const pull = (number: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  number,
  html_url: `https://forge/p/${number}`,
  state: 'open',
  merged: false,
  title: 'deploy',
  body: 'text',
  head: { ref: 'gitops/x', sha: SHA },
  base: { ref: 'main' },
  ...more,
});
const merge = (iid: number, more: Record<string, unknown> = {}): Record<string, unknown> => ({
  iid,
  web_url: `https://forge/m/${iid}`,
  state: 'opened',
  title: 'deploy',
  description: 'text',
  source_branch: 'gitops/x',
  target_branch: 'main',
  sha: SHA,
  ...more,
});

describe('commit statuses', () => {
  const wanted = { context: 'supply-chain', state: 'success', description: 'all well', targetUrl: 'https://run/1' } as const;

  test.each([
    ['github', `/repos/team/app/commits/${SHA}/statuses`, { state: 'success', context: 'Supply-Chain', description: 'all well', target_url: 'https://run/1' }],
    ['gitea', `/repos/team/app/statuses/${SHA}`, { id: 1, status: 'success', context: 'supply-chain', description: 'all well', target_url: 'https://run/1' }],
    [
      'gitlab',
      `/projects/team%2Fgroup%2Fapp/repository/commits/${SHA}/statuses`,
      { status: 'success', name: 'supply-chain', description: 'all well', target_url: 'https://run/1' },
    ],
  ] as const)('%s: one that says the same is kept', async (kind, path, status) => {
    const { forge, calls } = await testForge(kind, { [`GET ${path}`]: { json: [status] } });
    expect(await forge.setStatus(SHA, wanted)).toBe('kept');
    expect(calls()).toHaveLength(1);
  });

  test.each([
    ['github', `/repos/team/app/commits/${SHA}/statuses`, `/repos/team/app/statuses/${SHA}`, { state: 'failure', context: 'supply-chain' }],
    ['gitea', `/repos/team/app/statuses/${SHA}`, `/repos/team/app/statuses/${SHA}`, { state: 'failure', context: 'supply-chain' }],
    [
      'gitlab',
      `/projects/team%2Fgroup%2Fapp/repository/commits/${SHA}/statuses`,
      `/projects/team%2Fgroup%2Fapp/statuses/${SHA}`,
      { state: 'failed', name: 'supply-chain' },
    ],
  ] as const)('%s: another one is posted, its description cut to 140', async (kind, list, post, body) => {
    const { forge, bodies } = await testForge(kind, { [`GET ${list}`]: { json: [] }, [`POST ${post}`]: { status: 201, json: {} } });
    expect(await forge.setStatus(SHA, { context: 'supply-chain', state: 'failure', description: 'word '.repeat(60) })).toBe('posted');
    const sent = bodies()[0] as { description: string };
    expect(sent).toMatchObject(body);
    expect(sent.description).toHaveLength(140);
    expect(sent.description.endsWith('…')).toBe(true);
  });

  test('gitlab: the refusal to set a state anew is no failure', async () => {
    const root = '/projects/team%2Fgroup%2Fapp';
    const refused = { status: 400, json: { message: { status: ['Cannot transition status via :enqueue from :running'] } } };
    const text = { status: 400, text: '{"message":"Cannot transition status via :run from :running (Reason(s): Status cannot transition)"}' };
    const { forge } = await testForge('gitlab', { [`GET ${root}/repository/commits/${SHA}/statuses`]: { json: [] }, [`POST ${root}/statuses/${SHA}`]: text });
    expect(await forge.setStatus(SHA, { ...wanted, state: 'pending' })).toBe('kept');
    const other = await testForge('gitlab', { [`GET ${root}/repository/commits/${SHA}/statuses`]: { json: [] }, [`POST ${root}/statuses/${SHA}`]: refused });
    expect(await other.forge.setStatus(SHA, { ...wanted, state: 'pending' })).toBe('kept');
  });

  test('gitlab: "error" is read back as "failure" and not posted again', async () => {
    const list = `GET /projects/team%2Fgroup%2Fapp/repository/commits/${SHA}/statuses`;
    const { forge } = await testForge('gitlab', {
      [list]: { json: [{ name: 'supply-chain', status: 'failed', description: 'all well', target_url: 'https://run/1' }] },
    });
    expect(await forge.setStatus(SHA, { ...wanted, state: 'error' })).toBe('kept');
  });
});

describe('comments', () => {
  const list = 'GET /repos/team/app/issues/7/comments';

  test('the marked comment is found on the last page, and changed there', async () => {
    const pages = [1, 2, 3].map(
      (page): Answer => ({
        headers: page < 3 ? { link: '<https://elsewhere.example.com/steal?page=2>; rel="next", <x>; rel="last"' } : {},
        json: page < 3 ? [comment(page, 'chat')] : [comment(9, `> ${MARKER}\nquoted`), comment(3, `${MARKER}\r\nold`)],
      }),
    );
    const { forge, calls, bodies } = await testForge('github', { [list]: pages, 'PATCH /repos/team/app/issues/comments/3': { json: comment(3, 'new') } });
    expect(await forge.upsertComment(7, MARKER, 'new')).toMatchObject({ id: 3, action: 'updated' });
    expect(calls().slice(0, 3)).toEqual([1, 2, 3].map((page) => `${list}?per_page=100&page=${page}`));
    expect(bodies()).toEqual([{ body: `${MARKER}\nnew` }]);
  });

  test('one that says the same is kept, whatever the line breaks', async () => {
    const issue = { 'GET /repos/team/app/issues/7': { json: { number: 7 } } };
    const { forge, calls } = await testForge('gitea', { ...issue, [list]: { json: [comment(3, `${MARKER}\r\nline\r\nline\n`)] } });
    expect(await forge.upsertComment(7, MARKER, 'line\nline')).toMatchObject({ id: 3, action: 'kept' });
    expect(calls().every((call) => call.startsWith('GET '))).toBe(true);
  });

  test('on a pull request that Gitea does not have are refused at once, although its list answers 500', async () => {
    const { forge, calls } = await testForge('gitea', { [list]: { status: 500 } });
    expect(await failureOf(forge.upsertComment(7, MARKER, 'x'))).toMatchObject({ kind: 'refused', code: 'FORGE_NOT_FOUND' });
    expect(calls()).toEqual(['GET /repos/team/app/issues/7']);
  });

  test('a missing one is written, cut to 65,536 characters with its fence closed', async () => {
    const { forge, bodies } = await testForge('gitlab', {
      'GET /projects/team%2Fgroup%2Fapp/merge_requests/7/notes': { json: [{ id: 1, body: `${MARKER}\nby the system`, system: true }] },
      'POST /projects/team%2Fgroup%2Fapp/merge_requests/7/notes': (_, body) => ({ status: 201, json: { id: 2, ...(body as { body: string }) } }),
    });
    expect(await forge.upsertComment(7, MARKER, `\`\`\`text\n${'0123456789\n'.repeat(7000)}\`\`\`\n`)).toMatchObject({ id: 2, action: 'created' });
    const { body } = bodies()[0] as { body: string };
    expect(body.length).toBeLessThanOrEqual(65_536);
    expect(body).toMatch(/0123456789\n```\n\n… \(\d+ characters cut\)$/);
  });

  test('a list without an end is refused', async () => {
    const { forge, server } = await testForge('github', { [list]: { headers: { link: '<x>; rel="next"' }, json: [comment(1, 'again')] } });
    expect(await failureOf(forge.listComments(7))).toMatchObject({
      kind: 'refused',
      code: 'FORGE_REFUSED',
      message: expect.stringContaining('more than 100 pages'),
    });
    expect(server.seen).toHaveLength(100);
  });

  test('a comment whose answer got lost is not written twice', async () => {
    const { forge, server } = await testForge('github', { 'POST /repos/team/app/issues/7/comments': { status: 502 } });
    expect((await failureOf(forge.createComment(7, 'once'))).kind).toBe('transient');
    expect(server.seen).toHaveLength(1);
  });

  test.each(['supply-chain', '<!-- a\nb -->', '<!-- a --> b', '<!---->'])('%j is no marker', async (marker) => {
    const { forge } = await testForge('github', {});
    expect((await failureOf(forge.upsertComment(7, marker, 'x'))).code).toBe('MARKER_INVALID');
  });
});

describe('pull requests', () => {
  const request = { title: 'deploy', body: 'text', head: 'gitops/x', base: 'main' };
  const kinds = [
    ['github', 'GET /repos/team/app/pulls', 'POST /repos/team/app/pulls', 'PATCH /repos/team/app/pulls/4', pull],
    ['gitea', 'GET /repos/team/app/pulls', 'POST /repos/team/app/pulls', 'PATCH /repos/team/app/pulls/4', pull],
    [
      'gitlab',
      'GET /projects/team%2Fgroup%2Fapp/merge_requests',
      'POST /projects/team%2Fgroup%2Fapp/merge_requests',
      'PUT /projects/team%2Fgroup%2Fapp/merge_requests/4',
      merge,
    ],
  ] as const;

  test.each(kinds)('%s: is opened once, and brought up to date later', async (kind, list, post, patch, make) => {
    const closed = make(3, { state: 'closed' });
    const answers = { [list]: { json: [closed] }, [post]: { status: 201, json: make(4) } };
    expect(await (await testForge(kind, answers)).forge.openPullRequest(request)).toMatchObject({
      number: 4,
      state: 'open',
      head: 'gitops/x',
      action: 'created',
    });
    const open = await testForge(kind, { [list]: { json: [make(4), closed] }, [patch]: { json: make(4, { title: 'deploy 2' }) } });
    expect(await open.forge.openPullRequest(request)).toMatchObject({ number: 4, action: 'kept' });
    expect(await open.forge.openPullRequest({ ...request, title: 'deploy 2' })).toMatchObject({ number: 4, title: 'deploy 2', action: 'updated' });
  });

  test.each(kinds)('%s: one that was opened meanwhile is found', async (kind, list, post, _patch, make) => {
    const answers = { [list]: [{ json: [] }, { json: [make(4)] }], [post]: { status: kind === 'github' ? 422 : 409, json: { message: 'it exists' } } };
    expect(await (await testForge(kind, answers)).forge.openPullRequest(request)).toMatchObject({ number: 4, action: 'kept' });
  });

  test.each(kinds)('%s: what the forge refuses is told', async (kind, list, post) => {
    const { forge } = await testForge(kind, { [list]: { json: [] }, [post]: { status: 422, json: { message: 'no difference' } } });
    const error = await failureOf(forge.openPullRequest(request));
    expect([error.code, error.message]).toEqual([
      'FORGE_REFUSED',
      expect.stringMatching(/open a (pull|merge) request from gitops\/x to main on .*422.*no difference/),
    ]);
  });

  test.each([
    [
      'github',
      {
        [`GET /repos/team/app/commits/${SHA}/pulls`]: {
          json: [pull(4, { state: 'closed', merged_at: '2026-01-01T00:00:00Z', merge_commit_sha: 'b'.repeat(40) })],
        },
      },
    ],
    [
      'gitea',
      {
        [`GET /repos/team/app/commits/${SHA}/pull`]: { json: pull(4, { state: 'closed', merged: true, merge_commit_sha: 'b'.repeat(40) }) },
        'GET /repos/team/app/pulls': { json: [pull(5, { head: { ref: 'other', sha: 'c'.repeat(40) } })] },
      },
    ],
    [
      'gitlab',
      {
        [`GET /projects/team%2Fgroup%2Fapp/repository/commits/${SHA}/merge_requests`]: {
          json: [merge(4, { state: 'merged', merge_commit_sha: 'b'.repeat(40) })],
        },
      },
    ],
  ] as const)('%s: those of a commit', async (kind, answers) => {
    const { forge } = await testForge(kind, answers);
    expect(await forge.findPullRequests(SHA)).toMatchObject([{ number: 4, state: 'merged', mergeCommit: 'b'.repeat(40) }]);
  });

  test.each([
    ['github', {}],
    ['gitea', { 'GET /repos/team/app/pulls': { json: [] } }],
    ['gitlab', {}],
  ] as const)('%s: an unknown commit has none', async (kind, answers) => {
    expect(await (await testForge(kind, answers)).forge.findPullRequests(SHA)).toEqual([]);
  });
});

describe('answers', () => {
  const path = '/repos/team/app/pulls/4';

  test.each([
    [401, 'FORGE_UNAUTHORIZED'],
    [403, 'FORGE_FORBIDDEN'],
    [404, 'FORGE_NOT_FOUND'],
    [410, 'FORGE_REFUSED'],
  ])('status %i is %s, and the token is not repeated', async (status, code) => {
    const { forge } = await testForge('github', { [`GET ${path}`]: { status, json: { message: `no Bearer ${TOKEN}` } } });
    const error = await failureOf(forge.pullRequest(4));
    expect([error.kind, error.code]).toEqual(['refused', code]);
    expect(error.message).toContain('credential: token file');
    expect(error.message).not.toContain(TOKEN);
  });

  const reset = String(Math.ceil(Date.now() / 1000) + 30);
  test.each([
    [403, { 'retry-after': '7' }, 7000, 7000],
    [429, { 'retry-after': '7' }, 7000, 7000],
    [403, { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset }, 20_000, 31_000],
    [429, { 'ratelimit-remaining': '0', 'ratelimit-reset': reset }, 20_000, 31_000],
    [403, { 'x-ratelimit-remaining': '0' }, 60_000, 60_000],
    [429, {}, 60_000, 60_000],
  ])('a rate limit (%i %j) is waited for, for a write too', async (status, headers, least, most) => {
    const post = 'POST /repos/team/app/issues/7/comments';
    const { forge, waits } = await testForge('github', {
      [post]: [
        { status, headers, json: {} },
        { status: 201, json: comment(1, 'x') },
      ],
    });
    expect((await forge.createComment(7, 'x')).id).toBe(1);
    expect(waits).toHaveLength(1);
    expect(waits[0]).toBeGreaterThanOrEqual(least);
    expect(waits[0]).toBeLessThanOrEqual(most);
  });

  test('a limit that ends after the patience of the client is told', async () => {
    const { forge } = await testForge('github', { [`GET ${path}`]: { status: 403, headers: { 'retry-after': '3600' }, json: {} } });
    expect(await failureOf(forge.pullRequest(4))).toMatchObject({ kind: 'transient', code: 'HTTP_THROTTLED' });
  });

  test.each([{ text: '<html>' }, { json: { number: 'four' } }, { json: [] }])('%j is no answer', async (answer) => {
    const { forge } = await testForge('github', { [`GET ${path}`]: answer });
    expect((await failureOf(forge.pullRequest(4))).kind).toBe('refused');
  });

  test.each([
    ['github', { authorization: `Bearer ${TOKEN}`, 'x-github-api-version': '2022-11-28' }],
    ['gitlab', { authorization: `Bearer ${TOKEN}` }],
    ['gitea', { authorization: `token ${TOKEN}` }],
  ] as const)('%s gets the headers that it wants', async (kind, headers) => {
    const { forge, server } = await testForge(kind, {});
    await failureOf(forge.pullRequest(4));
    expect(server.seen[0]?.headers).toMatchObject(headers);
  });
});
