// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import process from 'node:process';
import { runProgram } from '../../images/base/run-program.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { findOnPath } from '../cluster/host-process.ts';

/**
 * Installs what is missing of a table program (name on PATH, or absolute path of a file) → Debian package that brings it, which needs root.
 * Throws StepError input `TOOL_MISSING` (names the packages), `TOOL_INSTALL_FAILED` (with what apt-get said).
 */
export async function ensureDebianTools(tools: Readonly<Record<string, string>>, log: (line: string) => void): Promise<void> {
  const isThere = (tool: string): boolean => existsSync(tool) || findOnPath(tool) !== undefined || existsSync(`/usr/sbin/${tool}`);
  const missing = [...new Set(Object.entries(tools).flatMap(([tool, name]) => (isThere(tool) ? [] : [name])))];
  if (missing.length === 0) return;
  const hint = `install them: apt-get install ${missing.join(' ')}`;
  if (process.getuid?.() !== 0) throw inputError('TOOL_MISSING', `the tests need the Debian packages ${missing.join(', ')}`, { hint });
  log(`installing ${missing.join(', ')}`);
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  // Another installation on the machine, of its own updates for instance, is waited for.
  const install = () => runProgram('apt-get', ['-o', 'DPkg::Lock::Timeout=300', 'install', '-y', '-q', '--no-install-recommends', ...missing], { env });
  if ((await install()).code === 0) return;
  const updated = await runProgram('apt-get', ['update', '-q'], { env });
  const installed = await install();
  if (installed.code !== 0) {
    const said = `${updated.stderr}${installed.stdout.toString('utf8')}${installed.stderr}`.trim().slice(-4096);
    throw inputError('TOOL_INSTALL_FAILED', `apt-get cannot install ${missing.join(', ')}:\n${said}`, { hint });
  }
}
