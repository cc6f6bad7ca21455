// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';

const HERE = import.meta.dirname;
const Lock = z.object({ packages: z.record(z.string(), z.object({ version: z.string().optional() })) });

/** Installs the packages that the lock names, unless they are there. */
export async function setup(): Promise<void> {
  if (await isInstalled()) return;
  const { status, stderr } = spawnSync('npm', ['ci', '--prefix', HERE, '--ignore-scripts'], { cwd: HERE, encoding: 'utf8' });
  if (status !== 0) throw new Error(`npm ci --prefix test/vendor failed: ${stderr}`);
}

async function isInstalled(): Promise<boolean> {
  const { packages } = Lock.parse(JSON.parse(await readFile(join(HERE, 'package-lock.json'), 'utf8')));
  for (const [path, { version }] of Object.entries(packages)) {
    const text = path === '' ? '' : await readFile(join(HERE, path, 'package.json'), 'utf8').catch(() => '{}');
    if (text !== '' && JSON.parse(text).version !== version) return false;
  }
  return true;
}
