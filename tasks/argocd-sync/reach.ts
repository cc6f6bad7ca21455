// SPDX-License-Identifier: Apache-2.0
import type { Application } from '../../lib/argocd/application.ts';
import { type Effort, nextState, pause, refresh } from './effort.ts';
import { invalidError } from './failures.ts';
import { describeRevisions, matchesRevisions } from './goal.ts';
import { awaitHealth } from './health.ts';
import { willDo } from './later.ts';
import { awaitOperation, revisionError, type Target } from './operation.ts';
import { imageProblem, refuseWrongImage } from './running-images.ts';
import { situationOf, trackedRevisions } from './situation.ts';
import { endOperation, passForeignOperation, startSync, wantsPrune } from './sync.ts';

const REVISION_POLL_MS = 5000;
const SETTLE_MS = 5000;
const LOST_PAUSE_MS = 1000;

/** Brings the application to the goal and waits until it has been there for a while; starts nothing where it is there. Throws one of the failures of the spec. */
export async function reach(effort: Effort): Promise<void> {
  const unseenUntil = effort.now() + effort.settings.revisionMs;
  let toldUnseen = false;
  await refuseInvalid(effort);
  for (;;) {
    await willDo(effort, trackedRevisions(effort.app));
    switch (situationOf(effort.app, effort.goal, wantsPrune(effort))) {
      case 'current':
        effort.log.info('synced already; nothing is started');
        return settle(effort, healthySince(effort.app));
      case 'adopt':
        effort.log.info('the running operation does what is wanted; waiting for it');
        if (await follows(effort, { startedAt: effort.app.status?.operationState?.startedAt ?? '' })) return;
        break;
      case 'settling':
        await nextState(effort, SETTLE_MS, 'the controller to take up an operation');
        break;
      case 'stuck':
        effort.log.info('a sync failed and waits for its next attempt; ending it, to sync now');
        await endOperation(effort);
        await refresh(effort);
        break;
      case 'foreign':
        await passForeignOperation(effort);
        await refresh(effort);
        break;
      case 'unseen':
        if (effort.now() >= unseenUntil) throw revisionError(effort.app, trackedRevisions(effort.app), effort.goal);
        if (!toldUnseen) effort.log.info(`Argo CD sees ${describeRevisions(trackedRevisions(effort.app))}; waiting for the revision`);
        toldUnseen = true;
        await pause(effort, Math.min(REVISION_POLL_MS, effort.settings.revisionMs), 'the revision to be seen');
        await refresh(effort);
        break;
      case 'start': {
        const target = await startSync(effort);
        if (target && (await follows(effort, target))) return;
        await refresh(effort);
      }
    }
  }
}

/** Waits for the operation and then for the application; false when another operation took the place of ours. */
async function follows(effort: Effort, target: Target): Promise<boolean> {
  if (!(await awaitOperation(effort, target))) {
    effort.log.info('another operation took its place; looking anew');
    await pause(effort, LOST_PAUSE_MS, 'the sync operation');
    await refresh(effort);
    return false;
  }
  // Just after an operation the health is that of before; only what comes after this look counts.
  await refresh(effort);
  await settle(effort);
  return true;
}

async function settle(effort: Effort, since?: number): Promise<void> {
  await awaitHealth(effort, since);
  // Once more at the end, since self-heal or a rewriting webhook may have acted; after a look of its own, because Argo CD keeps what it saw.
  if (await imageProblem(effort)) {
    await refresh(effort);
    await refuseWrongImage(effort);
  }
  const newer = matchesRevisions(effort.goal, trackedRevisions(effort.app)) ? '' : `; it tracks ${describeRevisions(trackedRevisions(effort.app))} by now`;
  effort.log.info(`synced, healthy${effort.goal.image ? ' and running the expected digest' : ''}${newer}`);
}

/** Rendering errors are kept for a while by Argo CD, so they count only when a look past its cache finds them again. */
async function refuseInvalid(effort: Effort): Promise<void> {
  if (!invalidError(effort.app)) return;
  const error = invalidError(await refresh(effort, 'hard'));
  if (error) throw error;
}

/** Since when it has been healthy and synced, by the clock of Argo CD. */
function healthySince({ status }: Application): number | undefined {
  const times = [status?.health?.lastTransitionTime, status?.operationState?.finishedAt]
    .map((time) => Date.parse(time ?? ''))
    .filter((time) => !Number.isNaN(time));
  return times.length === 0 ? undefined : Math.max(...times);
}
