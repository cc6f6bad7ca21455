// SPDX-License-Identifier: Apache-2.0
import { afterAll, afterEach, beforeAll } from 'vitest';
import { closeAll, testClient } from '../http/test-server.ts';
import type { GitCredential } from './credential.ts';
import { openRepository, type Repository, type RepositoryOptions } from './repository.ts';
import { type GitServer, startGitServer, type TestRepository } from './test-git-server.ts';

const LOGIN = { username: 'robot', password: 'tall-lynx-3091' };
export const CREDENTIAL: GitCredential = { name: 'file password', ...LOGIN };
export const PERSON = { name: 'Robot', email: 'robot@example.com', timestamp: 1_700_000_000 };
export const FILES = {
  'README.md': 'hello\n',
  'apps/app/values.yaml': 'image: old\n',
  'apps/app/run.sh': '#!/bin/sh\n',
  'apps/other/values.yaml': 'image: other\n',
};

/** A Git server with a login for the tests of one file; its hooks are taken away after each test. */
export function useGitServer(): { server: () => GitServer; create(files?: Record<string, string | Buffer>): TestRepository } {
  let server: GitServer;
  let count = 0;
  beforeAll(async () => {
    server = await startGitServer({ login: LOGIN });
  });
  afterAll(() => server.close());
  afterEach(async () => {
    server.intercept = undefined;
    await closeAll();
  });
  return {
    server: () => server,
    create(files = FILES) {
      count += 1;
      return server.create(`team/repo-${count}`, files);
    },
  };
}

export function open(url: string, more: Partial<RepositoryOptions> = {}): Promise<Repository> {
  return openRepository({ http: testClient(), url, credential: CREDENTIAL, ...more });
}

/** A commit on `parent` that changes one file. */
export function change(repository: Repository, parent: string, content = 'image: new\n'): Promise<string> {
  return repository.writeCommit({ parent, files: new Map([['apps/app/values.yaml', Buffer.from(content)]]), message: 'deploy\n', person: PERSON });
}
