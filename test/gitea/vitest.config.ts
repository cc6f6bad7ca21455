// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** gitops-commit and lib/forge beside a real Gitea. Cold, the first run builds it (several minutes on two cores); needs git, a C compiler and setpriv. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/gitea/**/*.test.ts'],
    globalSetup: 'test/gitea/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 120_000,
    teardownTimeout: 30_000,
  },
});
