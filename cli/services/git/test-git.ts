// SPDX-License-Identifier: Apache-2.0
import { execFile } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { request as httpRequest } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { type GitObject, objectId } from '../../../lib/git/git-object.ts';
import { makePack } from '../../../lib/git/make-pack.ts';
import { FLUSH, pktLine } from '../../../lib/git/pkt-frame.ts';
import { openRepository, type Repository } from '../../../lib/git/repository.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { type GitOptions, type RunningGit, startGit } from './server.ts';

export type Answer = { status: number; body: Buffer };
/** For tests: the embedded Git server in a folder of its own, our own client, the git program and bare HTTP to it. */
export type GitKit = {
  dir: string;
  server: RunningGit;
  restart(options?: Partial<GitOptions>): Promise<void>;
  open(): Promise<Repository>;
  /** Runs the git program below `dir`; gives its output, and rejects when it fails. */
  git(...args: string[]): Promise<string>;
  ask(method: string, path: string, body?: Buffer, headers?: Record<string, string>): Promise<Answer>;
  /** Sends a push as it is, and gives what the server reports. */
  push(commands: readonly Move[], pack: Buffer): Promise<string>;
  close(): Promise<void>;
};
export type Move = { from?: string | undefined; to?: string | undefined; ref?: string };

const NONE = '0'.repeat(40);
const ENV = {
  PATH: process.env['PATH'],
  GIT_CONFIG_NOSYSTEM: '1',
  GIT_CONFIG_GLOBAL: '/dev/null',
  GIT_TERMINAL_PROMPT: '0',
  GIT_AUTHOR_NAME: 'Ann',
  GIT_AUTHOR_EMAIL: 'ann@example.com',
  GIT_COMMITTER_NAME: 'Ann',
  GIT_COMMITTER_EMAIL: 'ann@example.com',
};
export const PERSON = { name: 'Robot', email: 'robot@example.com', timestamp: 1_700_000_000 };

export async function startKit(first: Partial<GitOptions> = {}): Promise<GitKit> {
  const dir = await mkdtemp(join(tmpdir(), 'embedded-git-'));
  const start = (options: Partial<GitOptions> = {}): Promise<RunningGit> =>
    startGit({ dir: join(dir, 'state'), host: '127.0.0.1', port: 0, log: silentLogger, ...options });
  const http = createHttp({ log: silentLogger });
  const kit: GitKit = {
    dir,
    server: await start(first),
    async restart(options) {
      await kit.server.close();
      kit.server = await start(options);
    },
    open: () => openRepository({ http, url: kit.server.repository, credential: undefined }),
    async git(...args) {
      // Not synchronous: the server runs in this process.
      const { stdout } = await promisify(execFile)('git', args, { cwd: dir, env: ENV });
      return stdout;
    },
    ask: (method, path, body, headers = {}) => ask(`${kit.server.url}${path}`, method, body, headers),
    async push(commands, pack) {
      const lines = commands.map(({ from = NONE, to = NONE, ref = 'refs/heads/main' }, index) =>
        pktLine(`${from} ${to} ${ref}${index === 0 ? '\0report-status' : ''}\n`),
      );
      const { status, body } = await kit.ask('POST', '/gitops.git/git-receive-pack', Buffer.concat([...lines, FLUSH, pack]), RECEIVE);
      return status === 200 ? body.toString() : `${status} ${body}`;
    },
    async close() {
      http.close();
      await kit.server.close();
      await rm(dir, { recursive: true, force: true });
    },
  };
  return kit;
}

export const RECEIVE = { 'content-type': 'application/x-git-receive-pack-request' };
export const UPLOAD = { 'content-type': 'application/x-git-upload-pack-request' };

function ask(url: string, method: string, body: Buffer | undefined, headers: Record<string, string>): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const request = httpRequest(url, { method, headers }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('end', () => resolve({ status: response.statusCode ?? 0, body: Buffer.concat(chunks) }));
      response.on('error', reject);
    });
    request.on('error', reject);
    request.end(body);
  });
}

/** A commit with one file, as objects and as a pack; `mode` and `name` are those of its only entry. */
export function newCommit(
  parents: readonly string[],
  content = 'hello\n',
  entry = { mode: '100644', name: 'file' },
): { oid: string; objects: GitObject[]; pack: Buffer } {
  const blob: GitObject = { type: 'blob', content: Buffer.from(content) };
  const tree: GitObject = { type: 'tree', content: Buffer.concat([Buffer.from(`${entry.mode} ${entry.name}\0`), Buffer.from(objectId(blob), 'hex')]) };
  const lines = [`tree ${objectId(tree)}`, ...parents.map((oid) => `parent ${oid}`), 'author A <a@b> 1 +0000', 'committer A <a@b> 1 +0000', '', 'm', ''];
  const commit: GitObject = { type: 'commit', content: Buffer.from(lines.join('\n')) };
  const objects = [commit, tree, blob];
  return { oid: objectId(commit), objects, pack: makePack(objects) };
}
