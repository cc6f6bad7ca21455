// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { refusedError, StepError } from '../errors/errors.ts';
import { isKubeError } from '../kube/api-error.ts';
import type { JsonPatch, KubeClient } from '../kube/client.ts';
import { splitLines } from '../kube/json-lines.ts';
import { type KubeObject, resource } from '../kube/resource.ts';
import { type Application, ApplicationShape, OPERATION_INFO, operationId, sourcesOf } from './application.ts';
import type { AppRef, ArgoCd, LiveImage, SyncAnswer, SyncRequest } from './argocd.ts';
import { parseAnswer } from './rest-call.ts';

export type KubernetesOptions = { client: KubeClient; app: AppRef & { namespace: string }; signal: AbortSignal; pollMs?: number };

const APPLICATIONS = resource('argoproj.io/v1alpha1', 'applications');
const REFRESH = 'argocd.argoproj.io/refresh';
const REFRESH_POLL_MS = 500;
const STREAM_SECONDS = 300;
const STREAM_SILENCE_MS = 120_000;
const MAX_EVENT_BYTES = 8 * 1024 * 1024;
const CONFLICTS = 10;
const CODES: Record<string, string> = { KUBE_UNAUTHORIZED: 'ARGOCD_UNAUTHORIZED', KUBE_FORBIDDEN: 'ARGOCD_FORBIDDEN', KUBE_NOT_FOUND: 'ARGOCD_APP_MISSING' };

/**
 * Argo CD by the Application object alone, for core installs, which have no API server: the refresh annotation, and the field `operation` that the
 * controller takes up. Every write carries the version that was read, so two writers cannot overwrite each other's operation. Throws refused
 * ARGOCD_UNAUTHORIZED, ARGOCD_FORBIDDEN, ARGOCD_APP_MISSING (also for an application of another project), and what `KubeClient` throws.
 */
export function createKubernetesArgoCd(options: KubernetesOptions): ArgoCd {
  return {
    get: () => get(options),
    refresh: (how) => refresh(options, how),
    sync: (request) => sync(options, request),
    terminate: () => terminate(options),
    syncWindows: async () => undefined,
    managedResources: async () => undefined,
    images: async (app) => images(app),
    revisionDate: async () => undefined,
    stream: (signal) => stream(options, signal),
    url: '',
  };
}

async function get(options: KubernetesOptions): Promise<Application> {
  const { client, app } = options;
  return check(await named(client.get(APPLICATIONS, place(app))), app);
}

async function refresh(options: KubernetesOptions, how: 'normal' | 'hard'): Promise<Application> {
  await change(options, (app) => [
    ...(app.metadata.annotations ? [] : [{ op: 'add' as const, path: '/metadata/annotations', value: {} }]),
    { op: 'add', path: `/metadata/annotations/${REFRESH.replace('/', '~1')}`, value: how },
  ]);
  for (;;) {
    await delay(options.pollMs ?? REFRESH_POLL_MS, undefined, { signal: options.signal }).catch(() => undefined);
    const app = await get(options);
    // The controller takes the annotation away in the same write that brings the new state.
    if (app.metadata.annotations?.[REFRESH] === undefined) return app;
  }
}

async function sync(options: KubernetesOptions, request: SyncRequest): Promise<SyncAnswer> {
  let busy = false;
  const app = await change(options, (current) => {
    busy = Boolean(current.operation) && operationId(current.operation) !== request.id;
    if (current.operation) return undefined;
    return [
      { op: 'add', path: '/operation', value: operationOf(current, request) },
      // The controller does not clear the outcome of the operation before; left there, it would be taken for that of ours.
      ...(current.status?.operationState ? [{ op: 'remove' as const, path: '/status/operationState' }] : []),
    ];
  });
  return busy ? { kind: 'busy' } : { kind: 'started', app };
}

function operationOf(app: Application, { id, revisions, prune, syncOptions, retries }: SyncRequest): unknown {
  const wanted = sourcesOf(app).map(({ targetRevision }, index) => revisions?.[index] ?? targetRevision);
  return {
    initiatedBy: { username: OPERATION_INFO },
    info: [{ name: OPERATION_INFO, value: id }],
    retry: { limit: retries },
    sync: {
      ...(app.spec.sources.length > 0 ? { revisions: wanted } : { revision: wanted[0] ?? '' }),
      prune,
      syncOptions: syncOptions ?? app.spec.syncPolicy?.syncOptions ?? [],
      syncStrategy: { hook: {} },
    },
  };
}

async function terminate(options: KubernetesOptions): Promise<void> {
  await change(options, ({ operation, status }) =>
    operation && status?.operationState ? [{ op: 'replace', path: '/status/operationState/phase', value: 'Terminating' }] : undefined,
  );
}

/** Reads, patches at the version that was read, and starts over when somebody was faster; undefined changes nothing. */
async function change(options: KubernetesOptions, patchFor: (app: Application) => JsonPatch | undefined): Promise<Application> {
  const { client, app } = options;
  for (let attempt = 1; ; attempt++) {
    const current = await get(options);
    const patch = patchFor(current);
    if (patch === undefined) return current;
    try {
      const locked: JsonPatch = [{ op: 'replace', path: '/metadata/resourceVersion', value: current.metadata.resourceVersion }, ...patch];
      return check(await named(client.patch(APPLICATIONS, place(app), locked)), app);
    } catch (error) {
      if (!isKubeError(error, 'KUBE_CONFLICT') || attempt === CONFLICTS) throw error;
    }
  }
}

/** What was applied by the last operation, and what runs. */
function images({ status }: Application): LiveImage[] {
  const applied = (status?.operationState?.syncResult?.resources ?? []).flatMap(({ kind, namespace, name, images }) =>
    images.map((image) => ({ image, where: `${kind} ${namespace}/${name}` })),
  );
  return [...applied, ...(status?.summary?.images ?? []).map((image) => ({ image, where: 'a pod of the application' }))];
}

async function* stream({ client, app }: KubernetesOptions, signal: AbortSignal): AsyncGenerator<Application | 'deleted'> {
  const request = { namespace: app.namespace, resourceVersion: '', timeoutSeconds: STREAM_SECONDS, silenceMs: STREAM_SILENCE_MS };
  const response = await named(client.watch(APPLICATIONS, request));
  for await (const line of splitLines(response.stream(), MAX_EVENT_BYTES)) {
    if (signal.aborted) return;
    const { type, object } = JSON.parse(line) as { type: string; object: KubeObject };
    if (type === 'ERROR') throw new Error('the API server ended the watch');
    if (type === 'BOOKMARK' || object.metadata.name !== app.name) continue;
    yield type === 'DELETED' ? 'deleted' : check(object, app);
  }
}

function check(object: unknown, { name, project }: AppRef): Application {
  const app = parseAnswer(`read application ${name}`, ApplicationShape, object);
  const actual = app.spec.project || 'default';
  if (actual === project) return app;
  throw refusedError('ARGOCD_APP_MISSING', `application ${name} is in project ${actual}, not in ${project}`, { hint: 'correct the param project' });
}

function place({ namespace, name }: KubernetesOptions['app']): { namespace: string; name: string } {
  return { namespace, name };
}

/** The API server's refusals under the codes of this room, so that a step fails the same way in both modes. */
async function named<T>(answer: Promise<T>): Promise<T> {
  try {
    return await answer;
  } catch (error) {
    const code = error instanceof StepError ? CODES[error.code] : undefined;
    if (!(error instanceof StepError) || code === undefined) throw error;
    throw refusedError(code, error.message, { cause: error.cause, ...(error.hint !== undefined && { hint: error.hint }) });
  }
}
