// SPDX-License-Identifier: Apache-2.0
import type { WhenExpression } from './manifest.ts';
import type { StepRecord } from './run-task.ts';
import type { RunIdentity, TaskStatus } from './scope.ts';
import type { Value } from './substitute.ts';

/** Why a task did not run, in the words of Tekton's `SkippingReason` (pkg/apis/pipeline/v1/pipelinerun_types.go). */
export const SKIP = {
  when: 'When Expressions evaluated to false',
  parents: 'Parent Tasks were skipped',
  stopping: 'PipelineRun was stopping',
  cancelled: 'PipelineRun was gracefully cancelled',
  results: 'Results were missing',
  /** Ours: a second interrupt, Tekton's plain `Cancelled`, schedules no finally task and records nothing for it. */
  killed: 'PipelineRun was cancelled',
} as const;

/** The CustomRun that came of a pipeline task. */
export type CustomRunRecord = { apiVersion: string; kind: string; name: string };

/** A pipeline task of a run. `reason` is Tekton's where Tekton has one; times are RFC 3339 in UTC. */
export type TaskRecord = {
  name: string;
  /** The Task, or what the reference to a custom task names ('' when it stands in the Pipeline). */
  task: string;
  section: 'tasks' | 'finally';
  /** The run that came into being, one or the other; neither when the task was skipped, or a result that it consumes was missing. */
  taskRun?: string;
  customRun?: CustomRunRecord;
  state: 'Running' | 'Succeeded' | 'Failed' | 'Cancelled' | 'Skipped';
  reason: string;
  message?: string;
  exitCode?: number;
  /** Failed attempts before the last one, when there were any. */
  retries?: number;
  /** Failed under `onError: continue`: the run goes on, and its outcome does not count it. */
  ignored?: boolean;
  startTime?: string;
  completionTime?: string;
  steps: StepRecord[];
  results: Record<string, Value>;
  /** What a custom task tells beyond that (`status.extraFields` of a CustomRun). */
  extraFields?: Readonly<Record<string, unknown>>;
  /** The expressions as evaluated, when they are why the task was skipped. */
  when?: WhenExpression[];
};

/** The record of a run on a laptop: what a PipelineRun and its TaskRuns tell in a cluster, as one plain JSON document. */
export type PipelineRun = {
  pipeline: string;
  name: string;
  namespace: string;
  uid: string;
  status: 'Running' | 'Succeeded' | 'Completed' | 'Failed' | 'Cancelled';
  reason: string;
  message: string;
  startTime: string;
  completionTime?: string;
  params: Record<string, Value>;
  results: Record<string, Value>;
  tasks: TaskRecord[];
};

/** `$(tasks.<name>.status)` of a task that is done: a task that no run came of is `None`, a cancelled one `Failed`, as in Tekton. */
export function statusOf(record: TaskRecord): TaskStatus {
  const { state, reason } = record;
  if (!hasRun(record) || state === 'Running') return { status: 'None', reason: '' };
  return { status: state === 'Succeeded' ? 'Succeeded' : 'Failed', reason };
}

function hasRun({ taskRun, customRun }: TaskRecord): boolean {
  return taskRun !== undefined || customRun !== undefined;
}

/** `$(tasks.status)` when all ordered tasks are done (Tekton docs/pipelines.md, "Using Aggregate Execution Status of All Tasks"). */
export function aggregateStatus(records: readonly TaskRecord[]): 'Succeeded' | 'Failed' | 'Completed' | 'None' {
  if (records.some(({ state }) => state === 'Running')) return 'None';
  if (records.some((record) => statusOf(record).status === 'Failed')) return 'Failed';
  return records.some((record) => !hasRun(record)) ? 'Completed' : 'Succeeded';
}

/** How the run as a whole ended, by the precedence of Tekton's `GetPipelineConditionStatus`. */
export function outcomeOf(records: readonly TaskRecord[], cancelRequested: boolean): Pick<PipelineRun, 'status' | 'reason' | 'message'> {
  const count = (state: TaskRecord['state']) => records.filter((record) => record.state === state && !record.ignored).length;
  const skipped = count('Skipped');
  const ignored = records.filter((record) => record.ignored).length;
  const failures = `Failed: ${count('Failed') + ignored}${ignored > 0 ? ` (Ignored: ${ignored})` : ''}`;
  const message = `Tasks Completed: ${records.length - skipped} (${failures}, Cancelled ${count('Cancelled')}), Skipped: ${skipped}`;
  const invalid = records.find((record) => record.state === 'Failed' && !hasRun(record));
  if (invalid) return { status: 'Failed', reason: invalid.reason, message };
  if (count('Failed') > 0) return { status: 'Failed', reason: 'Failed', message };
  if (cancelRequested || count('Cancelled') > 0) return { status: 'Cancelled', reason: 'Cancelled', message };
  return skipped > 0 ? { status: 'Completed', reason: 'Completed', message } : { status: 'Succeeded', reason: 'Succeeded', message };
}

/** The document of a run at any moment. */
export function runDocument(
  pipeline: string,
  identity: RunIdentity,
  startTime: string,
  params: ReadonlyMap<string, Value>,
  tasks: readonly TaskRecord[],
): PipelineRun {
  return {
    pipeline,
    ...identity,
    status: 'Running',
    reason: 'Running',
    message: '',
    startTime,
    params: Object.fromEntries(params),
    results: {},
    tasks: [...tasks],
  };
}
