// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';
import { skippedSuitesReporter } from '../../scripts/check/skipped-suites.ts';

/** The images on a real engine that the suite starts itself (test/image/setup.ts). One fork, because the files measure times and share the engine. */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/image/**/*.test.ts'],
    globalSetup: 'test/image/setup.ts',
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    teardownTimeout: 60_000,
    reporters: ['default', skippedSuitesReporter()],
  },
});
