// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { ForgeAdapter, PullRequest } from './forge.ts';
import type { Rest } from './rest.ts';

const GithubStatus = z.object({
  context: z.string(),
  state: z.enum(['error', 'failure', 'pending', 'success']),
  description: z.string().nullable(),
  target_url: z.string().nullable(),
});
const GithubComment = z.object({ id: z.number(), body: z.string().nullish(), html_url: z.string() });
const GithubPull = z.object({
  number: z.number(),
  html_url: z.string(),
  state: z.enum(['open', 'closed']),
  merged_at: z.string().nullish(),
  merge_commit_sha: z.string().nullish(),
  title: z.string(),
  body: z.string().nullish(),
  head: z.object({ ref: z.string(), sha: z.string() }),
  base: z.object({ ref: z.string() }),
});

/** GitHub's REST API of version 2022-11-28, cloud and Enterprise Server. */
export function github(rest: Rest, repo: string): ForgeAdapter {
  const root = `/repos/${repo}`;
  const owner = repo.split('/')[0] ?? '';
  return {
    readsAs: (state) => state,
    async statuses(sha) {
      const found = await rest.pages({ what: `read the statuses of ${sha}`, path: `${root}/commits/${sha}/statuses`, shape: z.array(GithubStatus) });
      return found.map((status) => ({
        context: status.context,
        state: status.state,
        description: status.description ?? '',
        targetUrl: status.target_url ?? undefined,
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
      return (await rest.pages({ what, path: `${root}/issues/${pullRequest}/comments`, shape: z.array(GithubComment) })).map(toComment);
    },
    async postComment(pullRequest, body) {
      const what = `comment on pull request ${pullRequest}`;
      return toComment(await rest.call({ what, method: 'POST', path: `${root}/issues/${pullRequest}/comments`, body: { body }, shape: GithubComment }));
    },
    async patchComment(pullRequest, id, body) {
      const what = `change comment ${id} of pull request ${pullRequest}`;
      return toComment(await rest.call({ what, method: 'PATCH', path: `${root}/issues/comments/${id}`, body: { body }, shape: GithubComment }));
    },
    async pullRequestsOf(sha) {
      // 422 is the answer for a commit that the repository does not have.
      const path = `${root}/commits/${sha}/pulls`;
      return (await rest.pages({ what: `find the pull requests of ${sha}`, path, shape: z.array(GithubPull), absent: [404, 422] })).map(toPullRequest);
    },
    async pullRequestsFrom(head, base) {
      const query = { head: `${owner}:${head}`, base, state: 'all', sort: 'created', direction: 'desc' };
      const found = await rest.pages({ what: `find pull requests from ${head} to ${base}`, path: `${root}/pulls`, query, shape: z.array(GithubPull) });
      return found.map(toPullRequest).filter((pull) => pull.head === head && pull.base === base);
    },
    async pullRequest(number) {
      return toPullRequest(await rest.call({ what: `read pull request ${number}`, path: `${root}/pulls/${number}`, shape: GithubPull }));
    },
    async postPullRequest(request) {
      const what = `open a pull request from ${request.head} to ${request.base}`;
      const { title, body, head, base } = request;
      return toPullRequest(
        await rest.call({ what, method: 'POST', path: `${root}/pulls`, body: { title, body, head, base }, shape: GithubPull, repeatable: true }),
      );
    },
    async patchPullRequest(number, { title, body }) {
      const what = `change pull request ${number}`;
      return toPullRequest(await rest.call({ what, method: 'PATCH', path: `${root}/pulls/${number}`, body: { title, body }, shape: GithubPull }));
    },
  };
}

function toComment({ id, body, html_url }: z.infer<typeof GithubComment>): { id: number; body: string; url: string } {
  return { id, body: body ?? '', url: html_url };
}

function toPullRequest(pull: z.infer<typeof GithubPull>): PullRequest {
  const merged = pull.merged_at != null;
  return {
    number: pull.number,
    url: pull.html_url,
    state: merged ? 'merged' : pull.state,
    title: pull.title,
    body: pull.body ?? '',
    head: pull.head.ref,
    headSha: pull.head.sha,
    base: pull.base.ref,
    ...(merged && pull.merge_commit_sha && { mergeCommit: pull.merge_commit_sha }),
  };
}
