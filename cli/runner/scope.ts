// SPDX-License-Identifier: Apache-2.0
import type { PipelineSpec } from './manifest.ts';
import type { Pipeline, Task } from './pipeline.ts';
import { type Scope, scopeKey, type Value } from './substitute.ts';

/** Names under which a run and its parts go; `uid` is unique to the run. */
export type RunIdentity = { name: string; namespace: string; uid: string };
export type TaskStatus = { status: 'Succeeded' | 'Failed' | 'None'; reason: string };

/** Variables of a Pipeline's own text that hold from the start (Tekton docs/variables.md, "Variables available in a Pipeline"). */
export function pipelineScope(pipeline: Pipeline, identity: RunIdentity, params: ReadonlyMap<string, Value>, bound: ReadonlySet<string>): Map<string, Value> {
  return new Map<string, Value>([
    ...[...params].map(([name, value]) => [scopeKey('params', name), value] as const),
    ...(pipeline.spec.workspaces ?? []).map(({ name }) => [scopeKey('workspaces', name, 'bound'), String(bound.has(name))] as const),
    [scopeKey('context', 'pipelineRun', 'name'), identity.name],
    [scopeKey('context', 'pipelineRun', 'namespace'), identity.namespace],
    [scopeKey('context', 'pipelineRun', 'uid'), identity.uid],
    [scopeKey('context', 'pipeline', 'name'), pipeline.name],
    [scopeKey('context', 'pipelineTask', 'retries'), '0'],
  ]);
}

/** Adds the results of one task; `root` is `finally` only for the Pipeline's own results. */
export function addResults(scope: Map<string, Value>, root: 'tasks' | 'finally', task: string, results: Iterable<readonly [string, Value]>): void {
  for (const [name, value] of results) scope.set(scopeKey(root, task, 'results', name), value);
}

/** Adds `$(tasks.<name>.status)`, `.reason` and the aggregate `$(tasks.status)`, which only finally tasks and Pipeline results may read. */
export function addStatuses(scope: Map<string, Value>, statuses: ReadonlyMap<string, TaskStatus>, aggregate: string): void {
  for (const [task, { status, reason }] of statuses) {
    scope.set(scopeKey('tasks', task, 'status'), status);
    scope.set(scopeKey('tasks', task, 'reason'), reason);
  }
  scope.set(scopeKey('tasks', 'status'), aggregate);
}

/** Where the parts of one TaskRun lie on this machine; a workspace without a folder is an optional one that nobody bound. */
export type TaskPlaces = { results: string; workspaces: ReadonlyMap<string, string>; mounts: ReadonlyMap<string, string> };

/** Variables of a Task's text (Tekton docs/variables.md, "Variables available in a Task"). */
export function taskScope(task: Task, taskRun: RunIdentity, params: ReadonlyMap<string, Value>, places: TaskPlaces, retryCount = 0): Scope {
  const workspaces = (task.spec.workspaces ?? []).flatMap(({ name }) => {
    const folder = places.workspaces.get(name);
    return [
      [scopeKey('workspaces', name, 'path'), folder ?? ''],
      [scopeKey('workspaces', name, 'bound'), String(folder !== undefined)],
      [scopeKey('workspaces', name, 'claim'), ''],
      [scopeKey('workspaces', name, 'volume'), ''],
    ] as const;
  });
  return new Map<string, Value>([
    ...[...params].map(([name, value]) => [scopeKey('params', name), value] as const),
    ...workspaces,
    ...(task.spec.results ?? []).map(({ name }) => [scopeKey('results', name, 'path'), `${places.results}/${name}`] as const),
    ...[...places.mounts].map(([path, folder]) => [scopeKey('runner', 'mount', path), folder] as const),
    [scopeKey('context', 'taskRun', 'name'), taskRun.name],
    [scopeKey('context', 'taskRun', 'namespace'), taskRun.namespace],
    [scopeKey('context', 'taskRun', 'uid'), taskRun.uid],
    [scopeKey('context', 'task', 'name'), task.name],
    [scopeKey('context', 'task', 'retry-count'), String(retryCount)],
  ]);
}

/**
 * A manifest's literal with a leading container path (`/home/step/x`, or after `=` as in `--out=/home/step/x`) turned into a variable for the
 * folder that stands for it here. Only literals are looked at: what a param's value holds is put in later and stays as it is.
 */
export function mountedLiteral(text: string, mounts: ReadonlyMap<string, string>): string {
  const start = text.startsWith('/') ? 0 : text.indexOf('=') + 1;
  const path = text.slice(start);
  const candidates = [...mounts.keys()].filter((mount) => path === mount || path.startsWith(`${mount}/`));
  const mount = candidates.sort((a, b) => b.length - a.length)[0];
  return mount === undefined ? text : `${text.slice(0, start)}$(runner.mount["${mount}"])${path.slice(mount.length)}`;
}

/** The workspaces of a Pipeline that a run must be given. */
export function requiredWorkspaces(spec: PipelineSpec): string[] {
  return (spec.workspaces ?? []).filter(({ optional }) => !optional).map(({ name }) => name);
}
