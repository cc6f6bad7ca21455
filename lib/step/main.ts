// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import type { AnyTaskSpec } from '../spec/spec.ts';
import { type Run, runStep } from './step.ts';
import { VERSION } from './version.ts';

/** The whole of an entry point: connects `runStep` with this process, and sets the exit code when all output is written. The step's code is loaded when its params are known to be good. */
export async function main<S extends AnyTaskSpec>(spec: S, load: () => Promise<{ run: Run<S> }>): Promise<void> {
  const stop = new AbortController();
  for (const name of ['SIGTERM', 'SIGINT'] as const) process.once(name, () => stop.abort());
  const run: Run<S> = async (inputs, deps) => (await load()).run(inputs, deps);
  process.exitCode = await runStep(spec, run, {
    argv: process.argv.slice(2),
    env: process.env,
    stdout: (text) => process.stdout.write(text),
    stderr: (text) => process.stderr.write(text),
    now: () => new Date(),
    stop: stop.signal,
    version: VERSION,
  });
}
