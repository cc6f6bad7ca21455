// SPDX-License-Identifier: Apache-2.0
import { copyFile, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import { type Checkpoint, signCheckpoint, verifyCheckpoint } from './checkpoint.ts';
import { openLogMemory } from './log-memory.ts';
import { createRekor } from './rekor.ts';
import { newSigningKey } from './test-keys.ts';
import { loggedBundle, lyingLog, startTestLog, type TestLog } from './test-log.ts';

const release = newSigningKey('release');
let log: TestLog;
let folder: string;
beforeAll(async () => {
  log = await startTestLog();
  await grow();
});
afterAll(() => log.close());
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'memory-'));
  return () => rm(folder, { recursive: true });
});

async function grow(of: TestLog = log, entries = 1): Promise<void> {
  for (let entry = 0; entry < entries; entry++) await loggedBundle(of, release, 'a'.repeat(64), { entry, at: Math.random() });
}

/** One run that sees the log as it is now. */
async function see(of: TestLog = log): Promise<Checkpoint> {
  const now = await of.rekor.checkpoint();
  await openLogMemory(folder, of.rekor, of.logKey).see(now);
  return now;
}

async function kept(): Promise<string> {
  const [name = ''] = await readdir(folder);
  return readFile(join(folder, name), 'utf8');
}

/** A log with the identity of ours and a history of its own of so many entries. */
async function twin(entries: number): Promise<TestLog> {
  const dir = await mkdtemp(join(tmpdir(), 'twin-'));
  for (const file of ['key.pem', 'log.json']) await copyFile(join(log.dir, file), join(dir, file));
  const other = await startTestLog({ dir });
  await grow(other, entries);
  return { ...other, logKey: log.logKey, rekor: createRekor({ http: other.http, url: other.running.url, logKey: log.logKey }) };
}

describe('openLogMemory', () => {
  it('remembers the newest checkpoint of a log that grows, in the words of the log', async () => {
    const first = await see();
    expect(await kept()).toBe(first.envelope);
    expect(await see()).toEqual(first);
    await grow(log, 3);
    const later = await see();
    expect(later.size).toBe(first.size + 3);
    expect(verifyCheckpoint(await kept(), log.logKey)).toEqual(later);
    expect(await readdir(folder)).toHaveLength(1);
  });

  it('goes on where a run beside it has seen more', async () => {
    const old = await log.rekor.checkpoint();
    await grow();
    const newer = await see();
    await openLogMemory(folder, log.rekor, log.logKey).see(old);
    expect(await kept()).toBe(newer.envelope);
  });

  it.each([
    ['of the same size', 0, 'LOG_FORKED'],
    ['that is longer', 2, 'LOG_FORKED'],
    ['that is shorter', -1, 'LOG_SHRANK'],
  ])('another history %s is denied, time and again, and both checkpoints are kept', async (_what, more, code) => {
    const first = await see();
    const other = await twin(first.size + more);
    for (const _again of [1, 2]) {
      const failure = await failureOf(see(other));
      expect(failure).toMatchObject({ kind: 'denied', code, hint: expect.stringContaining('both checkpoints') });
      expect(failure.message).toContain(folder);
    }
    const [name = '', conflict = ''] = (await readdir(folder)).sort();
    expect(conflict).toBe(`${name}.conflict`);
    expect(await readFile(join(folder, name), 'utf8')).toBe(first.envelope);
    expect(await readFile(join(folder, conflict), 'utf8')).toBe((await other.rekor.checkpoint()).envelope);
    await other.close();
  });

  it.each([
    ['nothing', () => ''],
    ['no checkpoint', () => 'hello\n'],
    ['one that another log signed', (at: Checkpoint) => signCheckpoint(at, at.origin, lyingLog().privateKey)],
    ['one of another size', (at: Checkpoint) => at.envelope.replace(`\n${at.size}\n`, '\n1\n')],
  ])('%s in the place of what was kept is denied, and left there', async (_what, forge) => {
    const now = await see();
    await grow();
    const [name = ''] = await readdir(folder);
    const forged = forge(now);
    await writeFile(join(folder, name), forged);
    const failure = await failureOf(see());
    expect(failure).toMatchObject({ kind: 'denied', code: 'CHECKPOINT_UNTRUSTED', message: expect.stringContaining(join(folder, name)) });
    expect(await kept()).toBe(forged);
  });

  it('keeps logs apart by name and key', async () => {
    const other = await startTestLog();
    await grow(other, 5);
    await see();
    await see(other);
    expect(await readdir(folder)).toHaveLength(2);
    await other.close();
  });

  it('a folder that cannot be written to is told of', async () => {
    folder = join(folder, 'a file');
    await writeFile(folder, '');
    expect(await failureOf(see())).toMatchObject({ kind: 'input' });
    folder = join(folder, '..');
  });
});
