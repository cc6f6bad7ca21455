// SPDX-License-Identifier: Apache-2.0
import { transientError } from '../../../lib/errors/errors.ts';
import type { Bed } from '../bed/component.ts';

/** What scenarios need of the bed. */
export type Cluster = Pick<Bed, 'kubectl' | 'apply' | 'log' | 'node'>;

export type RunKind = 'pipelinerun' | 'taskrun';
export type RunName = { kind: RunKind; namespace: string; name: string };

/** How one task of a PipelineRun ended; `reason` is Tekton's, `exitCodes` are those of the steps that ended, by name. */
export type TaskEnd = {
  task: string;
  taskRun: string;
  reason: string;
  message: string;
  results: Record<string, string>;
  exitCodes: Record<string, number>;
  pod: string | undefined;
};

/** How a run ended; seconds by Tekton's own clock. */
export type RunEnd = RunName & {
  succeeded: boolean;
  reason: string;
  message: string;
  results: Record<string, string>;
  seconds: number;
  tasks: TaskEnd[];
};

type Condition = { type: string; status: string; reason?: string; message?: string };
type Result = { name: string; value: unknown };
type Step = { name: string; terminated?: { exitCode: number } };
type Run = {
  metadata: { name: string; labels?: Record<string, string> };
  status?: { conditions?: Condition[]; startTime?: string; completionTime?: string; results?: Result[]; podName?: string; steps?: Step[] };
};

/** Creates a run (with `generateName` or `name`) and gives its name. Throws StepError `RUN_REFUSED`: what the API server or Tekton's webhook said. */
export async function startRun(cluster: Cluster, run: object): Promise<RunName> {
  const { code, stdout, stderr } = await cluster.kubectl(['create', '-o', 'json', '-f', '-'], JSON.stringify(run));
  if (code !== 0) throw transientError('RUN_REFUSED', `the run was not taken: ${stderr.trim()}`);
  const { kind, metadata } = JSON.parse(stdout) as { kind: string; metadata: { name: string; namespace: string } };
  return { kind: kind.toLowerCase() as RunKind, namespace: metadata.namespace, name: metadata.name };
}

/** Waits for the end of a run, tells its time and pods, and gives how it ended. Throws StepError `RUN_ENDLESS` with everything a person needs. */
export async function waitForEnd(cluster: Cluster, run: RunName, timeoutSeconds = 240): Promise<RunEnd> {
  const object = `${run.kind}/${run.name}`;
  const done = ['--for=jsonpath={.status.completionTime}', `--timeout=${timeoutSeconds}s`];
  const waited = await cluster.kubectl(['wait', object, '-n', run.namespace, ...done]);
  const end = await readEnd(cluster, run);
  if (waited.code !== 0) {
    throw transientError('RUN_ENDLESS', `${object} has not ended after ${timeoutSeconds} s: ${waited.stderr.trim()}\n${await explain(cluster, end)}`);
  }
  const pods = end.tasks.filter(({ pod }) => pod !== undefined).length;
  cluster.log(`${object}: ${end.reason} after ${end.seconds.toFixed(0)} s, ${pods} pods`);
  return end;
}

/** Starts a run and waits for its end. */
export async function runToEnd(cluster: Cluster, run: object, timeoutSeconds?: number): Promise<RunEnd> {
  return waitForEnd(cluster, await startRun(cluster, run), timeoutSeconds);
}

/** As `runToEnd`; throws StepError `RUN_FAILED` with conditions, messages and logs when the run does not succeed. */
export async function runToSuccess(cluster: Cluster, run: object, timeoutSeconds?: number): Promise<RunEnd> {
  const end = await runToEnd(cluster, run, timeoutSeconds);
  if (!end.succeeded) throw transientError('RUN_FAILED', await explain(cluster, end));
  return end;
}

/** How a run stands now; a task that has no end yet has the reason that Tekton gives it now. */
export async function readEnd(cluster: Cluster, run: RunName): Promise<RunEnd> {
  const object = await getJson<Run>(cluster, [run.kind, run.name, '-n', run.namespace]);
  const condition = succeededOf(object);
  const tasks = run.kind === 'taskrun' ? [object] : await taskRunsOf(cluster, run);
  const { startTime, completionTime } = object.status ?? {};
  return {
    ...run,
    succeeded: condition?.status === 'True',
    reason: condition?.reason ?? 'Unknown',
    message: condition?.message ?? '',
    results: resultsOf(object),
    seconds: (Date.parse(completionTime ?? new Date().toISOString()) - Date.parse(startTime ?? completionTime ?? new Date().toISOString())) / 1000,
    tasks: tasks.map((taskRun) => ({
      task: taskRun.metadata.labels?.['tekton.dev/pipelineTask'] ?? taskRun.metadata.name,
      taskRun: taskRun.metadata.name,
      reason: succeededOf(taskRun)?.reason ?? 'Unknown',
      message: succeededOf(taskRun)?.message ?? '',
      results: resultsOf(taskRun),
      exitCodes: Object.fromEntries((taskRun.status?.steps ?? []).flatMap(({ name, terminated }) => (terminated ? [[name, terminated.exitCode]] : []))),
      pod: taskRun.status?.podName || undefined,
    })),
  };
}

/** The task of this name. Throws StepError `TASK_NOT_RUN` that names those that did. */
export function taskOf(end: RunEnd, task: string): TaskEnd {
  const found = end.tasks.find((each) => each.task === task);
  if (found) return found;
  throw transientError('TASK_NOT_RUN', `${end.name} ran no task ${task}, only ${end.tasks.map((each) => each.task).join(', ')}; it ended with: ${end.message}`);
}

/** Log of all steps of a task. */
export async function logOf(cluster: Cluster, { namespace }: RunName, { pod }: TaskEnd): Promise<string> {
  if (pod === undefined) return '';
  const { stdout, stderr } = await cluster.kubectl(['logs', pod, '-n', namespace, '--all-containers', '--tail=60']);
  return `${stdout}${stderr}`;
}

/** What a person needs to see why a run ended so: conditions, failed tasks with their logs, warnings of the namespace. */
export async function explain(cluster: Cluster, end: RunEnd): Promise<string> {
  const lines = [`${end.kind} ${end.namespace}/${end.name}: ${end.reason}: ${end.message}`];
  for (const task of end.tasks) {
    lines.push(`  ${task.task}: ${task.reason}: ${task.message}`);
    if (!['Succeeded', 'Completed'].includes(task.reason)) lines.push(indent(await logOf(cluster, end, task)));
  }
  const events = await cluster.kubectl(['get', 'events', '-n', end.namespace, '--field-selector=type=Warning', '--sort-by=.lastTimestamp']);
  return [...lines, indent(events.stdout.split('\n').slice(-12).join('\n'))].join('\n');
}

/** An object as JSON. Throws StepError `OBJECT_MISSING` with what kubectl said. */
export async function getJson<T>(cluster: Cluster, args: readonly string[]): Promise<T> {
  const { code, stdout, stderr } = await cluster.kubectl(['get', ...args, '-o', 'json']);
  if (code !== 0) throw transientError('OBJECT_MISSING', `kubectl get ${args.join(' ')}: ${stderr.trim()}`);
  return JSON.parse(stdout) as T;
}

async function taskRunsOf(cluster: Cluster, { namespace, name }: RunName): Promise<Run[]> {
  const { items } = await getJson<{ items: Run[] }>(cluster, ['taskrun', '-n', namespace, '-l', `tekton.dev/pipelineRun=${name}`]);
  return items;
}

function succeededOf(run: Run): Condition | undefined {
  return run.status?.conditions?.find(({ type }) => type === 'Succeeded');
}

function resultsOf(run: Run): Record<string, string> {
  return Object.fromEntries((run.status?.results ?? []).map(({ name, value }) => [name, typeof value === 'string' ? value : JSON.stringify(value)]));
}

function indent(text: string): string {
  return text.replace(/^/gm, '    ');
}
