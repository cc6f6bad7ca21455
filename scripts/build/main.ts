// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { SERVICES, TASKS } from '../tasks.ts';
import { type Bundle, bundleCli, bundleTask } from './bundle.ts';

const root = join(import.meta.dirname, '..', '..');
const quiet = process.argv.includes('--quiet');
for (const { name } of TASKS) await report(`tasks/${name}`, bundleTask(root, name, { write: true }));
for (const name of SERVICES) await report(`services/${name}`, bundleTask(root, name, { write: true, room: 'services' }));
await report('cli', bundleCli(root, { write: true }));

/** Builds the others too when one fails, so that one run shows all there is to do. */
async function report(source: string, bundle: Promise<Bundle>): Promise<void> {
  try {
    const { path, bytes, gzipBytes } = await bundle;
    if (!quiet) console.log(`${path}  ${toKibibytes(bytes)}  (gzip ${toKibibytes(gzipBytes)})`);
  } catch (error) {
    console.error(`${source}: ${error instanceof Error ? error.message : String(error)}`);
    process.exitCode = 1;
  }
}

function toKibibytes(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`;
}
