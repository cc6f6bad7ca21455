// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { inject } from 'vitest';
import { createForge, type Forge } from '../../lib/forge/forge.ts';
import { createHttp } from '../../lib/http/http.ts';
import { silentLogger } from '../../lib/log/log.ts';

export type User = 'admin' | 'robot' | 'reader';

/** Gitea looks at a pull request in the background whether it can be merged, and says this until it knows. */
const NOT_YET = 'Please try again later';
const MAX_TRIES = 40;

/** Calls Gitea's API beside the step, as the admin unless told otherwise. Throws when the answer is no success. */
export async function api(method: string, path: string, body?: unknown, user: User = 'admin', tries = MAX_TRIES): Promise<unknown> {
  const { url, tokens } = inject('gitea');
  const response = await fetch(`${url}/api/v1${path}`, {
    method,
    headers: { authorization: `token ${tokens[user]}`, 'content-type': 'application/json' },
    ...(body !== undefined && { body: JSON.stringify(body) }),
  });
  const text = await response.text();
  if (response.status === 405 && text.includes(NOT_YET) && tries > 1) {
    await delay(250);
    return api(method, path, body, user, tries - 1);
  }
  if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${text}`);
  return text === '' ? undefined : JSON.parse(text);
}

/** A repository of the admin to which robot may write and that reader may read. */
export type Repo = {
  name: string;
  url: string;
  /** Content of a file on a branch. */
  file(path: string, ref?: string): Promise<string>;
  head(branch?: string): Promise<string>;
  /** One more commit by somebody else. */
  write(path: string, content: string, branch?: string): Promise<void>;
  forge(user?: User): Forge;
};

let count = 0;

export async function createRepo(files: Record<string, string>): Promise<Repo> {
  const { url, tokens } = inject('gitea');
  count += 1;
  const name = `gitops-${process.pid}-${count}`;
  await api('POST', '/user/repos', { name, private: true, default_branch: 'main' });
  for (const [user, permission] of [
    ['robot', 'write'],
    ['reader', 'read'],
  ]) {
    await api('PUT', `/repos/boss/${name}/collaborators/${user}`, { permission });
  }
  const root = `/repos/boss/${name}`;
  const repo: Repo = {
    name: `boss/${name}`,
    url: `${url}/boss/${name}.git`,
    async file(path, ref = 'main') {
      const { content } = (await api('GET', `${root}/contents/${path}?ref=${encodeURIComponent(ref)}`)) as { content: string };
      return Buffer.from(content, 'base64').toString('utf8');
    },
    async head(branch = 'main') {
      return ((await api('GET', `${root}/branches/${branch}`)) as { commit: { id: string } }).commit.id;
    },
    async write(path, content, branch = 'main') {
      const known = await api('GET', `${root}/contents/${path}?ref=${branch}`).catch(() => undefined);
      const sha = (known as { sha?: string } | undefined)?.sha;
      const body = { content: Buffer.from(content).toString('base64'), branch, message: `write ${path}`, ...(sha && { sha }) };
      await api(sha ? 'PUT' : 'POST', `${root}/contents/${path}`, body);
    },
    forge: (user = 'robot') => createForge({ kind: 'gitea', url, repo: `boss/${name}`, token: tokens[user], http: createHttp({ log: silentLogger }) }),
  };
  const first = Object.entries(files).map(([path, content]) => ({ operation: 'create', path, content: Buffer.from(content).toString('base64') }));
  await api('POST', `${root}/contents`, { branch: 'main', message: 'first', files: first });
  return repo;
}

/** The commits of a branch, newest first. */
export async function commits(repo: Repo, branch = 'main'): Promise<{ sha: string; message: string; verified: boolean }[]> {
  const found = (await api('GET', `/repos/${repo.name}/commits?sha=${encodeURIComponent(branch)}&limit=50&stat=false`)) as {
    sha: string;
    commit: { message: string; verification: { verified: boolean } };
  }[];
  return found.map(({ sha, commit }) => ({ sha, message: commit.message, verified: commit.verification.verified }));
}
