// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { StepError } from '../errors/errors.ts';
import type { CommitStatus, ForgeAdapter, PullRequest, PullRequestState, StatusState } from './forge.ts';
import type { Rest } from './rest.ts';

const GitlabStatus = z.object({ name: z.string(), status: z.string(), description: z.string().nullish(), target_url: z.string().nullish() });
const GitlabNote = z.object({ id: z.number(), body: z.string(), system: z.boolean().optional() });
const GitlabMerge = z.object({
  iid: z.number(),
  web_url: z.string(),
  state: z.enum(['opened', 'closed', 'merged', 'locked']),
  title: z.string(),
  description: z.string().nullish(),
  source_branch: z.string(),
  target_branch: z.string(),
  sha: z.string().nullish(),
  merge_commit_sha: z.string().nullish(),
  squash_commit_sha: z.string().nullish(),
});

const TO_GITLAB: Record<StatusState, string> = { pending: 'running', success: 'success', failure: 'failed', error: 'failed' };
const STATE: Record<z.infer<typeof GitlabMerge>['state'], PullRequestState> = { opened: 'open', locked: 'open', closed: 'closed', merged: 'merged' };

/** GitLab's REST API v4; pull requests are its merge requests, comments its notes. */
export function gitlab(rest: Rest, repo: string): ForgeAdapter {
  const root = `/projects/${encodeURIComponent(repo)}`;
  return {
    readsAs: (state) => (state === 'error' ? 'failure' : state),
    async statuses(sha) {
      const path = `${root}/repository/commits/${sha}/statuses`;
      return (await rest.pages({ what: `read the statuses of ${sha}`, path, shape: z.array(GitlabStatus) })).map(toStatus);
    },
    postStatus: (sha, status) => postStatus(rest, root, sha, status),
    async comments(pullRequest) {
      const what = `read the notes of merge request ${pullRequest}`;
      const query = { sort: 'asc', order_by: 'created_at' };
      const notes = await rest.pages({ what, path: `${root}/merge_requests/${pullRequest}/notes`, query, shape: z.array(GitlabNote) });
      return notes.filter(({ system }) => system !== true).map(({ id, body }) => ({ id, body, url: '' }));
    },
    async postComment(pullRequest, body) {
      const what = `comment on merge request ${pullRequest}`;
      const { id, body: text } = await rest.call({
        what,
        method: 'POST',
        path: `${root}/merge_requests/${pullRequest}/notes`,
        body: { body },
        shape: GitlabNote,
      });
      return { id, body: text, url: '' };
    },
    async patchComment(pullRequest, id, body) {
      const what = `change note ${id} of merge request ${pullRequest}`;
      const path = `${root}/merge_requests/${pullRequest}/notes/${id}`;
      const note = await rest.call({ what, method: 'PUT', path, body: { body }, shape: GitlabNote });
      return { id: note.id, body: note.body, url: '' };
    },
    async pullRequestsOf(sha) {
      const path = `${root}/repository/commits/${sha}/merge_requests`;
      return (await rest.pages({ what: `find the merge requests of ${sha}`, path, shape: z.array(GitlabMerge), absent: [404] })).map(toPullRequest);
    },
    async pullRequestsFrom(head, base) {
      const query = { source_branch: head, target_branch: base, state: 'all', order_by: 'created_at', sort: 'desc' };
      const found = await rest.pages({
        what: `find merge requests from ${head} to ${base}`,
        path: `${root}/merge_requests`,
        query,
        shape: z.array(GitlabMerge),
      });
      return found.map(toPullRequest);
    },
    async pullRequest(number) {
      return toPullRequest(await rest.call({ what: `read merge request ${number}`, path: `${root}/merge_requests/${number}`, shape: GitlabMerge }));
    },
    async postPullRequest({ title, body, head, base }) {
      const what = `open a merge request from ${head} to ${base}`;
      const request = { title, description: body, source_branch: head, target_branch: base, remove_source_branch: true };
      const path = `${root}/merge_requests`;
      return toPullRequest(await rest.call({ what, method: 'POST', path, body: request, shape: GitlabMerge, repeatable: true }));
    },
    async patchPullRequest(number, { title, body }) {
      const what = `change merge request ${number}`;
      const change = { title, description: body };
      return toPullRequest(await rest.call({ what, method: 'PUT', path: `${root}/merge_requests/${number}`, body: change, shape: GitlabMerge }));
    },
  };
}

/** GitLab refuses to set the state that a status has already ("Cannot transition status"); that is what was wanted. */
async function postStatus(rest: Rest, root: string, sha: string, { context, state, description, targetUrl }: CommitStatus): Promise<'posted' | 'kept'> {
  const body = { name: context, state: TO_GITLAB[state], description, ...(targetUrl && { target_url: targetUrl }) };
  try {
    const what = `set the status ${context} of ${sha}`;
    await rest.call({ what, method: 'POST', path: `${root}/statuses/${sha}`, body, shape: z.unknown(), repeatable: true });
    return 'posted';
  } catch (error) {
    if (error instanceof StepError && error.code === 'FORGE_REFUSED' && error.message.includes('Cannot transition status')) return 'kept';
    throw error;
  }
}

function toStatus({ name, status, description, target_url }: z.infer<typeof GitlabStatus>): CommitStatus {
  const state: StatusState = status === 'success' ? 'success' : status === 'failed' ? 'failure' : status === 'canceled' ? 'error' : 'pending';
  return { context: name, state, description: description ?? '', targetUrl: target_url ?? undefined };
}

function toPullRequest(merge: z.infer<typeof GitlabMerge>): PullRequest {
  const mergeCommit = merge.merge_commit_sha ?? merge.squash_commit_sha ?? merge.sha;
  return {
    number: merge.iid,
    url: merge.web_url,
    state: STATE[merge.state],
    title: merge.title,
    body: merge.description ?? '',
    head: merge.source_branch,
    headSha: merge.sha ?? '',
    base: merge.target_branch,
    ...(merge.state === 'merged' && mergeCommit && { mergeCommit }),
  };
}
