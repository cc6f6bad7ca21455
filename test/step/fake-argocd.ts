// SPDX-License-Identifier: Apache-2.0
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

export const TOKEN = 'argocd-token-5521-otter';
export const REVISION = '1'.repeat(40);
export const OLD_REVISION = '0'.repeat(40);

// biome-ignore lint/suspicious/noExplicitAny: an Application as JSON, which tests change at will
export type Json = any;
export type ArgoRequest = { method: string; path: string; query: URLSearchParams; body: Json };
/** An answer in place of the fake's own; `cut` closes the connection, `done-and-cut` after the fake has done what it was asked for. */
export type ArgoFault = { status: number; body?: string; headers?: Record<string, string> } | 'cut' | 'done-and-cut';

/** Argo CD as the step sees it, with one application whose story each test tells. */
export type FakeArgoCd = {
  url: string;
  requests: ArgoRequest[];
  /** The application, with a field `git`: what the fake takes for the head of the branch. */
  app: Json;
  windows: Json;
  managed: Json[];
  nodes: Json[];
  wire: ((request: ArgoRequest) => ArgoFault | undefined) | undefined;
  /** What happens after a sync was taken; unless a test says otherwise, it succeeds. */
  afterSync: () => void;
  /** Changes the application and tells everybody who follows. */
  update: (change: (app: Json) => void, type?: string) => void;
  later: (ms: number, act: () => void) => void;
  /** The operation ends; `more` is merged into the operation state. */
  finish: (phase: string, more?: Json) => void;
  /** A new application, healthy and synced at a revision that Git has left behind; nothing of the story so far goes on. */
  reset: () => void;
  close: () => Promise<void>;
};

type Answer = { status: number; json: Json } | 'stream';

export async function startFakeArgoCd(): Promise<FakeArgoCd> {
  const followers = new Set<ServerResponse>();
  const fake = createFake(followers);
  const server = createServer((request, response) => {
    void serve(fake, followers, request, response).catch((error: unknown) => response.destroy(error as Error));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  fake.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  fake.close = async () => {
    fake.reset();
    server.closeAllConnections();
    await new Promise<void>((resolve) => server.close(() => resolve()));
  };
  fake.reset();
  return fake;
}

function createFake(followers: Set<ServerResponse>): FakeArgoCd {
  let version = 100;
  let timers: NodeJS.Timeout[] = [];
  const fake: FakeArgoCd = {
    url: '',
    requests: [],
    app: undefined,
    windows: undefined,
    managed: [],
    nodes: [],
    wire: undefined,
    afterSync: () => undefined,
    update(change, type = 'MODIFIED') {
      change(fake.app);
      version += 1;
      fake.app.metadata.resourceVersion = `${version}`;
      for (const follower of followers) follower.write(eventLine(type, fake.app));
    },
    later: (ms, act) => void timers.push(setTimeout(act, ms)),
    finish: (phase, more = {}) => fake.update((app) => endOperation(app, phase, more)),
    reset() {
      for (const timer of timers) clearTimeout(timer);
      for (const follower of followers) follower.destroy();
      timers = [];
      version += 1;
      Object.assign(fake, { windows: { canSync: true }, managed: [], nodes: [], wire: undefined, app: freshApp(`${version}`) });
      fake.requests.length = 0;
      fake.afterSync = () => {
        fake.later(30, () => fake.update((app) => startOperation(app)));
        fake.later(80, () => fake.finish('Succeeded'));
      };
    },
    close: async () => undefined,
  };
  return fake;
}

async function serve(fake: FakeArgoCd, followers: Set<ServerResponse>, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const chunks: Buffer[] = [];
  for await (const chunk of request) chunks.push(chunk as Buffer);
  const { pathname, searchParams } = new URL(request.url ?? '/', 'http://fake');
  const text = Buffer.concat(chunks).toString();
  const seen = { method: request.method ?? '', path: pathname.replace('/api/v1', ''), query: searchParams, body: text === '' ? undefined : JSON.parse(text) };
  fake.requests.push(seen);
  const fault = fake.wire?.(seen);
  if (fault === 'done-and-cut') answerTo(fake, seen);
  if (fault === 'cut' || fault === 'done-and-cut') {
    response.destroy();
    return;
  }
  if (fault !== undefined) {
    response.writeHead(fault.status, { 'content-type': 'application/json', ...fault.headers }).end(fault.body ?? '{}');
    return;
  }
  const answer = request.headers.authorization === `Bearer ${TOKEN}` ? answerTo(fake, seen) : refusal(401, 'invalid session: token is not valid');
  if (answer === 'stream') {
    response.writeHead(200).write(eventLine('ADDED', fake.app));
    followers.add(response);
    response.on('close', () => followers.delete(response));
  } else response.writeHead(answer.status, { 'content-type': 'application/json' }).end(JSON.stringify(answer.json));
}

function answerTo(fake: FakeArgoCd, { method, path, query, body }: ArgoRequest): Answer {
  if (path === '/stream/applications') return 'stream';
  const [, name, rest = ''] = /^\/applications\/([^/]+)(\/.*)?$/.exec(path) ?? [];
  const project = method === 'POST' ? body.project : query.get('project');
  if (name !== fake.app.metadata.name || project !== fake.app.spec.project) return refusal(404, `applications.argoproj.io "${name}" not found`);
  const parts: Json = { '/syncwindows': fake.windows, '/managed-resources': { items: fake.managed }, '/resource-tree': { nodes: fake.nodes } };
  if (parts[rest]) return { status: 200, json: parts[rest] };
  if (rest === '/sync') return sync(fake, body);
  if (rest === '/operation') {
    fake.update((app) => Object.assign(app.status.operationState, { phase: 'Terminating' }));
    fake.later(40, () => fake.finish('Failed', { message: 'Operation terminated' }));
    return { status: 200, json: {} };
  }
  if (query.get('refresh')) fake.update(compare);
  return { status: 200, json: fake.app };
}

function sync(fake: FakeArgoCd, body: Json): Answer {
  if (fake.app.operation) return refusal(400, 'another operation is already in progress');
  if (fake.app.spec.syncPolicy.automated && body.revision !== undefined && body.revision !== 'main') {
    return refusal(400, `Cannot sync to ${body.revision}: auto-sync currently set to main`);
  }
  fake.update((app) => {
    app.operation = {
      sync: { revision: body.revision ?? app.git, prune: body.prune },
      info: body.infos,
      initiatedBy: { username: 'ci' },
      retry: body.retryStrategy,
    };
    delete app.status.operationState;
  });
  fake.afterSync();
  return { status: 200, json: fake.app };
}

/** The controller takes the operation up; `more` is merged into its state. */
export function startOperation(app: Json, more: Json = {}): void {
  const { operation } = app;
  app.status.operationState = { operation, phase: 'Running', startedAt: at(0), syncResult: { revision: operation.sync.revision }, ...more };
}

function endOperation(app: Json, phase: string, more: Json): void {
  startOperation(app, { phase, finishedAt: at(0), ...more });
  delete app.operation;
}

/** What the controller does at a refresh. `Pinned` is a sync status that a test has set and that stays. */
function compare(app: Json): void {
  const { status } = app;
  const synced = status.operationState?.phase === 'Succeeded' ? status.operationState.syncResult.revision : OLD_REVISION;
  status.sync.revision = app.git;
  if (status.sync.status !== 'Pinned') status.sync.status = synced === app.git ? 'Synced' : 'OutOfSync';
}

/** Some seconds from now, as Kubernetes writes times. */
export function at(seconds: number): string {
  return new Date(Date.now() + seconds * 1000).toISOString().replace(/\.\d+Z$/, 'Z');
}

/** An object in the answer of managed-resources, as Git wants it. */
export function managed(object: Json): Json {
  const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
  const text = JSON.stringify(object);
  const states = { liveState: text, targetState: text, normalizedLiveState: text, predictedLiveState: text };
  return { group, version, kind: object.kind, name: object.metadata.name, namespace: 'shop', ...states };
}

export function deploymentOf(image: string): Json {
  return { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'web' }, spec: { template: { spec: { containers: [{ name: 'web', image }] } } } };
}

function eventLine(type: string, application: Json): string {
  return `${JSON.stringify({ result: { type, application } })}\n`;
}

function refusal(status: number, message: string): Answer {
  return { status, json: { error: message, code: 0, message } };
}

function freshApp(resourceVersion: string): Json {
  return {
    git: REVISION,
    metadata: { name: 'shop', namespace: 'argocd', resourceVersion, uid: 'u' },
    spec: { project: 'team', source: { repoURL: 'https://git.example.com/x', targetRevision: 'main' }, syncPolicy: {} },
    status: {
      sync: { status: 'OutOfSync', revision: OLD_REVISION },
      health: { status: 'Healthy', lastTransitionTime: at(-600) },
      history: [{ revision: OLD_REVISION }],
      resources: [],
    },
  };
}
