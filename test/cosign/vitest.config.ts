// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The product beside the real cosign. Cold, the first run builds cosign (about three minutes on two cores); one fork, because each file runs services and steps as processes of their own. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/cosign/**/*.test.ts'],
    globalSetup: 'test/cosign/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
