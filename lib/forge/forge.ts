// SPDX-License-Identifier: Apache-2.0
import { StepError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { upsertComment } from './comments.ts';
import { gitea } from './gitea.ts';
import { github } from './github.ts';
import { gitlab } from './gitlab.ts';
import { cutComment, cutDescription, cutTitle } from './limits.ts';
import { createRest, type Rest } from './rest.ts';

export type ForgeKind = 'github' | 'gitlab' | 'gitea';

/** State of a commit status in GitHub's words; each adapter has its own for them. */
export type StatusState = 'pending' | 'success' | 'failure' | 'error';
/** `context` names the check (GitLab: `name`); `description` is cut to 140 characters. */
export type CommitStatus = { context: string; state: StatusState; description: string; targetUrl?: string | undefined };
export type Comment = { id: number; body: string; url: string };
export type PullRequestState = 'open' | 'closed' | 'merged';
/** A pull request, or a merge request on GitLab. `mergeCommit` is there once it is merged. */
export type PullRequest = {
  number: number;
  url: string;
  state: PullRequestState;
  title: string;
  body: string;
  head: string;
  headSha: string;
  base: string;
  mergeCommit?: string | undefined;
};
export type NewPullRequest = { title: string; body: string; head: string; base: string };

/** What each forge's own module provides; the rest is the same for all. Lists are complete, newest statuses first. */
export type ForgeAdapter = {
  /** What a status of this state reads as when it is asked for again. */
  readsAs(state: StatusState): StatusState;
  statuses(sha: string): Promise<CommitStatus[]>;
  postStatus(sha: string, status: CommitStatus): Promise<'posted' | 'kept'>;
  comments(pullRequest: number): Promise<Comment[]>;
  postComment(pullRequest: number, body: string): Promise<Comment>;
  patchComment(pullRequest: number, id: number, body: string): Promise<Comment>;
  pullRequestsOf(sha: string): Promise<PullRequest[]>;
  pullRequestsFrom(head: string, base: string): Promise<PullRequest[]>;
  pullRequest(number: number): Promise<PullRequest>;
  postPullRequest(request: NewPullRequest): Promise<PullRequest>;
  patchPullRequest(number: number, change: { title: string; body: string }): Promise<PullRequest>;
};

export type ForgeOptions = {
  kind: ForgeKind;
  /** Where people see the forge (`https://github.com`, `https://git.example.com/forge`), or its API's URL for GitHub. */
  url: string;
  /** `owner/name`; on GitLab with all groups. */
  repo: string;
  token: string;
  /** What messages call the token: `token file of the workspace git-credentials`. */
  credential?: string;
  http: Http;
};

/**
 * The REST API of a forge for one repository. Errors: refused FORGE_UNAUTHORIZED (401), FORGE_FORBIDDEN (403), FORGE_NOT_FOUND (404), FORGE_REFUSED (other
 * final answers, and answers of another shape) that name the request; transient HTTP_* when the budget of lib/http is spent, secondary rate limits included.
 */
export type Forge = {
  /** Sets a commit status unless the newest one of this context says the same already (GitHub takes 1000 of a context on a commit, then no more). */
  setStatus(sha: string, status: CommitStatus): Promise<'posted' | 'kept'>;
  /** All comments of a pull request, over all pages, oldest first. */
  listComments(pullRequest: number): Promise<Comment[]>;
  createComment(pullRequest: number, body: string): Promise<Comment>;
  updateComment(pullRequest: number, id: number, body: string): Promise<Comment>;
  /** The one comment that begins with `marker` (an HTML comment, which the body gets as its first line): written, changed, or kept when it says the same. */
  upsertComment(pullRequest: number, marker: string, body: string): Promise<Comment & { action: 'created' | 'updated' | 'kept' }>;
  /** Pull requests that hold the commit: as head, or merged with it. */
  findPullRequests(sha: string): Promise<PullRequest[]>;
  /** Pull requests of any state from one branch of the repository to another, newest first. */
  pullRequestsFrom(head: string, base: string): Promise<PullRequest[]>;
  pullRequest(number: number): Promise<PullRequest>;
  /** Opens a pull request; where one for this head and base is open already, gives that one with its title and body brought up to date. */
  openPullRequest(request: NewPullRequest): Promise<PullRequest & { action: 'created' | 'updated' | 'kept' }>;
};

const ADAPTERS: Record<ForgeKind, (rest: Rest, repo: string) => ForgeAdapter> = { github, gitlab, gitea };

/** A client for one repository. Throws input FORGE_REPOSITORY_INVALID or FORGE_URL_INVALID. */
export function createForge(options: ForgeOptions): Forge {
  const adapter = ADAPTERS[options.kind](createRest(options), options.repo);
  return {
    setStatus: (sha, status) => setStatus(adapter, sha, { ...status, description: cutDescription(status.description) }),
    listComments: (pullRequest) => adapter.comments(pullRequest),
    createComment: (pullRequest, body) => adapter.postComment(pullRequest, cutComment(body)),
    updateComment: (pullRequest, id, body) => adapter.patchComment(pullRequest, id, cutComment(body)),
    upsertComment: (pullRequest, marker, body) => upsertComment(adapter, pullRequest, marker, body),
    findPullRequests: (sha) => adapter.pullRequestsOf(sha),
    pullRequestsFrom: (head, base) => adapter.pullRequestsFrom(head, base),
    pullRequest: (number) => adapter.pullRequest(number),
    openPullRequest: (request) => openPullRequest(adapter, { ...request, title: cutTitle(request.title), body: cutComment(request.body) }),
  };
}

async function setStatus(adapter: ForgeAdapter, sha: string, status: CommitStatus): Promise<'posted' | 'kept'> {
  const newest = (await adapter.statuses(sha)).find(({ context }) => context.toLowerCase() === status.context.toLowerCase());
  const same =
    newest?.state === adapter.readsAs(status.state) && newest.description === status.description && (newest.targetUrl ?? '') === (status.targetUrl ?? '');
  return same ? 'kept' : adapter.postStatus(sha, status);
}

async function openPullRequest(adapter: ForgeAdapter, request: NewPullRequest): Promise<PullRequest & { action: 'created' | 'updated' | 'kept' }> {
  const standing = await openOne(adapter, request);
  if (standing !== undefined) return upToDate(adapter, standing, request);
  try {
    return { ...(await adapter.postPullRequest(request)), action: 'created' };
  } catch (error) {
    // Somebody else, or an earlier try whose answer got lost, may have been faster; forges tell it in different words.
    const open = error instanceof StepError && error.code === 'FORGE_REFUSED' ? await openOne(adapter, request) : undefined;
    if (open === undefined) throw error;
    return upToDate(adapter, open, request);
  }
}

async function upToDate(adapter: ForgeAdapter, open: PullRequest, request: NewPullRequest): Promise<PullRequest & { action: 'updated' | 'kept' }> {
  if (open.title === request.title && open.body.replaceAll('\r\n', '\n').trim() === request.body.trim()) return { ...open, action: 'kept' };
  return { ...(await adapter.patchPullRequest(open.number, request)), action: 'updated' };
}

async function openOne(adapter: ForgeAdapter, { head, base }: NewPullRequest): Promise<PullRequest | undefined> {
  return (await adapter.pullRequestsFrom(head, base)).find(({ state }) => state === 'open');
}
