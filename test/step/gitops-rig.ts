// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { type GitServer, startGitServer, type TestRepository } from '../../lib/git/test-git-server.ts';
import { type ScriptedServer, startScriptedServer } from '../../lib/http/test-server.ts';
import type { Bench } from './bench.ts';
import { REGISTRY_PASSWORD } from './expectations.ts';
import type { StepRun } from './spawn-step.ts';

export const LOGIN = { username: 'robot', password: REGISTRY_PASSWORD };
export const VALUES_FILE = 'apps/app/values.yaml';
export const OLD_DIGEST = `sha256:${'0'.repeat(64)}`;
/** Everything that a formatter would change. */
export const VALUES = [
  '# values of the app\r\n',
  'replicas:   2\r\n',
  'image:   # pinned\r\n',
  '      repository: "REPOSITORY"\r\n',
  "      tag:  '1.4.0'  # version\r\n",
  `      digest: ${OLD_DIGEST} # digest\r\n`,
  'list: [ a,b ,c ]\r\n',
  '---\r\n',
  '# another document, no line break at the end\r\n',
  'x: |\r\n  a   \r\n  b',
].join('');

type Pull = { number: number; state: 'open' | 'closed'; merged: boolean; title: string; body: string; head: string; base: string; merge_commit_sha?: string };

let images = 0;

/** A reference of an image that nobody has to have: the step does not ask a registry. */
export function newImage(): string {
  images += 1;
  return `registry.example.com/team/app@sha256:${images.toString(16).padEnd(64, 'c')}`;
}

export function tagged(image: string, tag = '1.5.0'): string {
  return image.replace('@', `:${tag}@`);
}

/** A Git server with a login, the folders that a Task would have mounted, and a forge that knows pull requests. */
export type GitopsRig = {
  server: GitServer;
  forge: ScriptedServer;
  pulls: Pull[];
  /** An answer of the forge in place of its own. */
  fault: { status: number; headers?: Record<string, string>; body?: string } | undefined;
  credentials: string;
  /** Folder with an SSH key with a password, and the file of its public half as "git verify-commit" wants it. */
  signing: { folder: string; allowed: string };
  calm(): void;
  /** Does something when the step is about to push, so many times. */
  beforePush(times: number, act: () => void): void;
  /** A repository with one values file for the image. */
  repository(image: string, files?: Record<string, string>): TestRepository;
  /** The step on that repository. */
  step(image: string, remote: TestRepository, params?: Record<string, string>, workspaces?: Record<string, string>): StepRun;
  /** Somebody merges or closes a pull request. */
  settle(remote: TestRepository, pull: Pull | undefined, how: 'merge' | 'close'): void;
  close(): Promise<void>;
};

export async function openGitopsRig(bench: Bench): Promise<GitopsRig> {
  const server = await startGitServer({ login: LOGIN });
  const credentials = await bench.folder('git-credentials');
  writeFileSync(join(credentials, 'username'), LOGIN.username);
  writeFileSync(join(credentials, 'password'), `${LOGIN.password}\n`);
  const signing = { folder: await bench.folder('git-key'), allowed: '' };
  execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', LOGIN.password, '-C', '', '-f', join(signing.folder, 'ssh-privatekey')]);
  writeFileSync(join(signing.folder, 'passphrase'), `${LOGIN.password}\n`);
  signing.allowed = join(mkdtempSync(join(bench.root, 'allowed-')), 'signers');
  writeFileSync(signing.allowed, `robot@example.com ${readFileSync(join(signing.folder, 'ssh-privatekey.pub'), 'utf8')}`);
  rmSync(join(signing.folder, 'ssh-privatekey.pub'));
  let count = 0;
  const rig: GitopsRig = {
    server,
    forge: await startForge(() => rig),
    pulls: [],
    fault: undefined,
    credentials,
    signing,
    calm() {
      server.intercept = undefined;
      server.requests.length = 0;
      rig.fault = undefined;
    },
    beforePush(times, act) {
      let left = times;
      server.intercept = ({ method, path }) => {
        if (method === 'POST' && path.endsWith('/git-receive-pack') && left > 0) {
          left -= 1;
          act();
        }
        return undefined;
      };
    },
    repository(image, files) {
      count += 1;
      const [repository = ''] = image.split('@');
      return server.create(`team/gitops-${count}`, files ?? { 'README.md': 'deployments\n', 'apps/app/values.yaml': VALUES.replace('REPOSITORY', repository) });
    },
    step: (image, remote, params = {}, workspaces = {}) => ({
      task: 'gitops-commit',
      params: { image, repository: remote.url, targets: 'helm-values:apps/app/values.yaml#image', author: 'Robot <robot@example.com>', ...params },
      workspaces: { 'git-credentials': credentials, ...workspaces },
    }),
    settle(remote, pull, how) {
      if (pull === undefined) throw new Error('there is no pull request');
      pull.state = 'closed';
      if (how === 'close') return;
      remote.git('update-ref', `refs/heads/${pull.base}`, remote.head(pull.head));
      Object.assign(pull, { merged: true, merge_commit_sha: remote.head(pull.head) });
    },
    async close() {
      await Promise.all([server.close(), rig.forge.close()]);
    },
  };
  return rig;
}

/** Pull requests as Gitea's API has them, for every repository at once. */
function startForge(rig: () => GitopsRig): Promise<ScriptedServer> {
  return startScriptedServer(({ method, url, headers, body }, response) => {
    const reply = (status: number, json: unknown): void => void response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(json));
    const { fault, pulls, server } = rig();
    if (fault) return void response.writeHead(fault.status, fault.headers).end(fault.body);
    if (headers.authorization !== `token ${LOGIN.password}`) return reply(401, { message: `invalid ${headers.authorization}` });
    const { pathname } = new URL(url, 'http://forge');
    const number = Number(/\/pulls\/(\d+)$/.exec(pathname)?.[1] ?? 0);
    const repo = /\/repos\/([^/]+\/[^/]+)\//.exec(pathname)?.[1] ?? '';
    const show = (pull: Pull): unknown => ({
      ...pull,
      html_url: `${server.url}/${repo}/pulls/${pull.number}`,
      head: { ref: pull.head, sha: '0'.repeat(40) },
      base: { ref: pull.base },
    });
    const given = body.length > 0 ? (JSON.parse(body.toString()) as Partial<Pull>) : {};
    const found = pulls.find((pull) => pull.number === number);
    if (method === 'POST') {
      const pull: Pull = { number: pulls.length + 1, state: 'open', merged: false, title: '', body: '', head: '', base: '', ...given };
      pulls.push(pull);
      return reply(201, show(pull));
    }
    if (number === 0) return reply(200, pulls.toReversed().map(show));
    if (found === undefined) return reply(404, { message: 'no such pull request' });
    if (method === 'PATCH') Object.assign(found, given);
    return reply(200, show(found));
  });
}
