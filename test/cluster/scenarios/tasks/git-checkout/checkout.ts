// SPDX-License-Identifier: Apache-2.0
import * as fs from 'node:fs';
import * as git from 'isomorphic-git';
import { refusedError } from '../../../../../lib/errors/errors.ts';
import { readGitCredential } from '../../../../../lib/git/credential.ts';
import { createTransport } from '../../../../../lib/git/transport.ts';
import type { TaskDeps } from '../run-task.ts';

const DEPTH = 50;
const LIMITS = { maxObjects: 100_000, maxObjectBytes: 32 * 1024 * 1024, maxInflatedBytes: 256 * 1024 * 1024 };

/** Checks a commit out into a folder, the newest one of the default branch when none is named; it must be among the last 50 of a branch. Throws refused COMMIT_NOT_FOUND. */
export async function checkout({ http, log, input }: TaskDeps): Promise<Record<string, string>> {
  const [url, revision, dir, credentials] = ['URL', 'REVISION', 'WORKSPACE_OUTPUT', 'WORKSPACE_BASIC_AUTH'].map(input) as [string, string, string, string];
  const credential = await readGitCredential(credentials || undefined, url);
  const transport = createTransport({ http, url, credential, maxPackBytes: 64 * 1024 * 1024, limits: LIMITS });
  const repository = { fs, dir, http: transport, url };
  await git.init(repository);
  await git.addRemote({ ...repository, remote: 'origin', url, force: true });
  const { fetchHead } = await git.fetch({ ...repository, remote: 'origin', depth: DEPTH, tags: false });
  const commit = revision || (fetchHead ?? '');
  const found = await git.readCommit({ fs, dir, oid: commit }).catch(() => undefined);
  if (found === undefined) throw refusedError('COMMIT_NOT_FOUND', `${url} has no commit ${commit} among the last ${DEPTH} of its branches`);
  await git.checkout({ fs, dir, ref: commit, force: true });
  log.info(`checked out ${commit}`, { subject: found.commit.message.split('\n')[0] });
  return { COMMIT: commit, URL: url };
}
