// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** What we send to GitHub beside GitHub's own description of its API. The first run installs 400 MB of packages into test/vendor. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/vendor/*.test.ts'],
    globalSetup: 'test/vendor/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
