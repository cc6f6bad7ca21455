// SPDX-License-Identifier: Apache-2.0
import type { ResultReference, TaskNode } from './graph.ts';
import type { WhenExpression } from './manifest.ts';
import { SKIP, type TaskRecord } from './run-document.ts';
import { type Scope, scopeKey, variablesIn } from './substitute.ts';
import { evaluateWhen } from './when.ts';

export type Decision =
  | { kind: 'wait' | 'start' }
  | { kind: 'skip'; reason: string; when?: WhenExpression[] }
  | { kind: 'fail'; reason: string; message: string };

/** What is known of a run when a task's turn is judged: finished tasks by name, variables so far, and whether new tasks may start. */
export type Moment = { ended: ReadonlyMap<string, TaskRecord>; scope: Scope; cancelled: boolean };

/**
 * What to do with an ordered task that has not started: the rules and their precedence in Tekton's `ResolvedPipelineTask.skip`
 * (pkg/reconciler/pipelinerun/resources/pipelinerunresolution.go).
 *
 * - A failed task, or a cancel, starts nothing new; one that failed under `onError: continue` stops nothing.
 * - A parent skipped by its own `when` does not hold up a task that only runs after it; one that needs its result is skipped, and so is
 *   everything after that one.
 * - A result that a successful parent did not write makes the task fail without running.
 */
export function decideTask({ use, parents, consumes }: TaskNode, { ended, scope, cancelled }: Moment): Decision {
  if (cancelled) return { kind: 'skip', reason: SKIP.cancelled };
  if ([...ended.values()].some(({ state, ignored }) => (state === 'Failed' && !ignored) || state === 'Cancelled'))
    return { kind: 'skip', reason: SKIP.stopping };
  const before = [...parents].map((name) => ended.get(name));
  if (before.some((parent) => parent?.state === 'Skipped' && parent.reason !== SKIP.when)) return { kind: 'skip', reason: SKIP.parents };
  if (before.includes(undefined)) return { kind: 'wait' };

  const missing = consumes.filter((reference) => !hasResult(scope, reference));
  if (missing.some(({ task }) => ended.get(task)?.state === 'Skipped')) return { kind: 'skip', reason: SKIP.results };
  const guards = (use.when ?? []).flatMap(({ input, values }) => [input, ...values].flatMap((text) => variablesIn(text)));
  if (!guards.some(({ path }) => missing.some(({ task, result }) => scopeKey(...path.slice(0, 4)) === scopeKey('tasks', task, 'results', result)))) {
    const { allowed, resolved } = evaluateWhen(use.when ?? [], scope);
    if (!allowed) return { kind: 'skip', reason: SKIP.when, when: resolved };
  }
  const [first] = missing;
  if (first === undefined) return { kind: 'start' };
  return { kind: 'fail', reason: 'InvalidTaskResultReference', message: `task ${first.task} did not write its result "${first.result}"` };
}

/** What to do with a finally task once all ordered tasks are done (Tekton's `IsFinallySkipped`): it starts whatever happened before, unless it reads a result that is not there. */
export function decideFinally({ use, consumes }: TaskNode, scope: Scope): Decision {
  if (consumes.some((reference) => !hasResult(scope, reference))) return { kind: 'skip', reason: SKIP.results };
  const { allowed, resolved } = evaluateWhen(use.when ?? [], scope);
  return allowed ? { kind: 'start' } : { kind: 'skip', reason: SKIP.when, when: resolved };
}

function hasResult(scope: Scope, { task, result }: ResultReference): boolean {
  return scope.has(scopeKey('tasks', task, 'results', result));
}
