// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir, userInfo } from 'node:os';
import { join } from 'node:path';
import { findOnPath, freePorts, startProcess, waitUntilReady } from '../cluster/host-process.ts';
import type { PeerPaths } from '../peers/peers.ts';

/** How to reach it: each user's token, and the file of its database. */
export type GiteaAccess = { url: string; tokens: { admin: string; robot: string; reader: string }; database: string };
export type Gitea = { access: GiteaAccess; stop(): Promise<void> };

/** Gitea refuses to run as root. */
const NOBODY = 65_534;
const isRoot = process.getuid?.() === 0;

/** A Gitea of its own on 127.0.0.1 with the users admin, robot and reader; all that it writes is in one folder that goes away with it. */
export async function startGitea(peer: PeerPaths<'gitea'>): Promise<Gitea> {
  const root = mkdtempSync(join(tmpdir(), 'gitea-'));
  const [port = 0] = await freePorts(1);
  const url = `http://127.0.0.1:${port}`;
  // The build cache is in a home that another user may not read.
  cpSync(peer.gitea, join(root, 'gitea'));
  for (const folder of ['options', 'public', 'templates'] as const) cpSync(peer[folder], join(root, 'static', folder), { recursive: true });
  mkdirSync(join(root, 'home'));
  writeFileSync(join(root, 'app.ini'), giteaSettings({ root, user: runUser(), address: '127.0.0.1', port }));
  if (isRoot) execFileSync('chown', ['-R', `${NOBODY}:${NOBODY}`, root]);
  const command = [...asAnotherUser(), join(root, 'gitea'), '--config', join(root, 'app.ini'), '--work-path', root];
  const env = { PATH: process.env['PATH'], HOME: join(root, 'home'), USER: runUser(), GIT_CONFIG_NOSYSTEM: '1' };
  const run = (...args: string[]): string =>
    execFileSync(command[0] ?? '', [...command.slice(1), ...args], { cwd: root, env, encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
  run('migrate');
  const logFile = join(root, 'web.log');
  const [file = '', ...args] = command;
  const server = startProcess({ name: 'gitea', command: file, args: [...args, 'web'], env, logFile });
  await waitUntilReady(server, logFile, async () => (await fetch(`${url}/api/v1/version`)).ok, 60_000);
  const user = (name: string, ...more: string[]): string => {
    const said = run(
      'admin',
      'user',
      'create',
      '--username',
      name,
      '--email',
      `${name}@example.com`,
      '--random-password',
      '--must-change-password=false',
      '--access-token',
      '--access-token-scopes',
      'all',
      ...more,
    );
    const token = /[0-9a-f]{40}/.exec(said)?.[0];
    if (token === undefined) throw new Error(`no token for ${name}: ${said}`);
    return token;
  };
  const tokens = { admin: user('boss', '--admin'), robot: user('robot'), reader: user('reader') };
  return {
    access: { url, tokens, database: join(root, 'gitea.db') },
    async stop() {
      await server.stop(5000);
      rmSync(root, { recursive: true, force: true });
    },
  };
}

function asAnotherUser(): string[] {
  if (!isRoot) return [];
  const setpriv = findOnPath('setpriv');
  if (setpriv === undefined) throw new Error('Gitea does not run as root, and there is no setpriv to change the user');
  return [setpriv, '--reuid', String(NOBODY), '--regid', String(NOBODY), '--clear-groups', '--pdeathsig', 'KILL', '--'];
}

function runUser(): string {
  return isRoot ? 'nobody' : userInfo().username;
}

export type GiteaSettings = {
  /** Folder with `static/`, where everything is kept. */
  root: string;
  user: string;
  address: string;
  port: number;
  /** What its webhooks may call beside public addresses: networks, addresses, names. */
  webhookHosts?: readonly string[];
};

/** Text of app.ini for a Gitea that knows its users from nowhere else, and does nothing by the clock. */
export function giteaSettings({ root, user, address, port, webhookHosts = [] }: GiteaSettings): string {
  return `RUN_USER = ${user}
RUN_MODE = prod
[server]
HTTP_ADDR = ${address}
HTTP_PORT = ${port}
ROOT_URL = http://${address}:${port}/
DISABLE_SSH = true
OFFLINE_MODE = true
STATIC_ROOT_PATH = ${join(root, 'static')}
APP_DATA_PATH = ${join(root, 'data')}
[database]
DB_TYPE = sqlite3
PATH = ${join(root, 'gitea.db')}
[repository]
ROOT = ${join(root, 'repositories')}
DEFAULT_BRANCH = main
[security]
INSTALL_LOCK = true
SECRET_KEY = 0123456789abcdef
[service]
DISABLE_REGISTRATION = true
[webhook]
ALLOWED_HOST_LIST = ${['external', ...webhookHosts].join(',')}
[indexer]
ISSUE_INDEXER_TYPE = db
[cron]
ENABLED = false
[actions]
ENABLED = false
[log]
MODE = console
LEVEL = Warn
`;
}
