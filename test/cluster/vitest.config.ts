// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** Cold, the first run builds the peers (about six minutes on two cores); one fork, because one cluster serves all files. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    // The smoke test kills what runs, so it has a bed of its own time and not that of the scenarios.
    include: ['test/cluster/catalog*.test.ts', 'test/cluster/bed-smoke.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 30 * 60_000,
    teardownTimeout: 30_000,
  },
});
