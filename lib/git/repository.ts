// SPDX-License-Identifier: Apache-2.0
import * as git from 'isomorphic-git';
import { refusedError, StepError, transientError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { redactUrl } from '../log/redact.ts';
import type { GitCredential } from './credential.ts';
import { createMemoryFs, type MemoryFs } from './memory-fs.ts';
import { serverText } from './pkt-line.ts';
import { createTransport } from './transport.ts';
import { replaceFiles, treeFile } from './tree.ts';

/** Who a commit is by; `timestamp` in seconds since the epoch, in UTC. */
export type GitPerson = { name: string; email: string; timestamp: number };
/** Makes the armoured signature of a commit's text. */
export type CommitSigner = (payload: string) => string;
export type NewCommit = { parent: string; files: ReadonlyMap<string, Uint8Array>; message: string; person: GitPerson; sign?: CommitSigner | undefined };
export type CommitFacts = { oid: string; message: string; parents: string[] };

export type RepositoryOptions = {
  http: Http;
  /** http(s) URL as "git clone" takes it. */
  url: string;
  credential: GitCredential | undefined;
  /** Bytes of one answer of the server; default 40 MiB. */
  maxPackBytes?: number;
};

/**
 * A remote repository, in memory and one commit deep. Errors: those of the transport (transport.ts), refused BRANCH_NOT_FOUND, PUSH_DECLINED (a hook, a protected branch),
 * transient PUSH_RACE (the branch is not where it was when it was read).
 */
export type Repository = {
  /** Name of the branch that HEAD stands for. */
  defaultBranch(): Promise<string>;
  /** The newest commit of each branch. */
  branches(): Promise<Map<string, string>>;
  /** Brings the newest commit of a branch here and gives its id. */
  fetch(branch: string): Promise<string>;
  commit(oid: string): Promise<CommitFacts>;
  /** Content of a file at a commit; undefined where there is none. Refused GIT_NOT_A_FILE for a folder, symbolic link or submodule, REPOSITORY_TOO_LARGE over 8 MiB. */
  readFile(commit: string, path: string): Promise<Buffer | undefined>;
  /** A commit with the files replaced, every other entry and all modes as in the parent; nothing is sent. Gives its id. */
  writeCommit(commit: NewCommit): Promise<string>;
  /** Moves a branch of the remote to a commit, provided that it stands at `expected` (undefined: does not exist). */
  push(commit: string, branch: string, expected: string | undefined): Promise<void>;
};

const GITDIR = '/repository';
/** With packs of this size the step stays below 450 MB of memory; its Task has 512 MiB. */
const DEFAULT_PACK = 40 * 1024 * 1024;
const LIMITS = { maxObjects: 500_000, maxObjectBytes: 32 * 1024 * 1024, maxInflatedBytes: 512 * 1024 * 1024 };
const RACE =
  /fetch first|non-fast-forward|stale info|cannot lock ref|failed to update ref|failed to lock|incorrect old value|already exists|reference changed/i;

type Context = { fs: MemoryFs; remote: Remote; what: string; options: RepositoryOptions };
type Remote = { http: ReturnType<typeof createTransport>; url: string };
type Place = { fs: MemoryFs; gitdir: string };

/** Opens a repository; asks the server nothing yet. */
export async function openRepository(options: RepositoryOptions): Promise<Repository> {
  const maxPackBytes = options.maxPackBytes ?? DEFAULT_PACK;
  const url = options.url.replace(/\/+$/, '');
  const fs = createMemoryFs(3 * maxPackBytes);
  const http = createTransport({ http: options.http, url, credential: options.credential, maxPackBytes, limits: LIMITS });
  const context: Context = { fs, remote: { http, url }, what: redactUrl(url), options };
  const place: Place = { fs, gitdir: GITDIR };
  await git.init({ ...place, bare: true });
  await git.addRemote({ ...place, remote: 'origin', url });
  return {
    defaultBranch: () => defaultBranch(context),
    async branches() {
      const refs = await git.listServerRefs({ ...context.remote, prefix: 'refs/heads/', protocolVersion: 1 });
      return new Map(refs.map(({ ref, oid }) => [ref.slice('refs/heads/'.length), oid]));
    },
    fetch: (branch) => fetchBranch(context, branch),
    async commit(oid) {
      const { commit } = await git.readCommit({ ...place, oid });
      return { oid, message: commit.message, parents: commit.parent };
    },
    readFile: (commit, path) => treeFile(place, commit, path),
    writeCommit: (commit) => writeCommit(place, commit),
    push: (commit, branch, expected) => pushBranch(context, commit, branch, expected),
  };
}

async function defaultBranch({ remote, what }: Context): Promise<string> {
  const refs = await git.listServerRefs({ ...remote, prefix: 'HEAD', symrefs: true, protocolVersion: 1 });
  const head = refs.find(({ ref }) => ref === 'HEAD')?.target;
  if (head?.startsWith('refs/heads/')) return head.slice('refs/heads/'.length);
  throw refusedError('BRANCH_NOT_FOUND', `${what} does not say which branch is its default`, {
    hint: 'name the branch with the param branch; a new repository needs a first commit',
  });
}

async function fetchBranch({ fs, remote, what }: Context, branch: string): Promise<string> {
  const tracking = `refs/remotes/origin/${branch}`;
  try {
    const { fetchHead } = await git.fetch({
      fs,
      gitdir: GITDIR,
      ...remote,
      remote: 'origin',
      ref: tracking,
      remoteRef: `refs/heads/${branch}`,
      depth: 1,
      singleBranch: true,
      tags: false,
    });
    if (fetchHead !== null) {
      // Lets a push see that the remote has what was fetched.
      await git.writeRef({ fs, gitdir: GITDIR, ref: 'refs/remotes/origin/HEAD', value: tracking, symbolic: true, force: true });
      await git.readCommit({ fs, gitdir: GITDIR, oid: fetchHead });
      return fetchHead;
    }
  } catch (error) {
    if (error instanceof StepError) throw error;
    if (!isGitError(error, 'NotFoundError')) throw answerInvalid(what, 'fetch from', error);
  }
  throw refusedError('BRANCH_NOT_FOUND', `${what} has no branch ${branch}`);
}

async function writeCommit(place: Place, { parent, files, message, person, sign }: NewCommit): Promise<string> {
  const tree = await replaceFiles(place, parent, files);
  const author = { ...person, timezoneOffset: 0 };
  return git.commit({
    ...place,
    ref: 'refs/heads/work',
    parent: [parent],
    tree,
    message,
    author,
    committer: author,
    noUpdateBranch: true,
    ...(sign && { signingKey: 'given', onSign: ({ payload }: { payload: string }) => ({ signature: sign(payload) }) }),
  });
}

async function pushBranch({ fs, remote, what }: Context, oid: string, branch: string, expected: string | undefined): Promise<void> {
  const remoteRef = `refs/heads/${branch}`;
  const ref = 'refs/heads/work';
  await git.writeRef({ fs, gitdir: GITDIR, ref, value: oid, force: true });
  const said: string[] = [];
  let found: string | undefined;
  try {
    // "force" leaves out isomorphic-git's own test; that the branch has not moved is compared here, and by the server when it takes the push.
    await git.push({
      fs,
      gitdir: GITDIR,
      ...remote,
      ref,
      remoteRef,
      force: true,
      onMessage: (line) => {
        said.push(line);
      },
      onPrePush: ({ remoteRef: theirs }) => {
        found = theirs.oid;
        return found === (expected ?? '0'.repeat(40));
      },
    });
  } catch (error) {
    if (error instanceof StepError) throw error;
    if (isGitError(error, 'UserCanceledError')) throw race(what, branch, `it stands at ${found?.slice(0, 12)}`);
    if (!isGitError(error, 'GitPushError')) throw answerInvalid(what, 'push to', error);
    await new Promise((resolve) => setImmediate(resolve));
    const reason = pushReason(error, remoteRef);
    if (RACE.test(reason)) throw race(what, branch, serverText(reason));
    const more = serverText(said.join(' '));
    // Gitea lets everybody who may read begin a push, and says no in its own hook.
    const code = /permission denied/i.test(more) ? 'GIT_FORBIDDEN' : 'PUSH_DECLINED';
    throw refusedError(code, `cannot push to ${what}, branch ${branch}: ${serverText(reason)}${more === '' ? '' : ` (${more})`}`, {
      cause: error,
    });
  }
}

function race(what: string, branch: string, why: string): StepError {
  return transientError('PUSH_RACE', `somebody else pushed to branch ${branch} of ${what} meanwhile: ${why}`);
}

/** What the server said about the branch, or about the pack as a whole. */
function pushReason(error: unknown, ref: string): string {
  const { result } = (error as { data: { result: { error?: string; refs?: Record<string, { error?: string }> } } }).data;
  return result.refs?.[ref]?.error || result.error || 'no reason given';
}

function isGitError(error: unknown, code: string): boolean {
  return error instanceof Error && 'code' in error && error.code === code;
}

function answerInvalid(what: string, doing: string, cause: unknown): StepError {
  const why = cause instanceof Error ? serverText(cause.message) : 'unknown';
  return refusedError('GIT_ANSWER_INVALID', `cannot ${doing} ${what}: the server's answer does not fit (${why})`, { cause });
}
