// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBoundedIfPresent } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';

/** A login for a Git server and its forge. `name` says in messages where it comes from. */
export type GitCredential = { name: string; username: string; password: string };

const MAX_FILE = 64 * 1024;
/** With a token GitHub, GitLab and Gitea take any user name; this is the one that GitHub documents. */
const TOKEN_USER = 'x-access-token';

/**
 * The login in a mounted Secret, for `url`: a file `token`; or `username` and `password` (Secret of type kubernetes.io/basic-auth); or `.git-credentials` as "git credential-store"
 * writes it, the first line whose scheme and host fit. undefined when no folder is given. Throws input GIT_CREDENTIAL_INVALID. Secrets are registered for scrubbing.
 */
export async function readGitCredential(folder: string | undefined, url: string): Promise<GitCredential | undefined> {
  if (folder === undefined) return undefined;
  const [token, username, password, store] = await Promise.all(['token', 'username', 'password', '.git-credentials'].map((name) => readLine(folder, name)));
  if (token) return secret({ name: 'file token of the workspace git-credentials', username: username || TOKEN_USER, password: token });
  if (password) return secret({ name: 'file password of the workspace git-credentials', username: username || TOKEN_USER, password });
  if (store) return fromStore(store, url);
  throw inputError('GIT_CREDENTIAL_INVALID', 'the workspace git-credentials holds neither token, nor username and password, nor .git-credentials', {
    hint: 'bind it to a Secret with the file token, or of type kubernetes.io/basic-auth, or leave it out',
  });
}

async function readLine(folder: string, name: string): Promise<string | undefined> {
  return (await readBoundedIfPresent(join(folder, name), MAX_FILE, 'credential file'))?.toString('utf8').trim();
}

function fromStore(store: string, url: string): GitCredential {
  const { protocol, host } = new URL(url);
  for (const line of store.split('\n')) {
    const entry = URL.parse(line.trim());
    if (entry === null || entry.protocol !== protocol || entry.host !== host || entry.password === '') continue;
    return secret({
      name: `entry for ${host} in .git-credentials of the workspace git-credentials`,
      username: decodeURIComponent(entry.username) || TOKEN_USER,
      password: decodeURIComponent(entry.password),
    });
  }
  throw inputError('GIT_CREDENTIAL_INVALID', `.git-credentials in the workspace git-credentials has no login for ${protocol}//${host}`, {
    hint: 'add a line https://USER:PASSWORD@HOST',
  });
}

function secret(credential: GitCredential): GitCredential {
  registerSecret(credential.password);
  registerSecret(`${credential.username}:${credential.password}`);
  return credential;
}

/** The header that carries the login (RFC 7617). */
export function basicAuthorization({ username, password }: GitCredential): string {
  return `Basic ${Buffer.from(`${username}:${password}`).toString('base64')}`;
}
