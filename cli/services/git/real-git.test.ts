// SPDX-License-Identifier: Apache-2.0
import { appendFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type GitKit, startKit } from './test-git.ts';

/** The git program beside our server; without it these tests fail, as those of lib/git do. */
let kit: GitKit;
beforeEach(async () => {
  kit = await startKit();
  await kit.git('clone', '-q', kit.server.repository, 'work');
});
afterEach(() => kit.close());

const work = (...args: string[]): Promise<string> => kit.git('-C', 'work', ...args);

async function commit(folder: string, file: string, text = 'x\n'): Promise<void> {
  await appendFile(join(kit.dir, folder, file), text);
  await kit.git('-C', folder, 'add', '.');
  await kit.git('-C', folder, 'commit', '-q', '-m', `change ${file}`);
}

test('clones and pushes a history with deltas, and what stands on disk is a whole repository', async () => {
  for (let count = 0; count < 12; count += 1) await commit('work', 'long.txt', `${count} ${'a long line that makes deltas worth it '.repeat(20)}\n`);
  await work('push', '-q', 'origin', 'main', 'main:side/one');
  expect(await kit.git('-C', kit.server.folder, 'fsck', '--strict')).toBe('');
  expect(await kit.git('-C', kit.server.folder, 'rev-parse', 'main')).toBe(await work('rev-parse', 'main'));
  await kit.git('clone', '-q', kit.server.repository, 'again');
  expect(await kit.git('-C', 'again', 'log', '--format=%H')).toBe(await work('log', '--format=%H'));
  expect(await kit.git('-C', 'again', 'branch', '-r')).toContain('origin/side/one');
  expect(await kit.git('-C', 'again', 'fsck', '--strict')).toBe('');
});

test('fetches what is new, after long histories of its own', async () => {
  await kit.git('clone', '-q', kit.server.repository, 'other');
  // More than one round of haves, and large enough to be sent compressed.
  for (let count = 0; count < 40; count += 1) await kit.git('-C', 'other', 'commit', '-q', '--allow-empty', '-m', `own ${count}`);
  await commit('work', 'new.txt');
  await work('push', '-q');
  await kit.git('-C', 'other', 'fetch', '-q');
  expect(await kit.git('-C', 'other', 'rev-parse', 'origin/main')).toBe(await work('rev-parse', 'main'));
  expect(await kit.git('-C', 'other', 'fsck')).toBe('');
});

test('clones without a past, gets the past later, and pushes from either', async () => {
  for (const file of ['a', 'b', 'c']) await commit('work', file);
  await work('push', '-q');
  await kit.git('clone', '-q', '--depth', '2', kit.server.repository, 'short');
  expect((await kit.git('-C', 'short', 'log', '--format=%s')).trim().split('\n')).toEqual(['change c', 'change b']);
  await commit('short', 'd');
  await kit.git('-C', 'short', 'push', '-q');
  await kit.git('-C', 'short', 'fetch', '-q', '--unshallow');
  expect((await kit.git('-C', 'short', 'log', '--format=%s')).trim().split('\n')).toHaveLength(5);
  expect(await kit.git('-C', 'short', 'fsck')).toBe('');
  await work('pull', '-q');
  expect(await work('log', '-1', '--format=%s')).toBe('change d\n');
});

test('still works when somebody has packed the repository on disk', async () => {
  await commit('work', 'a');
  await work('push', '-q');
  await kit.git('-C', kit.server.folder, 'gc', '-q');
  await commit('work', 'b');
  await work('push', '-q');
  await kit.restart();
  await kit.git('clone', '-q', kit.server.repository, 'again');
  expect(await kit.git('-C', 'again', 'log', '-1', '--format=%s')).toBe('change b\n');
});

test.each([
  ['a push behind', ['push', 'origin', 'main'], 'fetch first'],
  ['a forced push', ['push', '--force', 'origin', 'HEAD~1:main'], 'non-fast-forward'],
  ['a deletion', ['push', 'origin', ':main'], 'remote rejected'],
  ['a tag', ['push', 'origin', 'HEAD:refs/tags/v1'], 'branches with plain names alone'],
])('%s is refused with a reason', async (_, args, reason) => {
  await kit.git('clone', '-q', kit.server.repository, 'late');
  await commit('work', 'a');
  await work('push', '-q');
  const main = await work('rev-parse', 'main');
  const folder = args.includes('main') ? 'late' : 'work';
  if (folder === 'late') await commit('late', 'b');
  await expect(kit.git('-C', folder, ...args)).rejects.toThrow(reason);
  expect(await kit.git('-C', kit.server.folder, 'rev-parse', 'main')).toBe(main);
});
