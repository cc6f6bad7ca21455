// SPDX-License-Identifier: Apache-2.0
import { type Application, type OperationState, operationId, revisionList } from '../../lib/argocd/application.ts';
import { asStepError, deniedError, type StepError } from '../../lib/errors/errors.ts';
import { type Effort, nextState } from './effort.ts';
import { failuresOf, isDenied, syncError } from './failures.ts';
import { describeRevisions, type Goal, matchesRevisions } from './goal.ts';
import { willDo } from './later.ts';
import { windowError } from './sync.ts';

/** The operation that is waited for: ours by its id, or an adopted one by its start. */
export type Target = { id: string; startedAt?: undefined } | { startedAt: string; id?: undefined };

/** What one state says about the operation: go on waiting, held back by a sync window, replaced by another one, done, or failed. */
export type OperationVerdict = { kind: 'wait' | 'blocked' | 'lost' | 'succeeded' } | { kind: 'failed'; error: StepError };

const POLL_MS = 10_000;

/** Judges one state. A failed object fails the operation at once when admission refused it, or when Argo CD has tried again as often as it may. */
export function judgeOperation(app: Application, target: Target, goal: Goal, retries: number): OperationVerdict {
  const state = app.status?.operationState;
  if (!state || !isTarget(state, target)) {
    const isPending = target.id !== undefined && operationId(app.operation) === target.id;
    return { kind: isPending ? 'wait' : 'lost' };
  }
  switch (state.phase) {
    case 'Succeeded':
      return judgeRevision(app, state, goal);
    case 'Failed':
    case 'Error':
      return { kind: 'failed', error: syncError(app, state) };
    default:
      return judgeRunning(app, state, retries);
  }
}

/** Waits for the end of the operation: true when it succeeded, false when another one took its place. Throws what `judgeOperation` judged, and then ends what is left of our own operation, since a failing one blocks later commits. */
export async function awaitOperation(effort: Effort, target: Target): Promise<boolean> {
  const { goal, settings } = effort;
  for (let told = false; ; ) {
    const verdict = judgeOperation(effort.app, target, goal, settings.retries);
    if (verdict.kind === 'succeeded') return true;
    if (verdict.kind === 'lost') return false;
    if (
      verdict.kind === 'failed' &&
      verdict.error.code === 'REVISION_MISMATCH' &&
      (await willDo(effort, revisionList(effort.app.status?.operationState?.syncResult)))
    )
      continue;
    if (verdict.kind === 'failed') return giveUp(effort, target, verdict.error);
    if (verdict.kind === 'blocked') {
      if (settings.window === 'fail') return giveUp(effort, target, windowError(effort.app, []));
      if (!told) effort.log.info('the operation waits for a sync window to end');
      told = true;
    }
    await nextState(effort, POLL_MS, 'the sync operation');
  }
}

function isTarget(state: OperationState, target: Target): boolean {
  return target.id !== undefined ? operationId(state.operation) === target.id : state.startedAt === target.startedAt;
}

function judgeRunning(app: Application, state: OperationState, retries: number): OperationVerdict {
  if (/blocked by sync window/i.test(state.message)) return { kind: 'blocked' };
  const failures = failuresOf(state);
  const isFinal = isDenied(failures) || (failures.length > 0 && state.retryCount >= retries);
  return isFinal && state.phase === 'Running' ? { kind: 'failed', error: syncError(app, state) } : { kind: 'wait' };
}

function judgeRevision(app: Application, state: OperationState, goal: Goal): OperationVerdict {
  const synced = revisionList(state.syncResult);
  if (matchesRevisions(goal, synced)) return { kind: 'succeeded' };
  return { kind: 'failed', error: revisionError(app, synced, goal) };
}

/** Denied REVISION_MISMATCH. */
export function revisionError({ metadata }: Application, found: readonly string[], { revisions }: Goal): StepError {
  return deniedError('REVISION_MISMATCH', `application ${metadata.name} is at revision ${describeRevisions(found)}, expected ${describeRevisions(revisions)}`);
}

async function giveUp(effort: Effort, { id }: Target, error: StepError): Promise<never> {
  if (id !== undefined && operationId(effort.app.operation) === id) {
    await effort.argo.terminate().catch((cause) => effort.log.warn('our operation could not be ended; it goes on', { cause: asStepError(cause).message }));
  }
  throw error;
}
