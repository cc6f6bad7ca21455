// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { findOnPath } from '../cluster/host-process.ts';
import { mustRun, runCommand } from './run-command.ts';

/** Programs of the suite and the Debian packages that bring them. Two clients named docker can be on PATH; Debian's fits its engine. */
const TOOLS = { dockerd: 'docker.io', 'qemu-aarch64': 'qemu-user' } as const;
export const DOCKER = '/usr/bin/docker';

/** Installs what is missing, which needs root. Throws input TOOL_MISSING that names the package. */
export async function ensureTools(log: (line: string) => void): Promise<void> {
  const isThere = (tool: string): boolean => findOnPath(tool) !== undefined || existsSync(`/usr/sbin/${tool}`);
  const missing = Object.entries(TOOLS).flatMap(([tool, name]) => (isThere(tool) ? [] : [name]));
  if (missing.length === 0) return;
  const hint = `install them: apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) throw inputError('TOOL_MISSING', `the image tests need the Debian packages ${missing.join(', ')}`, { hint });
  log(`installing ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  const install = (): Promise<{ code: number }> => runCommand('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
  if ((await install()).code === 0) return;
  await mustRun('apt-get', ['update', '-q'], { env });
  await mustRun('apt-get', ['install', '-y', '-q', '--no-install-recommends', ...missing], { env });
}
