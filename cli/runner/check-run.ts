// SPDX-License-Identifier: Apache-2.0
import { asStepError, inputError } from '../../lib/errors/errors.ts';
import { type CustomTasks, customTaskKey, definitionOf } from './custom-task.ts';
import { buildGraph, type Graph, type TaskNode } from './graph.ts';
import type { ParamSpec } from './manifest.ts';
import { bindParams, placeholder } from './params.ts';
import type { LoadedPipeline, Task } from './pipeline.ts';
import { addResults, addStatuses, pipelineScope, taskScope } from './scope.ts';
import { placesOf, planSteps, type ResolveContainer } from './step-plan.ts';
import { type Scope, substituteText, substituteValue, type Value, variablesIn } from './substitute.ts';
import { evaluateWhen } from './when.ts';
import { bindingProblems, type WorkspaceBindings, workspaceProblems } from './workspace.ts';

/** What somebody wants to run, with what. */
export type RunRequest = LoadedPipeline & {
  params?: Readonly<Record<string, Value>>;
  workspaces?: WorkspaceBindings;
  /** What stands in for the controllers of custom tasks. */
  customTasks?: CustomTasks;
  resolveContainer: ResolveContainer;
};

/** A request that can start: the graph, the params with defaults, the workspaces. */
export type RunPlan = { graph: Graph; params: ReadonlyMap<string, Value>; workspaces: WorkspaceBindings };

const NOBODY = { name: '', namespace: '', uid: '' };

/**
 * Checks a whole run before anything starts: params, workspaces, order, references, every variable of every step, and that each image has a
 * stand-in. All that is wrong is told in one input error (RUNNER_INPUT), a line each; custom tasks that nothing stands in for come first (RUNNER_UNSUPPORTED).
 */
export async function checkRun(request: RunRequest): Promise<RunPlan> {
  const { pipeline, workspaces = {} } = request;
  refuseUnknownCustomTasks(request);
  const { graph, problems } = buildGraph(request);
  const params = bindParams(pipeline.spec.params ?? [], new Map(Object.entries(request.params ?? {})), `Pipeline ${pipeline.name}`);
  problems.push(...params.problems, ...(await workspaceProblems(pipeline, workspaces)));
  const bound = new Set(Object.keys(workspaces));
  const scope = scopeBeforeRun(request, params.values, bound);
  for (const node of graph.tasks.values()) problems.push(...(await checkTask(request, node, scope.early, bound)));
  for (const node of graph.finally.values()) problems.push(...(await checkTask(request, node, scope.late, bound)));
  problems.push(...checkResults(request, scope.late));
  const all = [...new Set(problems)];
  if (all.length > 0) throw inputError('RUNNER_INPUT', all.join('\n'));
  return { graph, params: params.values, workspaces };
}

/** Every variable that can ever have a value, with stand-ins for what only the run will tell. */
function scopeBeforeRun(request: RunRequest, params: ReadonlyMap<string, Value>, bound: ReadonlySet<string>): { early: Scope; late: Scope } {
  const { pipeline } = request;
  const early = pipelineScope(pipeline, NOBODY, withPlaceholders(pipeline.spec.params ?? [], params), bound);
  for (const { name } of pipeline.spec.tasks) addResults(early, 'tasks', name, resultPlaceholders(request, name));
  const late = new Map(early);
  addStatuses(late, new Map(pipeline.spec.tasks.map(({ name }) => [name, { status: 'None' as const, reason: '' }])), 'None');
  return { early, late };
}

async function checkTask(
  { pipeline, tasks, customs, resolveContainer }: RunRequest,
  { use }: TaskNode,
  scope: Scope,
  bound: ReadonlySet<string>,
): Promise<string[]> {
  const where = `Pipeline ${pipeline.name}, task ${use.name}`;
  const task = tasks.get(use.name);
  if (task === undefined && !customs.has(use.name)) return [`${where}: its Task is missing`];
  const problems = bindingProblems(use, task, pipeline, bound);
  const note = (what: string, act: () => void) => {
    try {
      act();
    } catch (error) {
      problems.push(`${where}: ${what}${asStepError(error).message}`);
    }
  };
  const given = new Map<string, Value>();
  for (const { name, value } of use.params ?? []) {
    if (given.has(name)) problems.push(`${where}: param "${name}" is given twice`);
    given.set(name, '');
    note(`param "${name}": `, () => given.set(name, substituteValue(value, scope)));
  }
  note('when: ', () => evaluateWhen(use.when ?? [], scope));
  for (const { name, subPath = '' } of use.workspaces ?? []) note(`workspace "${name}": `, () => substituteText(subPath, scope));
  if (task === undefined) return problems;
  const params = bindParams(task.spec.params ?? [], given, `${where}: Task ${task.name}`);
  problems.push(...params.problems);
  problems.push(...(await checkSteps(task, use.name, withPlaceholders(task.spec.params ?? [], params.values), where, resolveContainer)));
  return problems;
}

async function checkSteps(
  task: Task,
  pipelineTask: string,
  params: ReadonlyMap<string, Value>,
  where: string,
  resolveContainer: ResolveContainer,
): Promise<string[]> {
  try {
    const places = placesOf(task, '', new Map((task.spec.workspaces ?? []).map(({ name }) => [name, ''])));
    const steps = planSteps(task, taskScope(task, NOBODY, params, places), places);
    for (const [position, step] of steps.entries()) {
      // An image that depends on a param is only known when the task starts.
      if (variablesIn(task.spec.steps[position]?.image ?? '').length === 0) await resolveContainer(step, { task: task.name, pipelineTask });
    }
    return [];
  } catch (error) {
    return [`${where}: ${asStepError(error).message}`];
  }
}

function refuseUnknownCustomTasks({ pipeline, customs, customTasks }: RunRequest): void {
  const unknown = [...customs].filter(([, reference]) => !customTasks?.has(customTaskKey(reference)));
  if (unknown.length === 0) return;
  const lines = unknown.map(
    ([name, reference]) => `Pipeline ${pipeline.name}, task ${name}: the custom task ${customTaskKey(reference)} is not supported by the laptop runner`,
  );
  throw inputError('RUNNER_UNSUPPORTED', lines.join('\n'), { hint: 'take the task out, or run this Pipeline in a cluster' });
}

function checkResults(request: RunRequest, scope: Scope): string[] {
  const { pipeline } = request;
  const late = new Map(scope);
  for (const { name } of pipeline.spec.finally ?? []) addResults(late, 'finally', name, resultPlaceholders(request, name));
  return (pipeline.spec.results ?? []).flatMap(({ name, value }) => {
    try {
      substituteValue(value, late);
      return [];
    } catch (error) {
      return [`Pipeline ${pipeline.name}, result ${name}: ${asStepError(error).message}`];
    }
  });
}

function withPlaceholders(specs: readonly ParamSpec[], values: ReadonlyMap<string, Value>): Map<string, Value> {
  return new Map(specs.map(({ name, type, properties }) => [name, values.get(name) ?? placeholder(type, properties)]));
}

function resultPlaceholders(request: RunRequest, pipelineTask: string): [string, Value][] {
  return definitionOf(request, pipelineTask).results.map(({ name, type, properties }) => [name, placeholder(type, properties)]);
}
