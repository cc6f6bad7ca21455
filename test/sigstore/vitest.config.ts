// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The product beside a whole Sigstore stack of real servers. Cold, the first run builds them (about ten minutes on two cores); one fork, because one stack serves all files. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/sigstore/**/*.test.ts'],
    globalSetup: 'test/sigstore/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 120_000,
  },
});
