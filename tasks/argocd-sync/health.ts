// SPDX-License-Identifier: Apache-2.0
import { type Application, describeResource, isAutomated } from '../../lib/argocd/application.ts';
import { refusedError, type StepError } from '../../lib/errors/errors.ts';
import { type Effort, nextState, observe } from './effort.ts';
import { invalidError, listed, unhealthyObjects } from './failures.ts';
import { matchesRevisions } from './goal.ts';
import { willDo } from './later.ts';
import { revisionError } from './operation.ts';
import { refuseWrongImage } from './running-images.ts';
import { syncedRevisions, trackedRevisions } from './situation.ts';

/** What a state is after the sync. `bad` states are given the stable time before they count, because the first look may be an old one. */
export type Condition = 'good' | 'degraded' | 'out-of-sync' | 'pending';

const POLL_MS = 10_000;
/** Self-heal and mutating controllers need a moment. */
const MIN_OUT_OF_SYNC_MS = 5000;

/** The condition of a state in which our revision was synced. */
export function conditionOf(app: Application, effort: Pick<Effort, 'goal'>): Condition {
  if (app.operation) return 'pending';
  const { sync, health } = app.status ?? {};
  if (health?.status === 'Degraded') return 'degraded';
  if (sync?.status !== 'Synced' && !wentOn(app, effort)) return sync?.status === 'OutOfSync' ? 'out-of-sync' : 'pending';
  return health?.status === 'Healthy' ? 'good' : 'pending';
}

/**
 * Waits until the application was synced and healthy for the stable time; `since` is when it became so, where that is known (ms epoch). Throws refused
 * APP_DEGRADED (at once when it turns so before our eyes), OUT_OF_SYNC, APP_INVALID, denied IMAGE_MISMATCH, denied REVISION_MISMATCH when another revision took its place.
 */
export async function awaitHealth(effort: Effort, since?: number): Promise<void> {
  const { stableMs } = effort.settings;
  let condition = conditionOf(effort.app, effort);
  let from = since ?? effort.now();
  let wasBetter = false;
  let isImageRight = false;
  for (;;) {
    const held = effort.now() - from;
    await refuseReplaced(effort);
    const invalid = invalidError(effort.app);
    if (invalid) throw invalid;
    // Before it is healthy, because a wrong image may be why it is not; but not before it is synced, because the objects are those of before then.
    if (!isImageRight && effort.app.status?.sync?.status === 'Synced') await refuseWrongImage(effort);
    isImageRight ||= effort.app.status?.sync?.status === 'Synced';
    if (condition === 'good' && held >= stableMs && (await isStillGood(effort))) return;
    if (condition === 'degraded' && (wasBetter || held >= stableMs)) throw degradedError(effort.app);
    if (condition === 'out-of-sync' && held >= Math.max(stableMs, MIN_OUT_OF_SYNC_MS)) throw outOfSyncError(effort.app);
    const wait = condition === 'pending' ? POLL_MS : Math.max(50, stableMs - held);
    await nextState(effort, wait, condition === 'good' ? 'it to stay healthy' : 'it to become synced and healthy');
    const now = conditionOf(effort.app, effort);
    if (now === condition) continue;
    wasBetter ||= condition === 'good' || condition === 'pending';
    condition = now;
    from = effort.now();
  }
}

/** A stream that a proxy holds back would hide the end of the good time. */
async function isStillGood(effort: Effort): Promise<boolean> {
  return conditionOf(observe(effort, await effort.argo.get()), effort) === 'good';
}

/** Another whole sync, to a revision that we do not want. */
async function refuseReplaced(effort: Effort): Promise<void> {
  const { app, goal } = effort;
  const synced = syncedRevisions(app);
  if (!synced || matchesRevisions(goal, trackedRevisions(app)) || (await willDo(effort, synced))) return;
  throw revisionError(app, synced, goal);
}

/** Our revision was synced by hand, and what is tracked is another one that nobody syncs by itself. */
function wentOn(app: Application, { goal }: Pick<Effort, 'goal'>): boolean {
  return !isAutomated(app) && goal.revisions !== undefined && !matchesRevisions(goal, trackedRevisions(app));
}

function degradedError(app: Application): StepError {
  const objects = unhealthyObjects(app, 'Degraded');
  const what = `application ${app.metadata.name} is degraded`;
  return refusedError('APP_DEGRADED', objects.length > 0 ? listed(what, objects) : `${what}: ${app.status?.health?.message || 'Argo CD names no object'}`);
}

function outOfSyncError(app: Application): StepError {
  const objects = (app.status?.resources ?? [])
    .filter(({ status }) => status === 'OutOfSync')
    .map((resource) => {
      const message = resource.requiresPruning ? 'is not in Git any more and was not pruned' : 'differs from Git again';
      return { resource: describeResource(resource), by: '', constraint: '', message };
    });
  return refusedError('OUT_OF_SYNC', listed(`application ${app.metadata.name} is out of sync after a sync that succeeded`, objects));
}
