// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The Gatekeeper evaluator against the released gator. Cold, the first run builds both (minutes). */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/gatekeeper/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    globals: true,
    testTimeout: 120_000,
    hookTimeout: 60 * 60_000,
    teardownTimeout: 30_000,
  },
});
