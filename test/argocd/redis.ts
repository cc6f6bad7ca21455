// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { findOnPath } from '../cluster/host-process.ts';
import { mustRun } from '../image/run-command.ts';

/** The path of redis-server, where Argo CD keeps its cache; installed from Debian when it is missing, which needs root. Throws input REDIS_MISSING. */
export async function ensureRedis(log: (line: string) => void): Promise<string> {
  const found = findOnPath('redis-server');
  if (found !== undefined) return found;
  const missing = inputError('REDIS_MISSING', 'Argo CD keeps its cache in Redis, and there is no redis-server on PATH', {
    hint: 'apt-get install redis-server',
  });
  if (process.getuid?.() !== 0) throw missing;
  log('installing redis-server');
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  await mustRun('apt-get', ['update', '-q'], { env });
  await mustRun('apt-get', ['install', '-y', '-q', '--no-install-recommends', 'redis-server'], { env });
  const installed = findOnPath('redis-server');
  if (installed === undefined) throw missing;
  return installed;
}
