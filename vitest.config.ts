// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';
import { skippedSuitesReporter } from './scripts/check/skipped-suites.ts';

/** Unit tests beside the sources and step tests against the built bundles: all that runs with Node alone. What needs peers has a config of its own. */
export default defineConfig({
  test: {
    include: [
      '{bin,cli,images,lib,scripts,services,tasks}/**/*.test.ts',
      'test/{step,conformance,peers,mutants,cluster/bed,cluster/components,cluster/bench}/**/*.test.ts',
    ],
    pool: 'forks',
    // More than two cores need: a good part of the step tests waits for timers and sockets.
    maxWorkers: 4,
    testTimeout: 20_000,
    reporters: ['default', skippedSuitesReporter()],
    coverage: {
      provider: 'v8',
      include: ['{cli,images,lib,scripts,services,tasks}/**/*.ts'],
      exclude: ['**/*.test.ts', '**/test-*.ts', '**/main.ts'],
      reporter: ['text-summary'],
    },
  },
});
