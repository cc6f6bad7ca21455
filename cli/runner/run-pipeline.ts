// SPDX-License-Identifier: Apache-2.0
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdtemp, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { asStepError, bugError } from '../../lib/errors/errors.ts';
import { runAttempts } from './attempts.ts';
import { checkRun, type RunPlan, type RunRequest } from './check-run.ts';
import { type CustomReference, type CustomRunInput, customTaskKey } from './custom-task.ts';
import type { TaskNode } from './graph.ts';
import type { PipelineTask } from './manifest.ts';
import { bindParams } from './params.ts';
import { pipelineResults } from './pipeline-results.ts';
import type { Reporter } from './reporter.ts';
import { runCustom } from './run-custom.ts';
import { aggregateStatus, outcomeOf, type PipelineRun, runDocument, SKIP, statusOf, type TaskRecord } from './run-document.ts';
import { runTask, type TaskRunEnd } from './run-task.ts';
import { type Decision, decideFinally, decideTask } from './schedule.ts';
import { addResults, addStatuses, pipelineScope, type RunIdentity } from './scope.ts';
import { scopeKey, substituteValue, type Value } from './substitute.ts';
import { bindWorkspaces } from './workspace.ts';

export type RunOptions = RunRequest & {
  reporter: Reporter;
  /** First interrupt: running ordered tasks are stopped, finally tasks still run (Tekton's CancelledRunFinally). */
  signal: AbortSignal;
  /** Second interrupt: everything is killed and no finally task starts (Tekton's Cancelled). */
  killSignal?: AbortSignal;
  /** Existing folder in which the run makes, and at its end removes, its own. */
  tempRoot: string;
  now: () => Date;
  identity?: RunIdentity;
  /** PATH of the steps; that of this process by default. */
  path?: string;
  /** Milliseconds that a cancelled step has between SIGTERM and SIGKILL. */
  graceMs?: number;
  /** Gets the document before finally tasks start and at the end; a finally task that reads it finds every ordered task in it. */
  onUpdate?: (run: PipelineRun) => void | Promise<void>;
};

const GRACE_MS = 10_000;

type State = {
  options: RunOptions;
  plan: RunPlan;
  identity: RunIdentity;
  startTime: string;
  root: string;
  kill: AbortSignal;
  scope: Map<string, Value>;
  records: Map<string, TaskRecord>;
  running: Map<string, Promise<void>>;
};

/**
 * Runs a Pipeline on this machine with Tekton's order, `when`, failure and `finally` rules, and gives the record of the run, whatever came of it.
 * Rejects only before anything has started (one input error, see `checkRun`) or when the temporary folder fails.
 */
export async function runPipeline(options: RunOptions): Promise<PipelineRun> {
  const plan = await checkRun(options);
  const root = await mkdtemp(join(options.tempRoot, 'run-'));
  const exit = new AbortController();
  const onExit = () => exit.abort();
  process.once('exit', onExit);
  const quiet = announceCancel(options);
  try {
    const identity = options.identity ?? newIdentity(options.pipeline.name);
    const state: State = {
      options,
      plan,
      identity,
      root,
      startTime: options.now().toISOString(),
      kill: AbortSignal.any([exit.signal, ...(options.killSignal ? [options.killSignal] : [])]),
      scope: pipelineScope(options.pipeline, identity, plan.params, new Set(Object.keys(plan.workspaces))),
      records: new Map(),
      running: new Map(),
    };
    await runOrdered(state);
    await runLast(state);
    const run = finish(state);
    await options.onUpdate?.(run);
    return run;
  } finally {
    quiet();
    process.removeListener('exit', onExit);
    await rm(root, { recursive: true, force: true });
  }
}

async function runOrdered(state: State): Promise<void> {
  const { graph } = state.plan;
  const pending = new Map(graph.tasks);
  while (pending.size > 0) {
    const before = pending.size;
    for (const [name, node] of pending) {
      const ended = new Map([...state.records].filter(([, record]) => record.state !== 'Running'));
      const decision = attempt(() => decideTask(node, { ended, scope: state.scope, cancelled: isCancelled(state) }));
      if (decision.kind === 'wait') continue;
      pending.delete(name);
      carryOut(state, node, decision, 'tasks');
    }
    // A skip can free tasks that stood earlier in the list; only when nothing moved any more is it time to wait for a process.
    if (pending.size < before) continue;
    if (state.running.size === 0) throw bugError('RUNNER_STUCK', `nothing runs, yet tasks wait: ${[...pending.keys()].join(', ')}`);
    await Promise.race(state.running.values());
  }
  await Promise.all(state.running.values());
}

async function runLast(state: State): Promise<void> {
  const { graph } = state.plan;
  const ordered = [...state.records.values()];
  addStatuses(state.scope, new Map(ordered.map((record) => [record.name, statusOf(record)])), aggregateStatus(ordered));
  if (graph.finally.size === 0) return;
  // A finally task that reads the document cannot tell a cancelled run from a failed one by `$(tasks.status)`.
  const cancelled = outcomeOf(ordered, isCancelled(state)).status === 'Cancelled';
  await state.options.onUpdate?.({ ...documentOf(state), ...(cancelled && { status: 'Cancelled', reason: 'CancelledRunningFinally' }) });
  for (const node of graph.finally.values()) {
    const decision = state.kill.aborted ? { kind: 'skip' as const, reason: SKIP.killed } : attempt(() => decideFinally(node, state.scope));
    carryOut(state, node, decision, 'finally');
  }
  await Promise.all(state.running.values());
}

/** A value that a variable asks for can turn out wrong (an array index out of bounds): that task fails, the run goes on by its rules. */
function attempt(decide: () => Decision): Decision {
  try {
    return decide();
  } catch (error) {
    return { kind: 'fail', reason: 'InvalidTaskResultReference', message: asStepError(error).message };
  }
}

function carryOut(state: State, node: TaskNode, decision: Decision, section: TaskRecord['section']): void {
  const { name } = node.use;
  const { tasks, customs } = state.options;
  const custom = customs.get(name);
  const task = (custom ?? tasks.get(name))?.name ?? '';
  const blank = { name, task, section, steps: [], results: {} };
  if (decision.kind === 'skip') {
    end(state, { ...blank, state: 'Skipped', reason: decision.reason, ...(decision.when && { when: decision.when }) });
  } else if (decision.kind === 'fail') {
    end(state, { ...blank, state: 'Failed', reason: decision.reason, message: decision.message });
  } else {
    const run = `${state.identity.name}-${name}`;
    const which = custom ? { customRun: { apiVersion: custom.apiVersion, kind: custom.kind, name: run } } : { taskRun: run };
    const record: TaskRecord = { ...blank, ...which, state: 'Running', reason: 'Running', startTime: state.options.now().toISOString() };
    state.records.set(name, record);
    state.options.reporter.taskStarted(name);
    const ignored = node.use.onError === 'continue';
    const work = start(state, node, section, run).then(({ results, ...ending }) => {
      state.running.delete(name);
      end(state, {
        ...record,
        ...ending,
        ...(ignored && ending.state === 'Failed' && { ignored }),
        results: Object.fromEntries(results),
        completionTime: state.options.now().toISOString(),
      });
    });
    state.running.set(name, work);
  }
}

async function start(state: State, { use }: TaskNode, section: TaskRecord['section'], run: string): Promise<TaskRunEnd> {
  const { options, kill } = state;
  // A finally task is not interrupted by the first signal: it is what the first signal leaves time for.
  const cancel = section === 'tasks' ? options.signal : kill;
  const custom = options.customs.get(use.name);
  if (custom) return startCustom(state, use, custom, { run, cancel });
  return runAttempts(
    use,
    cancel,
    (number, signal) => startOnce(state, use, { taskRun: run, number, cancel: signal }),
    ({ message, reason }, next) => options.reporter.line(use.name, `attempt ${next} failed: ${message ?? reason}; trying again`),
  );
}

async function startOnce(state: State, use: PipelineTask, attempt: { taskRun: string; number: number; cancel: AbortSignal }): Promise<TaskRunEnd> {
  const { options, plan, identity, kill } = state;
  const folder = join(state.root, attempt.number === 0 ? use.name : `${use.name}.retry${attempt.number}`);
  try {
    const task = options.tasks.get(use.name);
    if (task === undefined) throw new Error(`task ${use.name} has no Task`);
    const given = givenParams(state, use);
    const { values, problems } = bindParams(task.spec.params ?? [], given, `Task ${task.name}`);
    if (problems.length > 0) return invalid(problems.join('; '));
    return await runTask({
      pipelineTask: use.name,
      task,
      taskRun: { name: attempt.taskRun, namespace: identity.namespace, uid: randomUUID() },
      retryCount: attempt.number,
      params: values,
      workspaces: await bindWorkspaces(use, state.scope, plan.workspaces, folder),
      folder,
      path: options.path ?? process.env['PATH'] ?? '',
      resolveContainer: options.resolveContainer,
      onLine: (text) => options.reporter.line(use.name, text),
      cancel: attempt.cancel,
      kill,
      graceMs: options.graceMs ?? GRACE_MS,
      now: options.now,
    });
  } catch (error) {
    return invalid(asStepError(error).message);
  }
}

function startCustom(state: State, use: PipelineTask, reference: CustomReference, { run, cancel }: { run: string; cancel: AbortSignal }): Promise<TaskRunEnd> {
  const { options, plan, identity, kill } = state;
  const prepare = async (): Promise<CustomRunInput> => ({
    pipelineTask: use.name,
    reference,
    customRun: { name: run, namespace: identity.namespace, uid: randomUUID() },
    pipelineRun: identity.name,
    params: givenParams(state, use),
    workspaces: await bindWorkspaces(use, state.scope, plan.workspaces, join(state.root, use.name)),
    timeout: use.timeout,
    retries: use.retries ?? 0,
    onLine: (text) => options.reporter.line(use.name, text),
    cancel,
    now: options.now,
  });
  return runCustom(options.customTasks?.get(customTaskKey(reference)), prepare, kill);
}

function givenParams({ scope }: State, { params = [], retries = 0 }: PipelineTask): Map<string, Value> {
  const own = new Map(scope).set(scopeKey('context', 'pipelineTask', 'retries'), String(retries));
  return new Map(params.map(({ name, value }) => [name, substituteValue(value, own)]));
}

function end(state: State, record: TaskRecord): void {
  state.records.set(record.name, record);
  addResults(state.scope, record.section, record.name, Object.entries(record.results));
  state.options.reporter.taskEnded(record);
}

function finish(state: State): PipelineRun {
  const run = documentOf(state);
  Object.assign(run, outcomeOf(run.tasks, isCancelled(state)), { completionTime: state.options.now().toISOString() });
  const { results, problems } = pipelineResults(state.options.pipeline, state.scope, state.records);
  run.results = results;
  if (problems.length > 0) {
    run.message = `${run.message}; ${problems.join('; ')}`;
    if (run.status === 'Succeeded' || run.status === 'Completed') Object.assign(run, { status: 'Failed', reason: 'CouldntGetPipelineResult' });
  }
  return run;
}

function documentOf(state: State): PipelineRun {
  const { pipeline } = state.options;
  const order = [...pipeline.spec.tasks, ...(pipeline.spec.finally ?? [])].flatMap(({ name }) => state.records.get(name) ?? []);
  return runDocument(pipeline.name, state.identity, state.startTime, state.plan.params, order);
}

function isCancelled({ options, kill }: State): boolean {
  return options.signal.aborted || kill.aborted;
}

function invalid(message: string): TaskRunEnd {
  return { state: 'Failed', reason: 'TaskRunValidationFailed', message, steps: [], results: new Map() };
}

function newIdentity(pipeline: string): RunIdentity {
  return { name: `${pipeline}-${randomBytes(3).toString('hex')}`, namespace: 'default', uid: randomUUID() };
}

function announceCancel({ signal, killSignal, reporter }: RunOptions): () => void {
  const onCancel = () => reporter.notice('cancelling: running tasks are stopped, finally tasks still run; interrupt again to stop everything at once');
  const onKill = () => reporter.notice('stopping everything at once');
  signal.addEventListener('abort', onCancel, { once: true });
  killSignal?.addEventListener('abort', onKill, { once: true });
  return () => {
    signal.removeEventListener('abort', onCancel);
    killSignal?.removeEventListener('abort', onKill);
  };
}
