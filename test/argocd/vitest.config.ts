// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { defineConfig } from 'vitest/config';

/**
 * The step argocd-sync against a real Argo CD and a real Kubernetes API. Cold, the first run builds Argo CD (about ten minutes on two busy cores) besides the API server;
 * one fork, because one Argo CD serves all files. Needs git, and redis-server from Debian, which it installs as root.
 */
export default defineConfig({
  test: {
    root: join(import.meta.dirname, '..', '..'),
    include: ['test/argocd/**/*.test.ts'],
    pool: 'forks',
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 90_000,
    hookTimeout: 30 * 60_000,
    teardownTimeout: 30_000,
  },
});
