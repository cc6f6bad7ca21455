// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The scenarios in the cluster of `npm run cluster`: one after another, because two cores run one Pipeline at a time well. Cold, the setup builds the peers. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..', '..'),
    include: ['test/cluster/scenarios/*.test.ts'],
    globalSetup: ['test/cluster/scenarios/setup.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 300_000,
    teardownTimeout: 120_000,
  },
});
