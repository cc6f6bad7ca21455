// SPDX-License-Identifier: Apache-2.0
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** A request as a test sees it before it is answered. */
export type GitRequest = { method: string; path: string; authorization: string | undefined };
/** An answer in place of the server's. */
export type GitFault = { status: number; headers?: Record<string, string>; body?: string | Buffer } | 'cut';
export type GitServer = {
  url: string;
  requests: GitRequest[];
  /** Looks at every request first; may do something, and may answer itself. */
  intercept: ((request: GitRequest) => GitFault | undefined | Promise<GitFault | undefined>) | undefined;
  /** A new bare repository `name.git` with the files in one commit on `main`. Gives it for questions and changes beside the step. */
  create(name: string, files: Record<string, string | Buffer>): TestRepository;
  close(): Promise<void>;
};
export type TestRepository = {
  url: string;
  path: string;
  /** Runs git in the bare repository. */
  git(...args: string[]): string;
  head(branch?: string): string;
  file(path: string, revision?: string): string;
  /** Another writer: one more commit with these files; `.sh` is executable, `.link` a symbolic link to what it holds. */
  commit(files: Record<string, string | Buffer>, message?: string, branch?: string): void;
};

const PERSON = { GIT_AUTHOR_NAME: 'Ann', GIT_AUTHOR_EMAIL: 'ann@example.com', GIT_COMMITTER_NAME: 'Ann', GIT_COMMITTER_EMAIL: 'ann@example.com' };
const NO_CONFIG = { GIT_CONFIG_NOSYSTEM: '1', GIT_CONFIG_GLOBAL: '/dev/null' };

/** "git http-backend" behind Node on 127.0.0.1. With `login` every request needs it, and only then pushes are taken. */
export async function startGitServer(options: { login?: { username: string; password: string } } = {}): Promise<GitServer> {
  const root = mkdtempSync(join(tmpdir(), 'git-server-'));
  const requests: GitRequest[] = [];
  const server: GitServer = { url: '', requests, intercept: undefined, create, close };
  const http = createServer((request, response) => {
    void answer(request, response).catch((error: unknown) => response.destroy(error as Error));
  });

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const seen = { method: request.method ?? '', path: request.url ?? '', authorization: request.headers.authorization };
    requests.push(seen);
    const fault = await server.intercept?.(seen);
    if (fault === 'cut') return void response.destroy();
    if (fault !== undefined) return void response.writeHead(fault.status, fault.headers).end(fault.body);
    const wanted = options.login && `Basic ${Buffer.from(`${options.login.username}:${options.login.password}`).toString('base64')}`;
    if (wanted !== undefined && seen.authorization !== wanted) return void response.writeHead(401, { 'www-authenticate': 'Basic realm="git"' }).end('no');
    backend(root, request, response);
  }

  function create(name: string, files: Record<string, string | Buffer>): TestRepository {
    const path = join(root, `${name}.git`);
    mkdirSync(dirname(path), { recursive: true });
    execFileSync('git', ['init', '-q', '--bare', '-b', 'main', path]);
    execFileSync('git', ['-C', path, 'config', 'http.receivepack', 'true']);
    const repository = openTestRepository(`${server.url}/${name}.git`, path);
    repository.commit(files, 'first');
    return repository;
  }

  async function close(): Promise<void> {
    http.closeAllConnections();
    await new Promise<void>((resolve) => http.close(() => resolve()));
    rmSync(root, { recursive: true, force: true });
  }

  await new Promise<void>((resolve) => http.listen(0, '127.0.0.1', resolve));
  server.url = `http://127.0.0.1:${(http.address() as AddressInfo).port}`;
  return server;
}

function openTestRepository(url: string, path: string): TestRepository {
  const index = join(path, 'test-index');
  const env = { ...process.env, ...PERSON, ...NO_CONFIG, GIT_INDEX_FILE: index };
  const run = (args: readonly string[], input?: string | Buffer): string =>
    execFileSync('git', ['-C', path, ...args], { encoding: 'utf8', env, input, stdio: 'pipe' });
  const git = (...args: string[]): string => run(args);
  return {
    url,
    path,
    git,
    head: (branch = 'main') => git('rev-parse', branch).trim(),
    file: (file, revision = 'main') => git('show', `${revision}:${file}`),
    commit(files, message = 'another change', branch = 'main') {
      const parent = git('branch', '--list', branch).trim() === '' ? undefined : git('rev-parse', branch).trim();
      rmSync(index, { force: true });
      if (parent !== undefined) run(['read-tree', parent]);
      for (const [name, content] of Object.entries(files)) {
        const mode = name.endsWith('.sh') ? '100755' : name.endsWith('.link') ? '120000' : '100644';
        run(['update-index', '--add', '--cacheinfo', `${mode},${run(['hash-object', '-w', '--stdin'], content).trim()},${name}`]);
      }
      const commit = run(['commit-tree', run(['write-tree']).trim(), ...(parent === undefined ? [] : ['-p', parent]), '-m', message]).trim();
      run(['update-ref', `refs/heads/${branch}`, commit]);
    },
  };
}

/** CGI (RFC 3875) for one request. */
function backend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://git');
  const child = spawn('git', ['http-backend'], {
    env: {
      PATH: process.env['PATH'],
      ...NO_CONFIG,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'],
      CONTENT_LENGTH: request.headers['content-length'],
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'],
      GIT_PROTOCOL: request.headers['git-protocol'] as string | undefined,
      REMOTE_ADDR: '127.0.0.1',
    },
  });
  child.stdin.on('error', () => undefined);
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.on('close', () => {
    const out = Buffer.concat(chunks);
    const end = out.indexOf('\r\n\r\n');
    const lines = out.toString('latin1', 0, Math.max(end, 0)).split('\r\n');
    const headers = lines.flatMap((line) =>
      line.includes(':') ? [[line.slice(0, line.indexOf(':')), line.slice(line.indexOf(':') + 1).trim()] as const] : [],
    );
    const status = Number(headers.find(([name]) => name.toLowerCase() === 'status')?.[1].split(' ')[0] ?? (end < 0 ? 500 : 200));
    response.writeHead(status, Object.fromEntries(headers.filter(([name]) => name.toLowerCase() !== 'status')));
    response.end(out.subarray(end + 4));
  });
}
