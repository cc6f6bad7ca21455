// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { Forge } from '../../lib/forge/forge.ts';
import { type Answers, testForge } from '../../lib/forge/test-forge.ts';
import { closeAll } from '../../lib/http/test-server.ts';
import { renderComment } from '../../tasks/notify/render-comment.ts';
import { renderStatus } from '../../tasks/notify/render-short.ts';
import { FACTS, task, testNotice } from '../../tasks/notify/test-notice.ts';
import { type OpenApi, openGitHubDescription } from './openapi.ts';

let api: OpenApi;
beforeAll(async () => {
  api = await openGitHubDescription();
});
afterEach(closeAll);

const SHA = '6c1a49b0f2d14f1f8a4b3c5d6e7f8091a2b3c4d5';
const ROOT = '/repos/team/app';
const MARKER = '<!-- supply-chain-notify team/deliver -->';
const long = testNotice(
  { details: `Note: ${'x'.repeat(1900)}` },
  { ...FACTS, tasks: Array.from({ length: 40 }, (_, at) => task(`t${at}`, { state: 'Failed', message: 'm'.repeat(9000) })) },
);
const pull = { title: 'deploy(app): 1.5.0', body: 'text', head: 'supply-chain/app-1', base: 'main' };

/** GitHub that answers with the examples of its own description, but lists with nothing where `fresh`. */
function github(fresh: boolean): Promise<{ forge: Forge; server: { seen: { method: string; url: string; body: Buffer }[] } }> {
  const list =
    (path: string): (() => { json: unknown }) =>
    () => ({ json: fresh ? [] : api.example('GET', path) });
  const made =
    (method: string, path: string): (() => { status: number; json: unknown }) =>
    () => ({ status: 201, json: api.example(method, path) });
  const answers: Answers = {
    [`GET ${ROOT}/commits/${SHA}/statuses`]: list(`${ROOT}/commits/${SHA}/statuses`),
    [`POST ${ROOT}/statuses/${SHA}`]: made('POST', `${ROOT}/statuses/${SHA}`),
    [`GET ${ROOT}/issues/7/comments`]: list(`${ROOT}/issues/7/comments`),
    [`POST ${ROOT}/issues/7/comments`]: made('POST', `${ROOT}/issues/7/comments`),
    [`PATCH ${ROOT}/issues/comments/1`]: made('PATCH', `${ROOT}/issues/comments/1`),
    [`GET ${ROOT}/commits/${SHA}/pulls`]: list(`${ROOT}/commits/${SHA}/pulls`),
    // The example is open and has a time at which it was merged.
    [`GET ${ROOT}/pulls`]: () => ({ json: fresh ? [] : (api.example('GET', `${ROOT}/pulls`) as object[]).map((one) => ({ ...one, merged_at: null })) }),
    [`GET ${ROOT}/pulls/1347`]: () => ({ json: api.example('GET', `${ROOT}/pulls/1347`) }),
    [`POST ${ROOT}/pulls`]: made('POST', `${ROOT}/pulls`),
    [`PATCH ${ROOT}/pulls/1347`]: made('PATCH', `${ROOT}/pulls/1347`),
  };
  return testForge('github', answers);
}

describe('requests are those that GitHub describes, and its answers are understood', () => {
  test.each<[string, boolean, (forge: Forge) => Promise<unknown>, string[]]>([
    ['a status', true, (forge) => forge.setStatus(SHA, renderStatus(testNotice())), ['GET', 'POST']],
    ['a status after others, as long as it can be', false, (forge) => forge.setStatus(SHA, renderStatus(long)), ['GET', 'POST']],
    ['a comment', true, (forge) => forge.upsertComment(7, MARKER, renderComment(testNotice())), ['GET', 'POST']],
    ['a comment after others, as long as it can be', false, (forge) => forge.upsertComment(7, MARKER, renderComment(long).repeat(2)), ['GET', 'POST']],
    ['a changed comment', false, (forge) => forge.updateComment(7, 1, 'text'), ['PATCH']],
    ['the pull requests of a commit', false, (forge) => forge.findPullRequests(SHA), ['GET']],
    ['a pull request', true, (forge) => forge.openPullRequest(pull), ['GET', 'POST']],
    ['a pull request that is open', false, (forge) => forge.openPullRequest({ ...pull, head: 'new-topic', base: 'master' }), ['GET', 'PATCH']],
    ['one pull request', false, (forge) => forge.pullRequest(1347), ['GET']],
  ])('%s', async (_, fresh, act, methods) => {
    const { forge, server } = await github(fresh);
    await act(forge);
    expect(server.seen.map(({ method }) => method)).toEqual(methods);
    for (const { method, url, body } of server.seen) {
      const sent = body.length > 0 ? (JSON.parse(body.toString()) as unknown) : undefined;
      expect(api.problems(method, url.replace('/api/v3', ''), sent), `${method} ${url}`).toEqual([]);
    }
  });
});

test('the comparison finds what is wrong', () => {
  const status = `${ROOT}/statuses/${SHA}`;
  expect(api.problems('POST', status, { state: 'passed' }).join()).toContain('body/state must be equal to one of');
  expect(api.problems('POST', status, { context: 'c' }).join()).toContain("must have required property 'state'");
  expect(api.problems('POST', status, { state: 'success', targetUrl: 'x' }).join()).toContain('body has targetUrl');
  expect(api.problems('POST', `${ROOT}/issues/7/comments`, { body: 7 }).join()).toContain('must be string');
  expect(api.problems('GET', `${ROOT}/pulls?limit=5`, undefined)).toEqual(['/repos/{owner}/{repo}/pulls has no query parameter limit']);
  expect(api.problems('GET', `${ROOT}/notes`, undefined).join()).toContain('no operation');
});
