// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import process from 'node:process';
import type { TestProject } from 'vitest/node';
import { ensurePeer } from '../peers/peers.ts';
import { runCommand } from './run-command.ts';

declare module 'vitest' {
  interface ProvidedContext {
    /** Path of the cosign binary. */
    cosign: string;
    /** Path of the program sigstore-kms-drawer. */
    kmsPlugin: string;
  }
}

/** Once for all files: bundles that are those of the sources, and the cosign binary, built when the cache has none. */
export async function setup(project: TestProject): Promise<void> {
  const root = join(import.meta.dirname, '../..');
  const built = await runCommand(process.execPath, [join(root, 'scripts/build/main.ts'), '--quiet'], { cwd: root, env: process.env });
  if (built.code !== 0) throw new Error(`the bundles could not be built:\n${built.stderr}`);
  const { cosign } = await ensurePeer('cosign', { log: (line) => console.error(line) });
  project.provide('cosign', cosign);
  const plugin = await ensurePeer('kms-plugin', { log: (line) => console.error(line) });
  project.provide('kmsPlugin', plugin['sigstore-kms-drawer']);
}
