// SPDX-License-Identifier: Apache-2.0
import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: { include: ['test/sbom/**/*.test.ts'], testTimeout: 120_000, hookTimeout: 1_200_000, fileParallelism: false },
});
