// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { TASKS } from '../../scripts/tasks.ts';

test.each(TASKS.map(({ name }) => name))('%s has a step test that provokes its failures', async (name) => {
  const source = await readFile(join(import.meta.dirname, `${name}.test.ts`), 'utf8');
  expect(source).toContain(`'../../tasks/${name}/spec.ts'`);
  expect(source).toContain('testFailures(');
});
