// SPDX-License-Identifier: Apache-2.0
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TASKS } from '../../scripts/tasks.ts';

test.each(TASKS.map(({ name }) => name))('%s has a step test that provokes its failures', async (name) => {
  const files = (await readdir(import.meta.dirname)).filter((file) => file.startsWith(name) && file.endsWith('.test.ts'));
  const sources = await Promise.all(files.map((file) => readFile(join(import.meta.dirname, file), 'utf8')));
  expect(sources.some((source) => source.includes(`'../../tasks/${name}/spec.ts'`) && source.includes('testFailures('))).toBe(true);
});
