// SPDX-License-Identifier: Apache-2.0
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { testClient } from '../http/test-server.ts';
import { openRepository } from './repository.ts';
import { parseSshKey } from './ssh-key.ts';
import { sshSignature } from './ssh-signature.ts';
import { CREDENTIAL, change, FILES, open, PERSON, useGitServer } from './test-repository.ts';

const { server, create } = useGitServer();

describe('reading', () => {
  test('branches, the default one, and files of the newest commit alone', async () => {
    const remote = create();
    remote.commit({ 'apps/app/values.yaml': 'image: newer\n' });
    remote.git('branch', 'side/one', 'main~1');
    const repository = await open(remote.url);
    expect(await repository.defaultBranch()).toBe('main');
    expect(await repository.branches()).toEqual(
      new Map([
        ['main', remote.head()],
        ['side/one', remote.head('side/one')],
      ]),
    );
    const head = await repository.fetch('main');
    expect(head).toBe(remote.head());
    expect(await repository.readFile(head, 'apps/app/values.yaml')).toEqual(Buffer.from('image: newer\n'));
    expect(await repository.readFile(head, 'apps/none.yaml')).toBeUndefined();
    expect(await repository.readFile(head, 'none/values.yaml')).toBeUndefined();
    expect(await repository.commit(head)).toMatchObject({ message: 'another change\n', parents: [remote.head('side/one')] });
  });

  test('a second fetch brings what is new', async () => {
    const remote = create();
    const repository = await open(remote.url);
    const first = await repository.fetch('main');
    remote.commit({ 'apps/app/values.yaml': 'image: newer\n' });
    const second = await repository.fetch('main');
    expect(second).not.toBe(first);
    expect(String(await repository.readFile(second, 'apps/app/values.yaml'))).toBe('image: newer\n');
  });

  test('bytes are left as they are', async () => {
    const odd = Buffer.from([0xef, 0xbb, 0xbf, 0x61, 0x0d, 0x0a, 0xff, 0x00, 0x0d]);
    const remote = create({ 'odd.bin': odd });
    const repository = await open(remote.url);
    expect(await repository.readFile(await repository.fetch('main'), 'odd.bin')).toEqual(odd);
  });

  test('a redirect within the server is followed, with the login', async () => {
    const remote = create();
    server().intercept = ({ path }) => (path.includes('/moved/') ? { status: 301, headers: { location: path.replace('/moved/', '/') } } : undefined);
    const repository = await open(remote.url.replace('/team/', '/moved/team/'));
    const head = await repository.fetch('main');
    await repository.push(await change(repository, head), 'main', head);
    expect(remote.file('apps/app/values.yaml')).toBe('image: new\n');
  });
});

describe('writing', () => {
  test('one file changes, and nothing else does', async () => {
    const remote = create();
    remote.git('update-ref', 'refs/heads/keep', 'main');
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    const commit = await change(repository, head);
    await repository.push(commit, 'main', head);
    expect(remote.head()).toBe(commit);
    expect(remote.git('diff', '--raw', '--abbrev=6', 'keep', 'main').trim().split('\n')).toHaveLength(1);
    expect(remote.git('show', '--stat', '--format=%an <%ae> %at %cn %P %s', 'main').split('\n')[0]).toBe(
      `Robot <robot@example.com> 1700000000 Robot ${head} deploy`,
    );
    expect(remote.git('fsck', '--strict', '--no-dangling')).toBe('');
  });

  test('the mode of a program stays', async () => {
    const remote = create();
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    const commit = await repository.writeCommit({
      parent: head,
      files: new Map([['apps/app/run.sh', Buffer.from('#!/bin/bash\n')]]),
      message: 'm\n',
      person: PERSON,
    });
    await repository.push(commit, 'main', head);
    expect(remote.git('ls-tree', 'main', 'apps/app/run.sh')).toMatch(/^100755 blob /);
  });

  test('a new branch is pushed with the new objects alone', async () => {
    const remote = create({ ...FILES, 'big.bin': Buffer.from(Array.from({ length: 300_000 }, (_, i) => (i * 7919) % 251)) });
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    let sent = 0;
    const http = testClient();
    const counting = await openRepository({
      http: (request) => {
        if (request.method === 'POST' && request.url.endsWith('receive-pack')) sent = (request.body as Buffer).length;
        return http(request);
      },
      url: remote.url,
      credential: CREDENTIAL,
    });
    await counting.fetch('main');
    await counting.push(await change(counting, head), 'gitops/app-1', undefined);
    expect(remote.file('apps/app/values.yaml', 'gitops/app-1')).toBe('image: new\n');
    expect(sent).toBeGreaterThan(100);
    expect(sent).toBeLessThan(2000);
  });

  test('a signed commit is one that git verifies', async () => {
    const remote = create();
    const keys = mkdtempSync(join(tmpdir(), 'keys-'));
    execFileSync('ssh-keygen', ['-q', '-t', 'ed25519', '-N', '', '-C', '', '-f', join(keys, 'id')]);
    const key = parseSshKey(readFileSync(join(keys, 'id'), 'utf8'), '', 'id');
    writeFileSync(join(keys, 'allowed'), `robot@example.com ${readFileSync(join(keys, 'id.pub'), 'utf8')}`);
    const repository = await open(remote.url);
    const head = await repository.fetch('main');
    const files = new Map([['README.md', Buffer.from('signed\n')]]);
    const message = 'deploy: ümlaut\n\nbody\n\nImage-Digest: sha256:1\n';
    const commit = await repository.writeCommit({ parent: head, files, message, person: PERSON, sign: (payload) => sshSignature(key, payload, 'git') });
    await repository.push(commit, 'main', head);
    const verify = (oid: string): string =>
      remote.git('-c', `gpg.ssh.allowedSignersFile=${join(keys, 'allowed')}`, 'log', '-1', '--format=%G? %GS', oid).trim();
    expect(verify(commit)).toBe('G robot@example.com');
    expect(verify(head)).toBe('N');
    expect(remote.git('log', '-1', '--format=%B', commit).trim()).toBe(message.trim());
    rmSync(keys, { recursive: true });
  });
});
