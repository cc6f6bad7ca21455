// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import type { Suite } from './suite.ts';

/** A user of Gitea with a token that reaches no further than the scopes. */
export type ForgeUser = { name: string; token: string };
export type GiteaCall = (method: string, path: string, body?: unknown) => Promise<unknown>;

/** Repositories and users of one scenario, and the API as Gitea's administrator. */
export type ForgePlace = {
  api: GiteaCall;
  /** A user with read rights to nothing; to be made a collaborator. */
  user(name: string, scopes: readonly string[]): Promise<ForgeUser>;
  /** A repository of the administrator with these files on `main`, and who else may do what; private unless told. */
  repository(name: string, files: Readonly<Record<string, string>>, access: RepositoryAccess): Promise<ForgeRepository>;
  /** Deletes users and repositories. */
  remove(): Promise<void>;
};

export type RepositoryAccess = { isPublic?: boolean; collaborators: Readonly<Record<string, 'read' | 'write'>> };

export type ForgeRepository = {
  /** `owner/name`. */
  name: string;
  /** URL for "git clone". */
  url: string;
  head(branch?: string): Promise<string>;
  /** The newest commits of a branch, newest first. */
  commits(branch?: string): Promise<{ sha: string; message: string }[]>;
  file(path: string, branch?: string): Promise<string>;
  /** Changes a file on a new branch, opens a pull request for it and gives its number. */
  propose(path: string, content: string, title: string): Promise<number>;
  /** Merges it with a merge commit, as the administrator, and gives the commit. */
  merge(pullRequest: number): Promise<string>;
};

/** Gitea answers so while it finds out in the background whether a pull request can be merged. */
const NOT_YET = 'Please try again later';
const ADMIN = 'bed';

/** `prefix` makes the names of users and repositories unique. */
export async function openForge({ bed, giteaUrl }: Suite, prefix: string): Promise<ForgePlace> {
  const token = (await readFile(join(bed.root, 'gitea', 'token'), 'utf8')).trim();
  const api = callerOf(giteaUrl, `token ${token}`);
  const made: string[] = [];
  return {
    api,
    async user(name, scopes) {
      const username = `${prefix}-${name}`;
      const password = randomBytes(18).toString('base64url');
      const account = { username, email: `${username}@example.com`, password, must_change_password: false };
      await api('POST', '/admin/users', account);
      made.unshift(`/admin/users/${username}?purge=true`);
      const login = callerOf(giteaUrl, `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`);
      const { sha1 } = (await login('POST', `/users/${username}/tokens`, { name: 'scenario', scopes })) as { sha1: string };
      return { name: username, token: sha1 };
    },
    async repository(name, files, { isPublic = false, collaborators }) {
      const repository = `${prefix}-${name}`;
      await api('POST', '/user/repos', { name: repository, private: !isPublic, default_branch: 'main' });
      made.unshift(`/repos/${ADMIN}/${repository}`);
      for (const [user, permission] of Object.entries(collaborators)) await api('PUT', `/repos/${ADMIN}/${repository}/collaborators/${user}`, { permission });
      const first = Object.entries(files).map(([path, content]) => ({ operation: 'create', path, content: base64(content) }));
      await api('POST', `/repos/${ADMIN}/${repository}/contents`, { branch: 'main', message: 'first', files: first });
      return repositoryOf(api, giteaUrl, `${ADMIN}/${repository}`);
    },
    async remove() {
      for (const path of made) await api('DELETE', path);
    },
  };
}

function repositoryOf(api: GiteaCall, giteaUrl: string, name: string): ForgeRepository {
  const root = `/repos/${name}`;
  const read = async <T>(path: string): Promise<T> => (await api('GET', `${root}${path}`)) as T;
  return {
    name,
    url: `${giteaUrl}/${name}.git`,
    head: async (branch = 'main') => (await read<{ commit: { id: string } }>(`/branches/${branch}`)).commit.id,
    async commits(branch = 'main') {
      const found = await read<{ sha: string; commit: { message: string } }[]>(`/commits?sha=${branch}&limit=50&stat=false`);
      return found.map(({ sha, commit }) => ({ sha, message: commit.message }));
    },
    async file(path, branch = 'main') {
      const { content } = await read<{ content: string }>(`/contents/${path}?ref=${branch}`);
      return Buffer.from(content, 'base64').toString('utf8');
    },
    async propose(path, content, title) {
      const head = 'proposal';
      const { sha } = await read<{ sha: string }>(`/contents/${path}?ref=main`);
      await api('PUT', `${root}/contents/${path}`, { content: base64(content), sha, branch: 'main', new_branch: head, message: title });
      return ((await api('POST', `${root}/pulls`, { title, body: '', head, base: 'main' })) as { number: number }).number;
    },
    async merge(pullRequest) {
      await api('POST', `${root}/pulls/${pullRequest}/merge`, { Do: 'merge' });
      return (await read<{ merge_commit_sha: string }>(`/pulls/${pullRequest}`)).merge_commit_sha;
    },
  };
}

function callerOf(giteaUrl: string, authorization: string): GiteaCall {
  return async (method, path, body) => {
    for (let tries = 1; ; tries++) {
      const headers = { authorization, 'content-type': 'application/json' };
      const response = await fetch(`${giteaUrl}/api/v1${path}`, { method, headers, ...(body !== undefined && { body: JSON.stringify(body) }) });
      const text = await response.text();
      if (response.ok) return text === '' ? undefined : JSON.parse(text);
      if (response.status !== 405 || !text.includes(NOT_YET) || tries === 40) {
        throw transientError('GITEA_REFUSED', `Gitea answers ${response.status} to ${method} ${path}: ${text.slice(0, 500)}`);
      }
      await delay(250);
    }
  };
}

function base64(text: string): string {
  return Buffer.from(text).toString('base64');
}
