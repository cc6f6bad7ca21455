// SPDX-License-Identifier: Apache-2.0
import { execFileSync, type SpawnSyncReturns, spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest';
import { runStep, type StepEnd } from '../step/spawn-step.ts';
import { api, commits, createRepo, type Repo } from './api.ts';

const PASSWORD = 'nine-blue-cups';
const ADDRESS = 'robot@example.com';
const IMAGE = `registry.example.com/team/app@sha256:${'d'.repeat(64)}`;

let room: string;
const homes: string[] = [];
/** The home of whoever verifies: with public keys alone. */
let verifier: string;
beforeAll(() => {
  room = mkdtempSync(join(tmpdir(), 'gpg-test-'));
  verifier = newHome();
});
afterAll(() => {
  for (const home of homes) spawnSync('gpgconf', ['--kill', 'all'], { env: withHome(home) });
  rmSync(room, { recursive: true });
});

function newHome(): string {
  const home = mkdtempSync(join(room, 'home-'));
  homes.push(home);
  return home;
}

function withHome(home: string): NodeJS.ProcessEnv {
  return { ...process.env, GNUPGHOME: home };
}

function gpg(home: string, args: readonly string[]): string {
  const common = ['--batch', '--quiet', '--pinentry-mode', 'loopback'];
  return execFileSync('gpg', [...common, ...args], { env: withHome(home), encoding: 'utf8', stdio: ['ignore', 'pipe', 'pipe'] });
}

type Made = { fingerprint: string; folder: string };

/** Makes a key with GnuPG, hands its public half to the verifier and to Gitea, and puts the secret one where a Task would have it mounted. */
async function makeKey(type: string, { usage, subkeys = [], password = '', offline = false }: Shape): Promise<Made> {
  const home = newHome();
  const secret = ['--passphrase', password];
  gpg(home, [...secret, '--quick-gen-key', `robot <${ADDRESS}>`, type, usage, 'never']);
  const fingerprint = /^fpr:+([0-9A-F]{40}):/m.exec(gpg(home, ['--list-keys', '--with-colons']))?.[1] ?? '';
  for (const [algorithm, use] of subkeys) gpg(home, [...secret, '--quick-add-key', fingerprint, algorithm, use, 'never']);
  const publicKey = gpg(home, ['--armor', '--export', fingerprint]);
  writeFileSync(join(room, 'public'), publicKey);
  gpg(verifier, ['--import', join(room, 'public')]);
  await api('POST', '/user/gpg_keys', { armored_public_key: publicKey }, 'robot');
  const folder = mkdtempSync(join(room, 'key-'));
  const what = offline ? '--export-secret-subkeys' : '--export-secret-keys';
  writeFileSync(join(folder, 'gpg-privatekey'), gpg(home, [...secret, '--armor', what, fingerprint]));
  if (password !== '') writeFileSync(join(folder, 'passphrase'), `${password}\n`);
  return { fingerprint, folder };
}

type Shape = { usage: string; subkeys?: [string, string][]; password?: string; offline?: boolean };

function deploy(repo: Repo, folder: string): Promise<StepEnd> {
  const credentials = mkdtempSync(join(room, 'credentials-'));
  writeFileSync(join(credentials, 'token'), inject('gitea').tokens.robot);
  return runStep({
    task: 'gitops-commit',
    params: { image: IMAGE, repository: repo.url, targets: 'value:app.yaml#digest=digest', author: `robot <${ADDRESS}>` },
    workspaces: { 'git-credentials': credentials, 'signing-key': folder },
  });
}

function clone(repo: Repo): (args: readonly string[], input?: string) => SpawnSyncReturns<string> {
  const path = mkdtempSync(join(room, 'clone-'));
  execFileSync('git', ['clone', '-q', '--bare', repo.url.replace('://', `://robot:${inject('gitea').tokens.robot}@`), path]);
  return (args, input) => spawnSync('git', ['-C', path, ...args], { env: withHome(verifier), encoding: 'utf8', ...(input !== undefined && { input }) });
}

describe('a commit signed with a GPG key', () => {
  test.each<[string, string, Shape]>([
    ['Ed25519', 'ed25519', { usage: 'cert,sign', subkeys: [['cv25519', 'encr']] }],
    ['RSA with a password', 'rsa2048', { usage: 'cert,sign', password: PASSWORD }],
    ['a subkey of a key that only certifies', 'rsa2048', { usage: 'cert', subkeys: [['ed25519', 'sign']], password: PASSWORD }],
    ['a subkey whose primary key is offline', 'ed25519', { usage: 'cert', subkeys: [['rsa2048', 'sign']], password: PASSWORD, offline: true }],
  ])('%s: git and GnuPG verify it, and so does Gitea', async (_, type, shape) => {
    const { fingerprint, folder } = await makeKey(type, shape);
    const repo = await createRepo({ 'app.yaml': `digest: sha256:${'0'.repeat(64)}\n` });
    const end = await deploy(repo, folder);
    expect(end.code, end.stderr).toBe(0);
    const git = clone(repo);
    const verified = git(['verify-commit', '--raw', 'main']);
    expect(verified, verified.stderr).toMatchObject({ status: 0 });
    expect(verified.stderr).toMatch(/^\[GNUPG:\] GOODSIG /m);
    // The last word is the fingerprint of the primary key.
    expect(verified.stderr).toMatch(new RegExp(`^\\[GNUPG:\\] VALIDSIG .* ${fingerprint}$`, 'm'));
    expect(git(['log', '-1', '--format=%GF %GP', 'main']).stdout.trim()).toMatch(new RegExp(` ${fingerprint}$`));
    expect((await commits(repo)).map((commit) => commit.verified)).toEqual([true, false]);

    const forged = git(['cat-file', 'commit', 'main']).stdout.replace('deploy(app)', 'deploy(bad)');
    const id = git(['hash-object', '-t', 'commit', '-w', '--stdin'], forged).stdout.trim();
    const refused = git(['verify-commit', '--raw', id]);
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toMatch(/^\[GNUPG:\] BADSIG /m);
  });

  test('whose password is wrong is not made', async () => {
    const { folder } = await makeKey('ed25519', { usage: 'cert,sign', password: PASSWORD });
    writeFileSync(join(folder, 'passphrase'), 'nine-red-cups\n');
    const repo = await createRepo({ 'app.yaml': `digest: sha256:${'0'.repeat(64)}\n` });
    const end = await deploy(repo, folder);
    expect([end.code, end.stderr]).toEqual([64, expect.stringContaining(' code=KEY_PASSWORD_WRONG\n')]);
    expect(end.stderr).not.toContain('nine-red-cups');
    expect(await commits(repo)).toHaveLength(1);
  });
});
