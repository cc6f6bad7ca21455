// SPDX-License-Identifier: Apache-2.0
import { randomUUID } from 'node:crypto';
import { type Application, isAutomated, operationId, revisionList } from '../../lib/argocd/application.ts';
import type { SyncWindow } from '../../lib/argocd/argocd.ts';
import { deniedError, type StepError, transientError } from '../../lib/errors/errors.ts';
import { type Effort, nextState, observe, pause } from './effort.ts';
import { describeRevisions } from './goal.ts';
import type { Target } from './operation.ts';

const WINDOW_POLL_MS = 15_000;
const BUSY_PAUSE_MS = 1000;

/** Starts our sync; undefined when somebody was faster, so that the situation has to be looked at anew. Throws denied SYNC_WINDOW. */
export async function startSync(effort: Effort): Promise<Target | undefined> {
  await passSyncWindow(effort);
  const { goal, settings, app } = effort;
  const automated = isAutomated(app);
  const prune = wantsPrune(effort);
  // While auto-sync is on, Argo CD refuses every revision but the one it tracks, which was compared with the expected one before.
  const revisions = automated ? undefined : goal.revisions;
  const syncOptions = mergedOptions(app.spec.syncPolicy?.syncOptions ?? [], settings.syncOptions);
  effort.log.info(`strategy: ${automated ? 'auto-sync is on, sync what is tracked' : `sync revision ${describeRevisions(revisions)}`}`, { prune });
  const id = randomUUID();
  const answer = await effort.argo.sync({ id, revisions, prune, syncOptions, retries: settings.retries });
  if (answer.kind === 'started') {
    observe(effort, answer.app);
    return { id };
  }
  if (answer.kind === 'blocked' && settings.window === 'fail') throw windowError(app, []);
  await pause(effort, answer.kind === 'blocked' ? WINDOW_POLL_MS : BUSY_PAUSE_MS, answer.kind === 'blocked' ? 'a sync window' : 'another operation');
  return undefined;
}

/** Whether our sync prunes: as the param says, else as the auto-sync policy does. A sync by API does not take that over by itself. */
export function wantsPrune({ settings, app }: Pick<Effort, 'settings' | 'app'>): boolean {
  return settings.prune === 'app' ? isAutomated(app) && app.spec.syncPolicy?.automated?.prune === true : settings.prune === 'true';
}

/** The application's sync options with ours; undefined when there are none of ours, so that the application's stay in force. */
export function mergedOptions(theirs: readonly string[], ours: readonly string[]): string[] | undefined {
  if (ours.length === 0) return undefined;
  const nameOf = (option: string): string => option.split('=')[0] ?? option;
  const replaced = new Set(ours.map(nameOf));
  return [...theirs.filter((option) => !replaced.has(nameOf(option))), ...ours];
}

async function passSyncWindow(effort: Effort): Promise<void> {
  for (let told = false; ; told = true) {
    const windows = await effort.argo.syncWindows();
    if (windows === undefined || windows.canSync) return;
    if (effort.settings.window === 'fail') throw windowError(effort.app, windows.active);
    if (!told) effort.log.info(`waiting for a sync window to end: ${describeWindows(windows.active)}`);
    await pause(effort, WINDOW_POLL_MS, 'a sync window');
  }
}

/** Denied SYNC_WINDOW. */
export function windowError({ metadata, spec }: Application, active: readonly SyncWindow[]): StepError {
  return deniedError('SYNC_WINDOW', `a sync window of project ${spec.project} forbids to sync application ${metadata.name} now: ${describeWindows(active)}`);
}

function describeWindows(active: readonly SyncWindow[]): string {
  if (active.length === 0) return 'no window that allows it is open';
  return active.map(({ kind, schedule, duration }) => `${kind} at "${schedule}" for ${duration}`).join('; ');
}

/** Lets a foreign operation end, ends it, or fails, as the param says. Throws transient OPERATION_IN_PROGRESS. */
export async function passForeignOperation(effort: Effort): Promise<void> {
  const { app, settings } = effort;
  const who = describeOperation(app);
  if (settings.foreign === 'fail') throw transientError('OPERATION_IN_PROGRESS', `application ${app.metadata.name} is busy: ${who}`);
  effort.log.info(`${settings.foreign === 'terminate' ? 'ending' : 'waiting for'} another operation: ${who}`);
  if (settings.foreign === 'terminate') return endOperation(effort);
  await operationGone(effort, `another operation: ${who}`);
}

/** Ends the running operation and waits until it is gone. */
export async function endOperation(effort: Effort): Promise<void> {
  await effort.argo.terminate();
  await operationGone(effort, 'an operation to be ended');
}

async function operationGone(effort: Effort, what: string): Promise<void> {
  while (effort.app.operation) await nextState(effort, BUSY_PAUSE_MS * 10, what);
}

function describeOperation({ operation, status }: Application): string {
  const state = status?.operationState;
  const by = operation?.initiatedBy?.automated ? 'auto-sync' : operation?.initiatedBy?.username || 'somebody';
  const since = state?.startedAt ? ` since ${state.startedAt}` : '';
  const ours = operationId(operation) === '' ? '' : ' (another run of this Task)';
  const asked = revisionList(operation?.sync);
  const revisions = asked.length > 0 ? asked : revisionList(state?.syncResult);
  return `sync of revision ${describeRevisions(revisions)} by ${by}${ours}${since}`;
}
