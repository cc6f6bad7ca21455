// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { writeResult } from './results.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'results-'));
});
afterEach(() => rm(folder, { recursive: true }));

describe('writeResult', () => {
  it.each(['', '7', ' with spaces and a line break\n', 'x'.repeat(1024), 'ü'.repeat(512)])('writes %j as it is', async (value) => {
    await writeResult({ RESULT_LOG_INDEX: join(folder, 'log-index') }, 'log-index', value);
    expect(await readFile(join(folder, 'log-index'), 'utf8')).toBe(value);
  });

  it.each(['x'.repeat(1025), 'ü'.repeat(513)])('writes nothing of a value that is too large', async (value) => {
    const writing = writeResult({ RESULT_WEIGHT: join(folder, 'weight') }, 'weight', value);
    await expect(writing).rejects.toMatchObject({ kind: 'bug', code: 'RESULT_TOO_LARGE', message: expect.stringContaining('result weight has') });
    expect(await readdir(folder)).toEqual([]);
  });

  it.each([{}, { RESULT_WEIGHT: '' }, { RESULT_OTHER: '/elsewhere' }])('does nothing where no file is named: %j', async (env) => {
    await expect(writeResult(env, 'weight', '7')).resolves.toBeUndefined();
  });
});
