// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadPipeline } from './pipeline.ts';
import { SILENT } from './reporter.ts';
import type { PipelineRun, TaskRecord } from './run-document.ts';
import { type RunOptions, runPipeline } from './run-pipeline.ts';

/** For tests: a pipeline task in short. Its one step runs `code` in Node with `reads` (which become params) as process.argv from index 1 on. */
export type ShortTask = { name: string; code?: string; results?: object[]; reads?: Record<string, unknown>; task?: object } & Record<string, unknown>;
export type ShortPipeline = { tasks: ShortTask[]; finally?: ShortTask[] } & Record<string, unknown>;
/** A run's document with the log of what the reporter was told: `+task`, `-task`, `task: line`. */
export type ObservedRun = PipelineRun & { log: string[]; task: (name: string) => TaskRecord };

/** A script that writes the result `out`. */
export function write(value: string): string {
  return `require("fs").writeFileSync(process.env.OUT, ${JSON.stringify(value)});`;
}

/** Scripts: print the arguments, fail with 7, run until killed, and a guard that never holds. */
export const ECHO = 'console.log(process.argv.slice(1).join("|"))';
export const FAIL = 'process.exit(7)';
export const WAIT = 'setInterval(() => {}, 1000); console.log("up")';
export const NEVER = [{ input: 'a', operator: 'in', values: ['b'] }];

/** Loads and runs a short Pipeline in a temporary folder of its own. */
export async function runShort(spec: ShortPipeline, options: Partial<RunOptions> = {}): Promise<ObservedRun> {
  const tempRoot = options.tempRoot ?? (await mkdtemp(join(tmpdir(), 'runner-test-')));
  const log: string[] = [];
  const reporter = {
    ...SILENT,
    taskStarted: (task: string) => void log.push(`+${task}`),
    taskEnded: ({ name }: TaskRecord) => void log.push(`-${name}`),
    line: (task: string, text: string) => void log.push(`${task}: ${text}`),
  };
  try {
    const document = await runPipeline({
      ...(await loadPipeline(manifestOf(spec), () => undefined)),
      resolveContainer: () => ({ command: [process.execPath] }),
      reporter,
      signal: new AbortController().signal,
      tempRoot,
      now: () => new Date(),
      graceMs: 200,
      ...options,
    });
    return { ...document, log, task: (name) => document.tasks.find((task) => task.name === name) ?? missing(name) };
  } finally {
    if (options.tempRoot === undefined) await rm(tempRoot, { recursive: true, force: true });
  }
}

function manifestOf(spec: ShortPipeline): string {
  const full = { ...spec, tasks: spec.tasks.map(pipelineTask), finally: (spec.finally ?? []).map(pipelineTask) };
  return JSON.stringify({ apiVersion: 'tekton.dev/v1', kind: 'Pipeline', metadata: { name: 'p' }, spec: full });
}

function pipelineTask({ name, code = '', results = [{ name: 'out' }], reads = {}, task = {}, ...rest }: ShortTask): object {
  const params = Object.entries(reads).map(([key, value]) => ({ name: key, value }));
  const declared = Object.entries(reads).map(([key, value]) => ({ name: key, type: Array.isArray(value) ? 'array' : 'string' }));
  const args = ['-e', code, '--', ...Object.entries(reads).map(([key, value]) => `$(params.${key}${Array.isArray(value) ? '[*]' : ''})`)];
  const step = { image: 'example.test/node:1', command: ['node'], args, env: [{ name: 'OUT', value: '/tekton/results/out' }] };
  return { name, params, taskSpec: { params: declared, results, steps: [step], ...task }, ...rest };
}

function missing(name: string): never {
  throw new Error(`the run has no task ${name}`);
}
