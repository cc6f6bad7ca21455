// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { TASKS } from '../tasks.ts';
import { bundleTask } from './bundle.ts';

const root = join(import.meta.dirname, '..', '..');
const quiet = process.argv.includes('--quiet');
for (const { name } of TASKS) await buildTask(name);

/** Builds the others too when one fails, so that one run shows all there is to do. */
async function buildTask(name: string): Promise<void> {
  try {
    const { path, bytes, gzipBytes } = await bundleTask(root, name, { write: true });
    if (!quiet) console.log(`${path}  ${toKibibytes(bytes)}  (gzip ${toKibibytes(gzipBytes)})`);
  } catch (error) {
    console.error(`tasks/${name}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

function toKibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
