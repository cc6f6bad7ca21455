// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import { scrub } from '../log/redact.ts';
import { basicAuthorization, readGitCredential } from './credential.ts';

const URL_ = 'https://git.example.com:8443/team/gitops.git';
let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'credential-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

function put(files: Record<string, string>): void {
  for (const [name, text] of Object.entries(files)) writeFileSync(join(folder, name), text);
}

test.each([
  ['a token', { token: 'green-crane-1\n' }, 'x-access-token', 'green-crane-1'],
  ['a token with its user', { token: 'green-crane-2', username: 'oauth2\n' }, 'oauth2', 'green-crane-2'],
  ['user and password', { username: 'robot', password: 'green-crane-3\n', '.git-credentials': 'https://a:b@c' }, 'robot', 'green-crane-3'],
  ['a store', { '.git-credentials': 'https://a:green-no@git.example.com\nhttps://rob%40x:green%2Fcrane@git.example.com:8443\n' }, 'rob@x', 'green/crane'],
])('%s', async (_, files, username, password) => {
  put(files);
  const credential = await readGitCredential(folder, URL_);
  expect(credential).toMatchObject({ username, password });
  expect(credential?.name).toContain('workspace git-credentials');
  expect(scrub(`said ${password} and ${credential && basicAuthorization(credential)}`)).toBe('said *** and Basic ***');
});

test('no folder is no login', async () => {
  expect(await readGitCredential(undefined, URL_)).toBeUndefined();
});

test.each([
  ['nothing', {}],
  ['empty files', { token: '\n', password: '' }],
  ['a store for other hosts', { '.git-credentials': 'https://a:b@git.example.com\nhttp://a:b@git.example.com:8443\nnonsense\n' }],
  ['a store without a password', { '.git-credentials': 'https://a@git.example.com:8443\n' }],
])('%s is refused', async (_, files) => {
  put(files);
  expect(await failureOf(readGitCredential(folder, URL_))).toMatchObject({ kind: 'input', code: 'GIT_CREDENTIAL_INVALID' });
});

test('a file that is no credential is not read whole', async () => {
  put({ token: 'x'.repeat(70_000) });
  expect((await failureOf(readGitCredential(folder, URL_))).code).toBe('FILE_TOO_LARGE');
});
