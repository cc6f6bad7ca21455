// SPDX-License-Identifier: Apache-2.0
import { createHash, randomBytes } from 'node:crypto';
import { cp, mkdir, readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { type ProgramResult, runProgram } from '../../../images/base/run-program.ts';
import { bugError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { giteaSettings } from '../../gitea/gitea.ts';
import { ensurePeer, type PeerPaths } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';
import { inPrivateMount, MOUNT_PROGRAMS } from './private-mount.ts';

const PORT = 3300;
const ADMIN = 'bed';
/** Gitea refuses to run as root. */
const NOBODY = 65_534;
/** A home may be closed to other users, so Gitea sees its folder here. */
const SEEN_AT = '/mnt';
const COMMAND = ['setpriv', `--reuid=${NOBODY}`, `--regid=${NOBODY}`, '--clear-groups', '--', `${SEEN_AT}/gitea`, '--config', `${SEEN_AT}/app.ini`];
const ENV = { HOME: join(SEEN_AT, 'home'), USER: 'nobody', GIT_CONFIG_NOSYSTEM: '1' };
/** EventListeners are in the cluster, approval pages and the like on the node. */
const WEBHOOK_HOSTS = ['10.244.0.0/16', '10.96.0.0/16', '172.31.255.1', 'loopback'];

/** A forge on the node's address. `<root>/gitea/token` is a token of the administrator `bed`, for the API and as a password for Git. */
export const gitea: Component = {
  name: 'gitea',
  groups: ['delivery'],
  needs: ['node'],
  peers: ['gitea'],
  programs: { git: 'git', setpriv: 'util-linux', ...MOUNT_PROGRAMS },
  isReady: async (bed) => (await token(bed)) !== undefined,
  async up(bed) {
    const dir = await bed.dir('gitea');
    const settings = giteaSettings({ root: SEEN_AT, user: 'nobody', address: bed.node, port: PORT, webhookHosts: WEBHOOK_HOSTS });
    const placed = await place(await ensurePeer('gitea', bed), settings, dir);
    const [command, ...args] = inside(dir, ['web']);
    const isReady = async () => (await fetch(`${url(bed)}/api/healthz`, { signal: AbortSignal.timeout(2000) })).ok;
    // The hash has no meaning to Gitea: with it, one that was placed anew is also started anew.
    await bed.daemon({ name: 'gitea', command, args, env: { ...ENV, BED_PLACED: placed }, isReady });
    if ((await token(bed)) === undefined) await writeAtomic(join(dir, 'token'), `${await makeToken(dir)}\n`, { mode: 0o600 });
  },
};

const url = ({ node }: Bed): string => `http://${node}:${PORT}`;

function inside(dir: string, args: readonly string[]): [string, ...string[]] {
  return inPrivateMount({ source: dir, target: SEEN_AT, cwd: SEEN_AT }, [...COMMAND, '--work-path', SEEN_AT, ...args]);
}

/**
 * Copies program and static files, for a user who cannot read the peers' cache, and writes the settings, unless they are those that are there: Gitea
 * adds keys of its own to them. Gives a hash of what is there.
 */
async function place(peer: PeerPaths<'gitea'>, settings: string, dir: string): Promise<string> {
  const mark = join(dir, 'placed');
  const hash = createHash('sha256')
    .update(JSON.stringify([peer, settings]))
    .digest('hex');
  if ((await readOptional(mark)) === hash) return hash;
  // A running program cannot be overwritten, but its file can be replaced.
  for (const old of ['gitea', 'static']) await rm(join(dir, old), { recursive: true, force: true });
  await cp(peer.gitea, join(dir, 'gitea'));
  for (const folder of ['options', 'public', 'templates'] as const) await cp(peer[folder], join(dir, 'static', folder), { recursive: true });
  await mkdir(join(dir, 'home'), { recursive: true });
  await writeAtomic(join(dir, 'app.ini'), settings);
  const owned = await runProgram('chown', ['-R', `${NOBODY}:${NOBODY}`, dir]);
  if (owned.code !== 0) throw bugError('GITEA_FAILED', `Gitea cannot be given its folder: ${owned.stderr.trim()}`);
  await writeAtomic(mark, hash);
  return hash;
}

/** The token that Gitea takes now, or undefined. */
async function token(bed: Bed): Promise<string | undefined> {
  const kept = (await readOptional(join(bed.root, 'gitea', 'token')))?.trim();
  if (kept === undefined) return undefined;
  const headers = { authorization: `token ${kept}` };
  const answer = await fetch(`${url(bed)}/api/v1/user`, { headers, signal: AbortSignal.timeout(5000) }).catch(() => undefined);
  return answer?.ok === true ? kept : undefined;
}

async function makeToken(dir: string): Promise<string> {
  const user = ['--username', ADMIN, '--email', `${ADMIN}@example.com`, '--random-password', '--must-change-password=false', '--admin'];
  const made = await command(dir, ['admin', 'user', 'create', ...user]);
  if (made.code !== 0 && !`${made.stdout}${made.stderr}`.includes('already exists')) throw failed('make its administrator', made);
  // The name must be new, and one whose token was lost may be there.
  const name = `bed-${randomBytes(4).toString('hex')}`;
  const given = await command(dir, ['admin', 'user', 'generate-access-token', '--username', ADMIN, '--token-name', name, '--scopes', 'all', '--raw']);
  const value = /^[0-9a-f]{40}$/m.exec(given.stdout.toString('utf8'))?.[0];
  if (value === undefined) throw failed('give a token', given);
  return value;
}

function command(dir: string, args: readonly string[]): Promise<ProgramResult> {
  const [file, ...all] = inside(dir, args);
  return runProgram(file, all, { env: { PATH: process.env['PATH'], ...ENV } });
}

function failed(what: string, { code, stderr }: ProgramResult): Error {
  return bugError('GITEA_FAILED', `Gitea did not ${what} (exit code ${code}): ${stderr.trim().slice(-1000)}`);
}

async function readOptional(file: string): Promise<string | undefined> {
  return readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
}
