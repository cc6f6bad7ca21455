// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFile, rm } from 'node:fs/promises';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { Report, type TestRun } from './judge-run.ts';

export type VitestRun = {
  /** The copy, with `tmp` beside it for all that the tests leave behind. */
  project: string;
  temporary: string;
  files: readonly string[];
  /** Folder of the suite whose config is used, for example `test/gate`; the project's own without it. */
  suite?: string | undefined;
  /** Whether to stop at the first failed test. */
  bail: boolean;
  limitMs: number;
  signal: AbortSignal;
};

const SHOWN_OUTPUT = 1500;

/** Runs vitest in the copy as a process group of its own, which is ended whole at the time limit or when `signal` aborts. */
export async function runVitest({ project, temporary, files, suite, bail, limitMs, signal }: VitestRun): Promise<TestRun> {
  signal.throwIfAborted();
  const outputFile = join(temporary, 'report.json');
  await rm(outputFile, { force: true });
  const args = [
    join(project, 'node_modules', 'vitest', 'vitest.mjs'),
    'run',
    ...(suite === undefined ? [] : ['--config', `${suite}/vitest.config.ts`]),
    '--reporter=json',
    `--outputFile.json=${outputFile}`,
    // Side by side, files that are stopped leave no results, sometimes not even that of the test that failed.
    ...(bail ? ['--bail=1', '--no-file-parallelism'] : []),
    ...files,
  ];
  const env = { ...process.env, TMPDIR: temporary, PATH: `${join(project, 'node_modules', '.bin')}:${process.env['PATH']}`, NO_COLOR: '1' };
  const child = spawn(process.execPath, args, { cwd: project, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] });
  const stop = AbortSignal.any([signal, AbortSignal.timeout(limitMs)]);
  const kill = (): void => killGroup(child);
  stop.addEventListener('abort', kill, { once: true });
  try {
    const ended = once(child, 'close') as Promise<[number | null]>;
    const [[code], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
    signal.throwIfAborted();
    return { code, timedOut: stop.aborted, report: await readReport(outputFile), output: `${stdout}${stderr}`.trim().slice(-SHOWN_OUTPUT) };
  } finally {
    stop.removeEventListener('abort', kill);
    // Workers that a crash of vitest left behind.
    killGroup(child);
  }
}

function killGroup({ pid }: ChildProcess): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, 'SIGKILL');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

async function readReport(path: string): Promise<Report | undefined> {
  try {
    return Report.parse(JSON.parse(await readFile(path, 'utf8')));
  } catch {
    // The run tells why there is none.
    return undefined;
  }
}
