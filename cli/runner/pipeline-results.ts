// SPDX-License-Identifier: Apache-2.0
import { toResultReference } from './graph.ts';
import type { Pipeline } from './pipeline.ts';
import type { TaskRecord } from './run-document.ts';
import { type Scope, substituteValue, type Value, variablesInValue } from './substitute.ts';

/**
 * The Pipeline's results from what the tasks left. One that refers to a task that did not succeed is left out; one that a successful task did not
 * write is a problem (Tekton's `ApplyTaskResultsToPipelineResults`).
 */
export function pipelineResults(
  pipeline: Pipeline,
  scope: Scope,
  records: ReadonlyMap<string, TaskRecord>,
): { results: Record<string, Value>; problems: string[] } {
  const results: Record<string, Value> = {};
  const problems: string[] = [];
  for (const { name, value } of pipeline.spec.results ?? []) {
    const references = variablesInValue(value).flatMap((variable) => toResultReference(variable, variable.path[0] === 'finally' ? 'finally' : 'tasks') ?? []);
    const missing = references.filter(({ task, result }) => !Object.hasOwn(records.get(task)?.results ?? {}, result));
    const unwritten = missing.find(({ task }) => records.get(task)?.state === 'Succeeded');
    if (unwritten) problems.push(`result "${name}": task ${unwritten.task} did not write its result "${unwritten.result}"`);
    else if (missing.length === 0) results[name] = substituteValue(value, scope);
  }
  return { results, problems };
}
