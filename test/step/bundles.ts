// SPDX-License-Identifier: Apache-2.0
import { readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import * as z from 'zod';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { bundleTask } from '../../scripts/build/bundle.ts';
import { TASKS } from '../../scripts/tasks.ts';

export const PROJECT: string = join(import.meta.dirname, '../..');

const LOCK = join(tmpdir(), `step-bundles-${sha256Digest(PROJECT).slice(-12)}`);
const LOCK_TIMEOUT_MS = 120_000;
const Metafile = z.object({ inputs: z.record(z.string(), z.unknown()) });

/** Builds the bundles that are missing or older than one of their sources. Test files run in processes of their own, so only one of them builds at a time. */
export async function ensureBundles(): Promise<void> {
  for (const end = Date.now() + LOCK_TIMEOUT_MS; !(await takeLock()); await delay(50)) {
    if (Date.now() > end) throw new Error(`another test run has been building for ${LOCK_TIMEOUT_MS / 1000} s; remove ${LOCK} if there is none`);
  }
  try {
    for (const { name } of TASKS) if (await isStale(name)) await bundleTask(PROJECT, name, { write: true });
  } finally {
    await rm(LOCK, { recursive: true, force: true });
  }
}

async function takeLock(): Promise<boolean> {
  try {
    await writeFile(LOCK, String(process.pid), { flag: 'wx' });
    return true;
  } catch (error) {
    if (!(error instanceof Error) || !('code' in error) || error.code !== 'EEXIST') throw error;
    // One that was killed in the middle leaves its lock behind.
    if (!(await isHeld())) await rm(LOCK, { recursive: true, force: true });
    return false;
  }
}

async function isHeld(): Promise<boolean> {
  // Empty for as long as its holder has not written it.
  const pid = Number(await readFile(LOCK, 'utf8').catch(() => ''));
  if (pid === 0) return true;
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

async function isStale(name: string): Promise<boolean> {
  try {
    const { mtimeMs } = await stat(join(PROJECT, 'dist', `${name}.cjs`));
    const { inputs } = Metafile.parse(JSON.parse(await readFile(join(PROJECT, 'dist', `${name}.meta.json`), 'utf8')));
    const times = await Promise.all(Object.keys(inputs).map(async (path) => (await stat(join(PROJECT, path))).mtimeMs));
    return times.some((time) => time > mtimeMs);
  } catch {
    // Missing or unreadable, or a source that is gone: building tells what is wrong.
    return true;
  }
}
