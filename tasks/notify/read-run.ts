// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { refusedError } from '../../lib/errors/errors.ts';
import { isKubeError } from '../../lib/kube/api-error.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { resource } from '../../lib/kube/resource.ts';
import { MAX_TASKS, type RunFacts, type TaskFact } from './facts.ts';
import type { RunPlace } from './params.ts';

const AT_ONCE = 4;
/** Kinds that a task of a Pipeline can be, and where they are. */
const PLURALS: Record<string, string> = { TaskRun: 'taskruns', CustomRun: 'customruns' };

const Condition = z.object({ type: z.string(), status: z.string(), reason: z.string().optional(), message: z.string().optional() });
const PipelineRun = z.object({
  spec: z.object({ status: z.string().optional() }).optional(),
  status: z
    .object({
      startTime: z.string().optional(),
      childReferences: z.array(z.object({ apiVersion: z.string().optional(), kind: z.string(), name: z.string(), pipelineTaskName: z.string() })).optional(),
      skippedTasks: z.array(z.object({ name: z.string(), reason: z.string().optional() })).optional(),
    })
    .optional(),
});
const Child = z.object({
  metadata: z.object({ annotations: z.record(z.string(), z.string()).optional() }).optional(),
  spec: z.object({ status: z.string().optional() }).optional(),
  status: z
    .object({
      conditions: z.array(Condition).optional(),
      completionTime: z.string().optional(),
      results: z.array(z.object({ name: z.string(), value: z.unknown() })).optional(),
    })
    .optional(),
});
type Reference = { apiVersion?: string | undefined; kind: string; name: string; pipelineTaskName: string };

/**
 * The facts of a PipelineRun and of the TaskRuns and CustomRuns that its `childReferences` name (Tekton, "Monitoring execution status"): needs `get` on pipelineruns, taskruns and
 * customruns. Throws refused KUBE_*; KUBE_ANSWER_INVALID for objects of another shape.
 */
export async function readRun(client: KubeClient, { namespace, name }: Pick<RunPlace, 'namespace' | 'name'>): Promise<RunFacts> {
  const run = parse(PipelineRun, await client.get(resource('tekton.dev/v1', 'pipelineruns'), { namespace, name }), `PipelineRun ${name}`);
  const references = (run.status?.childReferences ?? []).filter(({ kind }) => PLURALS[kind] !== undefined).slice(0, MAX_TASKS);
  const tasks: TaskFact[] = [];
  for (let at = 0; at < references.length; at += AT_ONCE) {
    const facts = await Promise.all(references.slice(at, at + AT_ONCE).map((reference) => readChild(client, namespace, reference)));
    tasks.push(...facts.filter((fact) => fact !== undefined));
  }
  for (const skipped of run.status?.skippedTasks?.slice(0, MAX_TASKS) ?? [])
    tasks.push({ name: skipped.name, state: 'Skipped', reason: skipped.reason ?? '', message: '', ignored: false, results: {}, completionTime: undefined });
  return { cancelled: /^Cancelled/.test(run.spec?.status ?? ''), startTime: run.status?.startTime, tasks };
}

async function readChild(client: KubeClient, namespace: string, reference: Reference): Promise<TaskFact | undefined> {
  const { kind, name, pipelineTaskName, apiVersion = kind === 'TaskRun' ? 'tekton.dev/v1' : 'tekton.dev/v1beta1' } = reference;
  const object = await client.get(resource(apiVersion, PLURALS[kind] ?? ''), { namespace, name }).catch((error: unknown) => {
    // Somebody tidied it up meanwhile.
    if (!isKubeError(error, 'KUBE_NOT_FOUND')) throw error;
  });
  if (object === undefined) return undefined;
  const { metadata, spec, status } = parse(Child, object, `${kind} ${name}`);
  const condition = status?.conditions?.find(({ type }) => type === 'Succeeded');
  return {
    name: pipelineTaskName,
    state: stateOf(condition?.status, /Cancelled$/.test(spec?.status ?? '')),
    reason: condition?.reason ?? '',
    message: condition?.message ?? '',
    ignored: metadata?.annotations?.['pipeline.tekton.dev/pipeline-task-on-error'] === 'continue',
    results: Object.fromEntries((status?.results ?? []).flatMap((result) => (typeof result.value === 'string' ? [[result.name, result.value]] : []))),
    completionTime: status?.completionTime,
  };
}

function stateOf(status: string | undefined, cancelled: boolean): TaskFact['state'] {
  if (status === 'True') return 'Succeeded';
  if (status !== 'False') return 'Running';
  return cancelled ? 'Cancelled' : 'Failed';
}

function parse<T>(shape: z.ZodType<T>, object: unknown, what: string): T {
  const parsed = shape.safeParse(object);
  if (parsed.success) return parsed.data;
  throw refusedError('KUBE_ANSWER_INVALID', `${what} has another shape than Tekton documents (at ${parsed.error.issues[0]?.path.join('.')})`);
}
