// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import type { GitFault, GitRequest } from './test-git-server.ts';
import { change, open, useGitServer } from './test-repository.ts';

const { server, create } = useGitServer();
const isPush = ({ method, path }: GitRequest): boolean => method === 'POST' && path.endsWith('git-receive-pack');

// Whoever calls asks the branch what became of it; a second push would find it moved, by the first one.
test.each<[string, GitFault, string]>([
  ['is cut off', 'cut', 'HTTP_UNREACHABLE'],
  ['ends in trouble', { status: 502 }, 'HTTP_SERVER_ERROR'],
])('a push that %s is not sent again', async (_what, fault, code) => {
  const remote = create();
  const repository = await open(remote.url);
  const head = await repository.fetch('main');
  const commit = await change(repository, head);
  let pushes = 0;
  server().intercept = (request) => {
    if (!isPush(request)) return undefined;
    pushes += 1;
    return fault;
  };
  expect(await failureOf(repository.push(commit, 'main', head))).toMatchObject({ kind: 'transient', code });
  expect(pushes).toBe(1);
});

test('reading is', async () => {
  const remote = create();
  let reads = 0;
  server().intercept = ({ method }) => {
    if (method !== 'POST') return undefined;
    reads += 1;
    return reads === 1 ? 'cut' : undefined;
  };
  expect(await (await open(remote.url)).fetch('main')).toBe(remote.head());
  expect(reads).toBe(2);
});
