// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { ForgeAdapter, PullRequest } from './forge.ts';
import type { Rest } from './rest.ts';

const GiteaStatus = z.object({ id: z.number(), context: z.string(), status: z.string(), description: z.string(), target_url: z.string() });
const GiteaComment = z.object({ id: z.number(), body: z.string(), html_url: z.string() });
const GiteaPull = z.object({
  number: z.number(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  merged: z.boolean(),
  merge_commit_sha: z.string().nullish(),
  title: z.string(),
  body: z.string(),
  head: z.object({ ref: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string() }),
});

/** Gitea's and Forgejo's REST API v1 (seen with Gitea 1.25): GitHub's words with differences in lists, statuses and merged pull requests. */
export function gitea(rest: Rest, repo: string): ForgeAdapter {
  const root = `/repos/${repo}`;
  const pulls = (what: string, query: Record<string, string>): Promise<PullRequest[]> =>
    rest.pages({ what, path: `${root}/pulls`, query, shape: z.array(GiteaPull) }).then((found) => found.map(toPullRequest));
  return {
    readsAs: (state) => state,
    async statuses(sha) {
      // By default they come by their time in seconds, which leaves those of one second without an order.
      const query = { sort: 'highestindex' };
      const found = await rest.pages({ what: `read the statuses of ${sha}`, path: `${root}/statuses/${sha}`, query, shape: z.array(GiteaStatus) });
      found.sort((one, other) => other.id - one.id);
      return found.map(({ context, status, description, target_url }) => ({
        context,
        state: toState(status),
        description,
        targetUrl: target_url || undefined,
      }));
    },
    async postStatus(sha, { context, state, description, targetUrl }) {
      const body = { context, state, description, ...(targetUrl && { target_url: targetUrl }) };
      const what = `set the status ${context} of ${sha}`;
      await rest.call({ what, method: 'POST', path: `${root}/statuses/${sha}`, body, shape: z.unknown(), repeatable: true });
      return 'posted';
    },
    async comments(pullRequest) {
      const what = `read the comments of pull request ${pullRequest}`;
      // For one that is not there the list answers 500, which would be tried again and taken for a trouble of the server.
      await rest.call({ what, path: `${root}/issues/${pullRequest}`, shape: z.unknown() });
      return (await rest.pages({ what, path: `${root}/issues/${pullRequest}/comments`, shape: z.array(GiteaComment) })).map(toComment);
    },
    async postComment(pullRequest, body) {
      const what = `comment on pull request ${pullRequest}`;
      return toComment(await rest.call({ what, method: 'POST', path: `${root}/issues/${pullRequest}/comments`, body: { body }, shape: GiteaComment }));
    },
    async patchComment(pullRequest, id, body) {
      const what = `change comment ${id} of pull request ${pullRequest}`;
      return toComment(await rest.call({ what, method: 'PATCH', path: `${root}/issues/comments/${id}`, body: { body }, shape: GiteaComment }));
    },
    async pullRequestsOf(sha) {
      // The API finds a pull request by its merge commit alone; those with the commit as head have to be looked for.
      const what = `find the pull requests of ${sha}`;
      const merged = await rest.tryCall({ what, path: `${root}/commits/${sha}/pull`, shape: GiteaPull, absent: [404] });
      const open = (await pulls(what, { state: 'open' })).filter(({ headSha }) => headSha === sha);
      return [...open, ...(merged ? [toPullRequest(merged)] : [])];
    },
    async pullRequestsFrom(head, base) {
      const found = await pulls(`find pull requests from ${head} to ${base}`, { state: 'all', base_branch: base, sort: 'newest' });
      return found.filter((pull) => pull.head === head && pull.base === base).sort((a, b) => b.number - a.number);
    },
    async pullRequest(number) {
      return toPullRequest(await rest.call({ what: `read pull request ${number}`, path: `${root}/pulls/${number}`, shape: GiteaPull }));
    },
    async postPullRequest({ title, body, head, base }) {
      const what = `open a pull request from ${head} to ${base}`;
      const path = `${root}/pulls`;
      return toPullRequest(await rest.call({ what, method: 'POST', path, body: { title, body, head, base }, shape: GiteaPull, repeatable: true }));
    },
    async patchPullRequest(number, { title, body }) {
      const what = `change pull request ${number}`;
      return toPullRequest(await rest.call({ what, method: 'PATCH', path: `${root}/pulls/${number}`, body: { title, body }, shape: GiteaPull }));
    },
  };
}

/** Gitea knows "warning" besides GitHub's four. */
function toState(status: string): 'pending' | 'success' | 'failure' | 'error' {
  return status === 'pending' || status === 'success' || status === 'failure' ? status : 'error';
}

function toComment({ id, body, html_url }: z.infer<typeof GiteaComment>): { id: number; body: string; url: string } {
  return { id, body, url: html_url };
}

function toPullRequest(pull: z.infer<typeof GiteaPull>): PullRequest {
  return {
    number: pull.number,
    url: pull.html_url,
    state: pull.merged ? 'merged' : pull.state,
    title: pull.title,
    body: pull.body,
    head: pull.head.ref,
    headSha: pull.head.sha,
    base: pull.base.ref,
    ...(pull.merged && pull.merge_commit_sha && { mergeCommit: pull.merge_commit_sha }),
  };
}
