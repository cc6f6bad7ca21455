// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { inputError } from '../../lib/errors/errors.ts';

export const PROJECT: string = join(import.meta.dirname, '../..');

type Environment = Readonly<Record<string, string | undefined>>;

/** The folder that keeps downloads and base layers from run to run; it is made. */
export async function cacheFolder(env: Environment): Promise<string> {
  const folder = join(env['XDG_CACHE_HOME'] || join(homedir(), '.cache'), 'tekton-supply-chain', 'images');
  await mkdir(folder, { recursive: true });
  return folder;
}

/** SOURCE_DATE_EPOCH (reproducible-builds.org), 0 when it is not set. Throws input EPOCH_INVALID. */
export function sourceDateEpoch(env: Environment): number {
  const text = env['SOURCE_DATE_EPOCH'] || '0';
  const seconds = Number(text);
  // The largest time that the 11 octal digits of a tar header hold.
  if (!/^\d+$/.test(text) || seconds >= 8 ** 11) throw inputError('EPOCH_INVALID', `SOURCE_DATE_EPOCH is "${text}", not a number of seconds since 1970`);
  return seconds;
}

/** Runs the work and says how long it took. */
export async function timed<T>(what: string, work: () => Promise<T>): Promise<T> {
  const started = performance.now();
  const result = await work();
  console.log(`${what}  ${((performance.now() - started) / 1000).toFixed(2)} s`);
  return result;
}

export function mebibytes(bytes: number): string {
  return bytes < 1024 * 1024 ? `${(bytes / 1024).toFixed(1)} KiB` : `${(bytes / 1024 / 1024).toFixed(1)} MiB`;
}
