// SPDX-License-Identifier: Apache-2.0
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { text } from 'node:stream/consumers';
import { parse } from 'yaml';
import * as z from 'zod';
import { PROJECT } from './bundles.ts';

export type TaskName =
  | 'sbom-generate'
  | 'cosign-sign'
  | 'rekor-upload'
  | 'policy-check'
  | 'promote'
  | 'grafeas-store'
  | 'gitops-commit'
  | 'argocd-sync'
  | 'notify';

/** One run of a step as its Task describes it. */
export type StepRun = {
  task: TaskName;
  /** Params by name; those of the Task that are not given have their default. */
  params: Readonly<Record<string, string>>;
  /** Folder by workspace; one that is not given is not bound. */
  workspaces?: Readonly<Record<string, string>>;
  /** More environment than the Task gives, or less (undefined). */
  env?: Readonly<Record<string, string | undefined>>;
  cwd?: string;
  uid?: number;
  gid?: number;
  /** Gets the process as soon as it is there, to send it signals. */
  onSpawn?: (child: ChildProcess) => void;
};

/** How a step ended: `code` is null when a signal ended it. `results` are the files that it wrote. */
export type StepEnd = { code: number | null; signal: NodeJS.Signals | null; stdout: string; stderr: string; results: Record<string, string> };

const TaskManifest = z.object({
  spec: z.object({
    params: z.array(z.object({ name: z.string(), default: z.string().optional() })),
    workspaces: z.array(z.object({ name: z.string() })),
    steps: z.tuple([
      z.object({
        image: z.string(),
        command: z.array(z.string()),
        args: z.array(z.string()),
        env: z.array(z.object({ name: z.string(), value: z.string() })),
      }),
    ]),
  }),
});
type Task = z.infer<typeof TaskManifest>['spec'];

/** Shared by all that the suite spawns. */
export const COMPILE_CACHE = join(tmpdir(), 'step-compile-cache');

const tasks = new Map<TaskName, Promise<Task>>();

/** Runs the bundle with the command, args and env of the generated Task, its results in a new folder. Throws for a param or workspace that the Task does not declare. */
export async function runStep(run: StepRun): Promise<StepEnd> {
  const task = await readTask(run.task);
  const [step] = task.steps;
  const results = await mkdtemp(join(tmpdir(), 'step-results-'));
  if (run.uid !== undefined && run.gid !== undefined) await chown(results, run.uid, run.gid);
  const fill = (template: string): string => fillIn(template, run, task, results);
  const [file = '', ...args] = [...step.command.map((part) => standIn(part, run.task)), ...step.args.map(fill)];
  // What V8 compiled is kept from process to process: the suite starts hundreds of them, and only start-up.test.ts is about the time that takes.
  const env = {
    PATH: process.env['PATH'],
    NODE_COMPILE_CACHE: COMPILE_CACHE,
    HOME: results,
    ...Object.fromEntries(step.env.map(({ name, value }) => [name, fill(value)])),
    ...run.env,
  };
  const child = spawn(file, args, {
    env,
    cwd: run.cwd ?? results,
    stdio: ['ignore', 'pipe', 'pipe'],
    ...(run.uid !== undefined && { uid: run.uid }),
    ...(run.gid !== undefined && { gid: run.gid }),
  });
  run.onSpawn?.(child);
  const ended = once(child, 'close') as Promise<[number | null, NodeJS.Signals | null]>;
  const [[code, signal], stdout, stderr] = await Promise.all([ended, text(child.stdout), text(child.stderr)]);
  const names = await readdir(results);
  const read = await Promise.all(names.map(async (name) => [name, await readFile(join(results, name), 'utf8')] as const));
  await rm(results, { recursive: true, force: true });
  return { code, signal, stdout, stderr, results: Object.fromEntries(read) };
}

function readTask(name: TaskName): Promise<Task> {
  const known = tasks.get(name) ?? readFile(join(PROJECT, 'catalog/task', name, `${name}.yaml`), 'utf8').then((yaml) => TaskManifest.parse(parse(yaml)).spec);
  tasks.set(name, known);
  return known;
}

/** What an image of the suite holds under these paths. */
function standIn(part: string, task: TaskName): string {
  if (part === '/nodejs/bin/node') return process.execPath;
  return part === '/app/step.cjs' ? join(PROJECT, 'dist', `${task}.cjs`) : part;
}

function fillIn(template: string, run: StepRun, task: Task, results: string): string {
  const unknown = [
    ...Object.keys(run.params).filter((name) => !task.params.some((param) => param.name === name)),
    ...Object.keys(run.workspaces ?? {}).filter((name) => !task.workspaces.some((workspace) => workspace.name === name)),
  ];
  if (unknown.length > 0) throw new Error(`Task ${run.task} declares no ${unknown.join(', ')}`);
  return template.replaceAll(/\$\((params|results|workspaces)\.([a-z-]+)(?:\.path)?\)/g, (_, kind: string, name: string) => {
    if (kind === 'results') return join(results, name);
    if (kind === 'workspaces') return run.workspaces?.[name] ?? '';
    return run.params[name] ?? task.params.find((param) => param.name === name)?.default ?? '';
  });
}
