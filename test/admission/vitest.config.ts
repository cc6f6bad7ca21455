// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/** The provider's bundle, asked by Gatekeeper's own code through the templates of the catalog. Cold, the first run builds gator and Gatekeeper's framework (minutes). */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/admission/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 60_000,
    hookTimeout: 60 * 60_000,
    teardownTimeout: 30_000,
  },
});
