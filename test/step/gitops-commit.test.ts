// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import type { TestRepository } from '../../lib/git/test-git-server.ts';
import { REVOKED } from '../../lib/git/test-gpg-keys.ts';
import { spec } from '../../tasks/gitops-commit/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { type Provoked, SOON_NEVER, testFailures } from './failures.ts';
import { type GitopsRig, openGitopsRig, tagged, VALUES_FILE } from './gitops-rig.ts';
import { runStep } from './spawn-step.ts';

let bench: Bench;
let rig: GitopsRig;
beforeAll(async () => {
  bench = await openBench();
  rig = await openGitopsRig(bench);
});
afterAll(async () => {
  await rig.close();
  await bench.close();
});
beforeEach(() => rig.calm());

describe('failures of gitops-commit', () => {
  const files = (content: string): Record<string, string> => ({ [VALUES_FILE]: content });
  const on = (remote: TestRepository, params: Record<string, string> = {}): Record<string, string> => ({ repository: remote.url, ...params });
  const proposing = (): Record<string, string> => ({ mode: 'pull-request', forge: `gitea=${rig.forge.url}` });
  async function folder(content: Record<string, string>): Promise<string> {
    const path = await bench.folder('secret');
    for (const [name, text] of Object.entries(content)) writeFileSync(join(path, name), text);
    return path;
  }
  const faultOf =
    (status: number, body = '', headers: Record<string, string> = {}) =>
    (): Provoked => {
      rig.fault = { status, body, headers };
      return { params: proposing(), names: /gitea team\/gitops-\d+/ };
    };

  testFailures(
    spec,
    {
      TARGET_FILE_MISSING: () => ({ params: { targets: 'manifest:apps/none.yaml' }, names: 'apps/none.yaml' }),
      TARGET_NOT_FOUND: () => ({ params: { targets: `helm-values:${VALUES_FILE}#web.image` }, names: `${VALUES_FILE}: there is nothing at web.image` }),
      TARGET_AMBIGUOUS: (_, image) => ({ params: on(rig.repository(image, files('image: a\nimage: b\n'))), names: VALUES_FILE }),
      TARGET_UNSUPPORTED: (_, image) => ({ params: on(rig.repository(image, files('image: &a b\n'))), names: `image in ${VALUES_FILE} has an anchor` }),
      TAG_MISSING: (_, image) => ({ params: on(rig.repository(image, files('image: {tag: "1"}\n'))), names: `${VALUES_FILE}: image has a tag` }),
      CHART_VERSION_MISSING: () => ({ params: { targets: `value:${VALUES_FILE}#replicas=chart-version` }, names: VALUES_FILE }),
      FILE_INVALID: (_, image) => ({
        params: on(rig.repository(image, files('a: 1\n{{- if .Values.image }}\nimage: b\n'))),
        names: new RegExp(`${VALUES_FILE} line 2`),
      }),
      GIT_CREDENTIAL_INVALID: async () => ({ workspaces: { 'git-credentials': await folder({ password: '' }) }, names: 'git-credentials' }),
      GIT_URL_INSECURE: () => ({ params: { repository: 'http://git.example.com/team/gitops.git' }, names: 'git.example.com' }),
      FORGE_UNKNOWN: () => ({ params: { mode: 'pull-request' }, names: '127.0.0.1' }),
      KEY_MISSING: async () => ({ workspaces: { 'signing-key': await folder({ other: '' }) }, names: 'ssh-privatekey' }),
      KEY_PASSWORD_WRONG: async () => {
        const key = readFileSync(join(rig.signing.folder, 'ssh-privatekey'), 'utf8');
        return { workspaces: { 'signing-key': await folder({ 'ssh-privatekey': key, passphrase: 'guessed-wrongly' }) }, names: 'ssh-privatekey' };
      },
      KEY_INVALID: async () => ({ workspaces: { 'signing-key': await folder({ 'ssh-privatekey': 'ssh-ed25519 AAAA robot' }) }, names: 'ssh-privatekey' }),
      KEY_UNSUPPORTED: async () => {
        const path = await bench.folder('short');
        execFileSync('ssh-keygen', ['-q', '-t', 'rsa', '-b', '1024', '-N', '', '-C', '', '-f', join(path, 'ssh-privatekey')]);
        return { workspaces: { 'signing-key': path }, names: 'ssh-privatekey is an RSA key' };
      },
      KEY_UNUSABLE: async () => ({ workspaces: { 'signing-key': await folder({ 'gpg-privatekey': REVOKED }) }, names: /gpg-privatekey .* is revoked/ }),
      VALUE_NEWER: (_, image) => ({
        params: { ...on(rig.repository(image, files(`image: {tag: "1.5.1", digest: ""}\n`))), image: tagged(image) },
        names: `${VALUES_FILE}:1 image.tag: 1.5.1`,
      }),
      VALUE_CHANGED: (_, image) => {
        const remote = rig.repository(image);
        rig.beforePush(1, () => remote.commit(files(`image: {tag: "1.4.1", digest: "sha256:${'1'.repeat(64)}"}\n`)));
        return { params: { ...on(remote), image: tagged(image) }, names: VALUES_FILE };
      },
      PULL_REQUEST_CLOSED: async (_, image) => {
        const remote = rig.repository(image);
        const end = await runStep(rig.step(image, remote, proposing()));
        rig.settle(
          remote,
          rig.pulls.find(({ head }) => head === end.results['branch']),
          'close',
        );
        return { params: on(remote, proposing()), names: end.results['pull-request-url'] ?? '' };
      },
      GIT_UNAUTHORIZED: async () => ({
        workspaces: { 'git-credentials': await folder({ token: 'guessed-token' }) },
        names: /file token of the workspace git-credentials/,
      }),
      GIT_FORBIDDEN: (_, image) => {
        const remote = rig.repository(image);
        remote.git('config', 'http.receivepack', 'false');
        return { params: on(remote), names: `push to ${remote.url}` };
      },
      REPOSITORY_NOT_FOUND: () => ({ params: { repository: `${rig.server.url}/team/none.git` }, names: `${rig.server.url}/team/none.git` }),
      REPOSITORY_TOO_LARGE: (_, image) => ({ params: on(rig.repository(image, files(`image: ${'x'.repeat(9_000_000)}\n`))), names: VALUES_FILE }),
      GIT_NOT_A_FILE: (_, image) => ({
        params: on(rig.repository(image, { 'values.link': '../../etc/passwd' }), { targets: 'manifest:values.link' }),
        names: /values\.link is a symbolic link/,
      }),
      GIT_ANSWER_INVALID: () => {
        rig.server.intercept = () => ({ status: 200, body: '<html>sign in</html>' });
        return { names: rig.server.url };
      },
      GIT_REFUSED: () => {
        rig.server.intercept = () => ({
          status: 200,
          headers: { 'content-type': 'application/x-git-upload-pack-advertisement' },
          body: '0021ERR this repository is locked\n',
        });
        return { names: 'this repository is locked' };
      },
      BRANCH_NOT_FOUND: () => ({ params: { branch: 'production' }, names: 'has no branch production' }),
      BRANCH_FOREIGN: async (_, image) => {
        const remote = rig.repository(image);
        const { results } = await runStep(rig.step(image, remote, proposing()));
        remote.commit({ 'fix.txt': 'by hand\n' }, 'fix', results['branch']);
        remote.commit({ 'other.txt': 'x\n' });
        return { params: on(remote, proposing()), names: results['branch'] ?? '' };
      },
      PUSH_DECLINED: (_, image) => {
        const remote = rig.repository(image);
        writeFileSync(join(remote.path, 'hooks/pre-receive'), '#!/bin/sh\necho "main is protected" >&2\nexit 1\n', { mode: 0o755 });
        return { params: on(remote), names: /branch main.*main is protected/ };
      },
      FORGE_UNAUTHORIZED: faultOf(401, '{"message":"bad token"}'),
      FORGE_FORBIDDEN: faultOf(403, '{"message":"no scope"}'),
      FORGE_NOT_FOUND: faultOf(404),
      FORGE_REFUSED: faultOf(200, '<html>'),
      PUSH_RACE: (_, image) => {
        const remote = rig.repository(image);
        let number = 0;
        rig.beforePush(99, () => remote.commit({ 'busy.txt': String(++number) }));
        return { params: on(remote), names: /10 times in a row/ };
      },
      HTTP_UNREACHABLE: () => {
        rig.server.intercept = () => 'cut';
        return { params: { timeout: '1s' }, names: rig.server.url };
      },
      HTTP_THROTTLED: faultOf(403, '', { 'retry-after': '3600' }),
      HTTP_SERVER_ERROR: () => {
        rig.server.intercept = () => ({ status: 502, headers: SOON_NEVER });
        return { names: rig.server.url };
      },
    },
    { bench: () => bench, base: (_, image) => rig.step(image, rig.repository(image)) },
  );
});
