// SPDX-License-Identifier: Apache-2.0
import { type Definitions, definitionOf } from './custom-task.ts';
import type { PipelineTask } from './manifest.ts';
import type { LoadedPipeline } from './pipeline.ts';
import { type Variable, variablesIn, variablesInValue } from './substitute.ts';

export type ResultReference = { task: string; result: string };
/** `parents`: every task that must be done first (runAfter and producers); `consumes`: the results without which the task cannot start. */
export type TaskNode = { use: PipelineTask; parents: ReadonlySet<string>; consumes: readonly ResultReference[] };
export type Graph = { tasks: ReadonlyMap<string, TaskNode>; finally: ReadonlyMap<string, TaskNode> };

/**
 * The order of a Pipeline from runAfter and result references (Tekton docs/pipelines.md, "Configuring the Task execution order"), with every
 * dangling reference and the first cycle as a list of problems.
 */
export function buildGraph({ pipeline, ...definitions }: LoadedPipeline & Definitions): { graph: Graph; problems: string[] } {
  const ordered = new Map(pipeline.spec.tasks.map((use) => [use.name, toNode(use)]));
  const last = new Map((pipeline.spec.finally ?? []).map((use) => [use.name, { ...toNode(use), parents: new Set<string>() }]));
  const problems: string[] = [];
  for (const node of [...ordered.values(), ...last.values()]) {
    const where = `Pipeline ${pipeline.name}, task ${node.use.name}`;
    for (const before of node.use.runAfter ?? []) {
      if (!ordered.has(before)) problems.push(`${where}: runAfter names "${before}", which is no task of the Pipeline`);
    }
    for (const { task, result } of node.consumes) {
      const { title, results } = definitionOf(definitions, task);
      if (!ordered.has(task)) problems.push(`${where}: $(tasks.${task}.results.${result}) refers to no task that runs before it`);
      else if (!results.some(({ name }) => name === result))
        problems.push(`${where}: $(tasks.${task}.results.${result}) refers to a result that ${title} does not declare`);
    }
  }
  const cycle = findCycle(ordered);
  if (cycle) problems.push(`Pipeline ${pipeline.name}: tasks wait for each other: ${cycle.join(' → ')}`);
  return { graph: { tasks: ordered, finally: last }, problems };
}

/** The task and result that a variable such as `$(tasks.sign.results.subject)` means; undefined for any other variable. */
export function toResultReference({ path }: Variable, root: 'tasks' | 'finally' = 'tasks'): ResultReference | undefined {
  const [first, task, kind, result] = path;
  return first === root && kind === 'results' && task !== undefined && result !== undefined ? { task, result } : undefined;
}

function toNode(use: PipelineTask): TaskNode {
  const variables = [
    ...(use.params ?? []).flatMap(({ value }) => variablesInValue(value)),
    ...(use.when ?? []).flatMap(({ input, values }) => [input, ...values].flatMap((text) => variablesIn(text))),
    ...(use.workspaces ?? []).flatMap(({ subPath }) => variablesIn(subPath ?? '')),
  ];
  const consumes = variables.flatMap((variable) => toResultReference(variable) ?? []);
  return { use, consumes, parents: new Set([...(use.runAfter ?? []), ...consumes.map(({ task }) => task)]) };
}

function findCycle(nodes: ReadonlyMap<string, TaskNode>): string[] | undefined {
  const open = new Map([...nodes].map(([name, { parents }]) => [name, new Set([...parents].filter((parent) => nodes.has(parent)))]));
  for (let free = freeOf(open); free.length > 0; free = freeOf(open)) {
    for (const name of free) open.delete(name);
    for (const parents of open.values()) for (const name of free) parents.delete(name);
  }
  const [start] = open.keys();
  if (start === undefined) return undefined;
  const trail = [start];
  // Whatever is left has a parent that is left too, so going from parent to parent must come back to a task already passed.
  for (;;) {
    const [parent] = open.get(trail.at(-1) ?? '') ?? [];
    if (parent === undefined) return trail;
    const seen = trail.indexOf(parent);
    trail.push(parent);
    if (seen >= 0) return trail.slice(seen).reverse();
  }
}

function freeOf(open: ReadonlyMap<string, ReadonlySet<string>>): string[] {
  return [...open].filter(([, parents]) => parents.size === 0).map(([name]) => name);
}
