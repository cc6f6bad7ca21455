// SPDX-License-Identifier: Apache-2.0
import { type Application, isAutomated, type Operation, operationId, revisionList } from '../../lib/argocd/application.ts';
import { type Goal, matchesRevisions } from './goal.ts';

/**
 * Where an application stands to the goal.
 * `current`: it is synced there, nothing is to be started. `adopt`: the running operation does what we would ask for. `settling`: an operation was set and
 * the controller has not taken it up. `stuck`: auto-sync, or another run of this Task, failed and only waits for its next attempt, which keeps every later commit waiting, too.
 * `foreign`: another operation runs. `unseen`: auto-sync tracks another revision than the expected one, and Argo CD
 * would refuse ours. `start`: a sync has to be started.
 */
export type Situation = 'current' | 'adopt' | 'settling' | 'stuck' | 'foreign' | 'unseen' | 'start';

/** Judges a state of the application that is fresh (after a refresh). `prune` is whether our sync would prune. */
export function situationOf(app: Application, goal: Goal, prune: boolean): Situation {
  if (app.operation) return runningSituation(app, app.operation, goal, prune);
  if (isCurrent(app, goal)) return 'current';
  return isAutomated(app) && !matchesRevisions(goal, trackedRevisions(app)) ? 'unseen' : 'start';
}

/** What the last comparison found where the application tracks. */
export function trackedRevisions({ status }: Application): string[] {
  return revisionList(status?.sync);
}

/** What the last whole sync brought, when it succeeded. A dry run and a sync of single objects (self-heal) say nothing about that. */
export function syncedRevisions({ status }: Application): string[] | undefined {
  const state = status?.operationState;
  if (state?.phase !== 'Succeeded' || !isWhole(state.operation)) return undefined;
  return revisionList(state.syncResult);
}

function runningSituation(app: Application, operation: Operation, goal: Goal, prune: boolean): Situation {
  const state = app.status?.operationState;
  if (!state || !['Running', 'Terminating'].includes(state.phase)) return 'settling';
  const isReplaceable = operation.initiatedBy?.automated === true || operationId(operation) !== '';
  // An operation that runs and has a time of its end waits for its next attempt; what failed in the last one may be mended since.
  if (state.phase === 'Running' && state.finishedAt !== '' && isReplaceable) return 'stuck';
  const asked = revisionList(operation.sync);
  const revisions = asked.length > 0 ? asked : revisionList(state.syncResult);
  const isSame = revisions.length > 0 && matchesRevisions({ ...goal, revisions: goal.revisions ?? trackedRevisions(app) }, revisions);
  return isSame && state.phase === 'Running' && isWhole(operation) && (!prune || operation.sync?.prune === true) ? 'adopt' : 'foreign';
}

function isCurrent(app: Application, goal: Goal): boolean {
  const state = app.status?.operationState;
  // A hook that failed leaves an application synced whose operation failed.
  if (state && isWhole(state.operation) && state.phase !== 'Succeeded') return false;
  const isSynced = app.status?.sync?.status === 'Synced';
  const tracksOurs = matchesRevisions(goal, trackedRevisions(app));
  if (isSynced && tracksOurs) return true;
  const synced = syncedRevisions(app);
  if (goal.revisions === undefined || synced === undefined || !matchesRevisions(goal, synced)) return false;
  // Our revision was synced and the branch went on: with other folders alone (still synced), or nobody syncs it by itself.
  return isSynced || (!isAutomated(app) && !tracksOurs);
}

function isWhole({ sync }: Operation): boolean {
  return sync !== null && sync !== undefined && !sync.dryRun && sync.resources.length === 0;
}
