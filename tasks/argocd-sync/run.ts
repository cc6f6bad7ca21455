// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { type Application, isAutomated } from '../../lib/argocd/application.ts';
import type { ArgoCd } from '../../lib/argocd/argocd.ts';
import { follow } from '../../lib/argocd/follow.ts';
import type { ResourceChange } from '../../lib/argocd/resource-diff.ts';
import { inputError, StepError } from '../../lib/errors/errors.ts';
import { repositoryName } from '../../lib/reference/reference.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import { connect } from './connect.ts';
import type { Effort } from './effort.ts';
import { describeRevisions } from './goal.ts';
import { countChanges, previewChanges } from './preview.ts';
import { reach } from './reach.ts';
import { applicationResults, writeReport } from './report.ts';
import { trackedRevisions } from './situation.ts';
import type { spec } from './spec.ts';

/** How long to wait until Argo CD sees a commit that was just pushed: Git servers with replicas need a while. */
const REVISION_MS = 60_000;

/** Syncs and waits, or shows what a sync would do. Once the application was seen, its state is in the results also when the answer is no or there is none. */
export async function run(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  const started = deps.now().getTime();
  const { params } = inputs;
  if (params.image === undefined && (params['allow-newer'] || params['other-images'] !== undefined)) {
    throw inputError('IMAGE_MISSING', 'allow-newer=true and other-images are about what runs beside the param image, and that is empty');
  }
  const { argo, close } = await connect(inputs, deps);
  const stop = new AbortController();
  try {
    const signal = AbortSignal.any([deps.signal, stop.signal]);
    const app = await argo.refresh('normal');
    const effort = openEffort({ inputs, deps, argo, app, started, signal });
    deps.log.info(
      `application ${app.metadata.name} tracks ${describeRevisions(trackedRevisions(app))}, auto-sync is ${isAutomated(app) ? 'on' : 'off'}; wanted is ${describeRevisions(effort.goal.revisions)}`,
    );
    return await finish(effort, inputs, deps);
  } finally {
    stop.abort();
    close();
  }
}

async function finish(effort: Effort, { params, workspaces }: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  let error: StepError | undefined;
  let changes: ResourceChange[] | undefined;
  try {
    if (params['dry-run']) changes = await previewChanges(effort);
    else await reach(effort);
  } catch (thrown) {
    // An abort is told by the frame, which knows whose it was.
    if (!(thrown instanceof StepError) || deps.signal.aborted) throw thrown;
    error = thrown;
  } finally {
    effort.follower.close();
  }
  const outcome = { app: effort.app, url: effort.argo.url, changes, error };
  await writeReport(workspaces.reports, outcome);
  const subject = params.image === undefined ? '' : `${repositoryName(params.image)}@${params.image.digest}`;
  return { results: { subject, ...applicationResults(outcome, countChanges) }, ...(error && { denied: error }) };
}

type Opening = { inputs: Inputs<typeof spec>; deps: StepDeps; argo: ArgoCd; app: Application; started: number; signal: AbortSignal };

function openEffort({ inputs: { params }, deps, argo, app, started, signal }: Opening): Effort {
  const margin = Math.min(3000, params.timeout / 10);
  return {
    argo,
    follower: follow({ argo, log: deps.log, signal }),
    goal: {
      revisions: params.revision,
      allowNewer: params['allow-newer'],
      later: new Set(),
      image: params.image,
      otherDigests: params['other-images'],
    },
    settings: {
      prune: params.prune,
      syncOptions: params['sync-options'],
      retries: params.retries,
      foreign: params['foreign-operation'],
      window: params['sync-window'],
      stableMs: params['stable-for'],
      revisionMs: Math.min(REVISION_MS, params.timeout / 2),
    },
    log: deps.log,
    now: () => deps.now().getTime(),
    sleep: (ms) => delay(ms, undefined, { signal }).catch(() => undefined),
    deadline: started + params.timeout - margin,
    app,
    told: '',
  };
}
