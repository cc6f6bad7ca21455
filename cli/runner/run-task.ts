// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { asStepError } from '../../lib/errors/errors.ts';
import type { Task } from './pipeline.ts';
import { readResults } from './results.ts';
import { type OutputStream, runStep, type StepEnd } from './run-step.ts';
import { type RunIdentity, taskScope } from './scope.ts';
import { type PlannedStep, placesOf, planSteps, type ResolveContainer, TASK_FOLDERS } from './step-plan.ts';
import type { Value } from './substitute.ts';

export type TaskRunInput = {
  pipelineTask: string;
  task: Task;
  taskRun: RunIdentity;
  /** How many attempts failed before, `$(context.task.retry-count)`. */
  retryCount?: number;
  params: ReadonlyMap<string, Value>;
  /** Workspace name → host folder; an optional workspace may be missing. */
  workspaces: ReadonlyMap<string, string>;
  /** The TaskRun's own folder: results, home, temp and emptyDir volumes. Made when missing, never removed here. */
  folder: string;
  /** PATH for the steps. Nothing else of the caller's environment reaches them: a laptop's holds credentials. */
  path: string;
  resolveContainer: ResolveContainer;
  onLine: (text: string, stream: OutputStream) => void;
  cancel: AbortSignal;
  kill: AbortSignal;
  /** Milliseconds between SIGTERM and SIGKILL. */
  graceMs: number;
  now: () => Date;
};

export type StepRecord = { name: string; image: string; exitCode?: number };
/** How a TaskRun ended; `reason` is Tekton's where Tekton has one. `exitCode` is that of the step that failed. */
export type TaskRunEnd = {
  state: 'Succeeded' | 'Failed' | 'Cancelled';
  reason: string;
  message?: string;
  exitCode?: number;
  steps: StepRecord[];
  results: ReadonlyMap<string, Value>;
};

/**
 * Runs the steps of one Task in order until one fails, and reads the declared results (also after a failure, as Tekton's entrypoint does).
 * Never rejects: whatever goes wrong is a failed TaskRun with a reason.
 */
export async function runTask(input: TaskRunInput): Promise<TaskRunEnd> {
  const steps: StepRecord[] = [];
  try {
    const places = placesOf(input.task, input.folder, input.workspaces);
    for (const folder of [...Object.values(TASK_FOLDERS).map((name) => `${input.folder}/${name}`), ...places.mounts.values()]) {
      await mkdir(folder, { recursive: true });
    }
    const scope = taskScope(input.task, input.taskRun, input.params, places, input.retryCount);
    let end: Ending = { state: 'Succeeded', reason: 'Succeeded' };
    for (const step of planSteps(input.task, scope, places)) {
      end = await runOne(step, input, steps);
      if (end.state !== 'Succeeded') break;
    }
    const { results, problems } = await readResults(input.task.spec.results ?? [], places.results, input.now());
    return { ...withProblems(end, problems), steps, results };
  } catch (error) {
    const { message, hint } = asStepError(error);
    return { state: 'Failed', reason: 'TaskRunValidationFailed', message: hint ? `${message} (${hint})` : message, steps, results: new Map() };
  }
}

type Ending = Pick<TaskRunEnd, 'state' | 'reason' | 'message' | 'exitCode'>;

async function runOne(step: PlannedStep, input: TaskRunInput, steps: StepRecord[]): Promise<Ending> {
  if (input.cancel.aborted || input.kill.aborted) return cancelled(step.name);
  const container = await input.resolveContainer(step, { task: input.task.name, pipelineTask: input.pipelineTask });
  const end = await runStep(
    {
      command: [...container.command, ...step.args],
      cwd: step.workingDir ?? container.cwd ?? input.folder,
      env: { PATH: input.path, ...container.env, ...step.env },
    },
    input,
  );
  const record: StepRecord = { name: step.name, image: step.image };
  if (end.exitCode !== undefined) record.exitCode = end.exitCode;
  steps.push(record);
  return judge(step, end, input);
}

function judge(step: PlannedStep, end: StepEnd, { cancel, kill }: TaskRunInput): Ending {
  if (end.problem !== undefined) return { state: 'Failed', reason: 'TaskRunStepNotStarted', message: `step ${step.name} did not start: ${end.problem}` };
  if (cancel.aborted || kill.aborted) return { ...cancelled(step.name), exitCode: end.exitCode };
  if (end.exitCode === 0) return { state: 'Succeeded', reason: 'Succeeded' };
  return { state: 'Failed', reason: 'Failed', message: `step ${step.name} exited with ${end.exitCode}`, exitCode: end.exitCode };
}

function withProblems(end: Ending, problems: readonly string[]): Ending {
  if (problems.length === 0) return end;
  if (end.state === 'Succeeded') return { state: 'Failed', reason: 'TaskRunResultsInvalid', message: problems.join('; ') };
  return { ...end, message: [end.message, ...problems].join('; ') };
}

function cancelled(step: string): Ending {
  return { state: 'Cancelled', reason: 'TaskRunCancelled', message: `cancelled at step ${step}` };
}
