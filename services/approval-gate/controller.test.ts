// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttp } from '../../lib/http/http.ts';
import { createKubeClient } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/resource.ts';
import { type FakeApiServer, startFakeApiServer, status } from '../../lib/kube/test-api-server.ts';
import { createLogger } from '../../lib/log/log.ts';
import { API_VERSION, GATE_KIND, VOTE_POLICY } from './api.ts';
import { runController } from './controller.ts';
import type { CustomRunStatus } from './custom-run.ts';
import { toTime } from './custom-run.ts';
import { createGateMetrics, type GateMetrics } from './metrics.ts';
import { aPolicy } from './test-gate.ts';

const RUNS = '/apis/tekton.dev/v1beta1/namespaces/shop/customruns';
const VOTES = `/apis/${API_VERSION}/namespaces/shop/approvalvotes`;
const ADMISSION = '/apis/admissionregistration.k8s.io/v1';

let api: FakeApiServer;
let http: ReturnType<typeof createHttp>;
let stop: AbortController;
let running: Promise<void>;
let metrics: GateMetrics;
let lines: string[];

beforeEach(async () => {
  api = await startFakeApiServer();
  lines = [];
  protect('Deny');
  start();
});
afterEach(async () => {
  await halt();
  await api.close();
});

function protect(action: string): void {
  const rules = [{ resources: ['approvalvotes'], operations: ['CREATE'] }];
  api.put(`${ADMISSION}/validatingadmissionpolicies/${VOTE_POLICY}`, {
    spec: { failurePolicy: 'Fail', matchConstraints: { resourceRules: rules }, validations: [{}] },
  });
  api.put(`${ADMISSION}/validatingadmissionpolicybindings/${VOTE_POLICY}`, { spec: { policyName: VOTE_POLICY, validationActions: [action] } });
}

function start(): void {
  stop = new AbortController();
  metrics = createGateMetrics();
  const log = createLogger({ write: (line) => void lines.push(line), format: 'text', now: () => new Date() });
  http = createHttp({ log, signal: stop.signal, env: {}, retry: { attempts: 2, baseMs: 1, capMs: 1 } });
  const client = createKubeClient({ http, connection: { server: api.url } });
  const sleep = (ms: number, signal: AbortSignal) => delay(Math.min(ms, 10), undefined, { signal });
  const settings = { namespace: undefined, concurrency: 4, resyncMs: 60_000, instance: 'test', silenceMs: 300 };
  running = runController({ ...settings, client, metrics, log, now: Date.now, sleep, random: () => 0.1 }, stop.signal);
}

async function halt(): Promise<void> {
  stop.abort();
  await running;
  http.close();
}

function createGate(name: string, spec: object = {}): KubeObject {
  return api.put(`${RUNS}/${name}`, { spec: { customSpec: { apiVersion: API_VERSION, kind: GATE_KIND, spec: aPolicy() }, ...spec } });
}

let serial = 0;
function vote(run: KubeObject, user: string, decision = 'approve'): KubeObject {
  serial += 1;
  const gateRef = { customRun: run.metadata.name, uid: run.metadata.uid, attempt: 1 };
  return api.put(`${VOTES}/vote-${serial}`, {
    metadata: { creationTimestamp: toTime(Date.now()) },
    spec: { gateRef, decision, user, comment: '', groups: [] },
  });
}

const statusOf = (name: string) => api.get(`${RUNS}/${name}`)?.['status'] as CustomRunStatus | undefined;
const reasonOf = (name: string) => statusOf(name)?.conditions?.[0]?.reason;

async function until(done: () => boolean): Promise<void> {
  for (const end = Date.now() + 8000; Date.now() < end; await delay(5)) if (done()) return;
  throw new Error(`not reached:\n${lines.join('')}\n${api.seen.slice(-20).join('\n')}`);
}
const becomes = (name: string, reason: string) => until(() => reasonOf(name) === reason);

describe('the controller', () => {
  test('opens, counts and approves, and comes to rest', async () => {
    const run = createGate('g');
    await becomes('g', 'Started');
    vote(run, 'alice');
    await becomes('g', 'Running');
    vote(run, 'bob');
    await becomes('g', 'Approved');
    await delay(50);
    const writes = api.seen.filter((line) => line.startsWith('PATCH'));
    expect(writes).toHaveLength(3);
    expect(metrics.text()).toContain('approval_gate_decisions_total{decision="approved"} 1');
  });

  test('leaves foreign and finished runs without a single request', async () => {
    createGate('mine');
    api.put(`${RUNS}/foreign`, { spec: { customRef: { apiVersion: 'other.dev/v1', kind: 'Wait' } } });
    createGate('done', {});
    await becomes('done', 'Started');
    const finished = api.put(`${RUNS}/done`, {
      ...api.get(`${RUNS}/done`),
      status: { conditions: [{ type: 'Succeeded', status: 'False', reason: 'Rejected' }] },
    });
    await becomes('mine', 'Started');
    await delay(50);
    api.put(`${RUNS}/done`, { ...finished, spec: { ...(finished['spec'] as object), status: 'RunCancelled' } });
    await delay(50);
    expect(reasonOf('done')).toBe('Rejected');
    expect(statusOf('foreign')).toBeUndefined();
    expect(api.seen.some((line) => line.includes('/foreign'))).toBe(false);
  });

  test('knows what was there before it, votes included', async () => {
    await halt();
    const run = createGate('early');
    vote(run, 'alice');
    vote(run, 'bob');
    start();
    await becomes('early', 'Approved');
  });

  test('looks at no gate before it knows the votes', async () => {
    await halt();
    createGate('early');
    api.trouble({ path: '/approvalvotes', watch: false, answer: (response) => status(response, 403, 'Forbidden') });
    api.seen.length = 0;
    start();
    await becomes('early', 'Started');
    const lists = api.seen.flatMap((line, at) => (line.startsWith('GET') && line.includes('/approvalvotes?limit') ? [at] : []));
    expect(lists).toHaveLength(2);
    expect(api.seen.findIndex((line) => line.startsWith('PATCH'))).toBeGreaterThan(lists[1] ?? 0);
  });

  test('writes on what it read: after a conflict it decides anew', async () => {
    const run = createGate('g');
    await becomes('g', 'Started');
    // Somebody cancels between the controller's look and its write.
    api.trouble({
      method: 'PATCH',
      answer: (response) => {
        const now = api.get(`${RUNS}/g`);
        api.put(`${RUNS}/g`, { ...now, spec: { ...(now?.['spec'] as object), status: 'RunCancelled' } });
        status(response, 409, 'Conflict');
      },
    });
    vote(run, 'alice');
    await becomes('g', 'CustomRunCancelled');
  });

  test('a run that is deleted while it decides is let go', async () => {
    api.trouble({
      method: 'PATCH',
      answer: (response) => {
        api.remove(`${RUNS}/g`);
        status(response, 404, 'NotFound');
      },
    });
    createGate('g');
    await until(() => api.get(`${RUNS}/g`) === undefined);
    await delay(50);
    expect(lines.join('')).not.toContain('tried again');
  });

  test.each([500, 429, 403])('an API server that answers %i is asked again until it takes the status', async (code) => {
    for (let count = 0; count < 3; count += 1) api.trouble({ method: 'PATCH', answer: (response) => status(response, code, 'Trouble') });
    createGate('g');
    await becomes('g', 'Started');
    expect(metrics.text()).toMatch(/reconcile_errors_total\{code="\w+"\} [1-9]/);
  });

  test.each([
    ['a cut connection', () => api.endWatches('cut')],
    ['a clean end', () => api.endWatches('cleanly')],
    ['silence', () => api.stall()],
    [
      '410',
      () => {
        api.endWatches('cut');
        api.compact();
      },
    ],
    [
      'half an object',
      () => {
        api.sendRaw('{"type":');
        api.endWatches('cleanly');
      },
    ],
    [
      'a refused list after 410',
      () => {
        api.endWatches('cut');
        api.compact();
        api.trouble({ watch: false, method: 'GET', answer: (response) => status(response, 429, 'TooManyRequests') });
      },
    ],
  ])('no vote is missed because of %s', async (_what, disturb) => {
    const run = createGate('g');
    await becomes('g', 'Started');
    await until(() => api.watches() === 2);
    disturb();
    vote(run, 'alice');
    vote(run, 'bob');
    await becomes('g', 'Approved');
  });

  test('a vote that was withdrawn does not count, although the watch has not told', async () => {
    const run = createGate('g');
    await becomes('g', 'Started');
    const withdrawn = vote(run, 'alice');
    await becomes('g', 'Running');
    await until(() => api.watches() === 2);
    api.stall();
    api.remove(`${VOTES}/${withdrawn.metadata.name}`);
    vote(run, 'bob');
    await until(() => JSON.stringify(statusOf('g')?.extraFields).includes('"user":"bob"'));
    expect(reasonOf('g')).toBe('Running');
  });

  test('approves nothing while votes could be forged', async () => {
    const run = createGate('g');
    await becomes('g', 'Started');
    protect('Warn');
    vote(run, 'alice');
    vote(run, 'bob');
    await until(() => lines.join('').includes('VOTES_UNPROTECTED'));
    expect(reasonOf('g')).not.toBe('Approved');
    vote(run, 'carol', 'reject');
    await becomes('g', 'Rejected');
  });

  test('times a gate out without being told', async () => {
    createGate('g', { timeout: '1s' });
    await becomes('g', 'CustomRunTimedOut');
  });

  test('an Event that cannot be written changes nothing', async () => {
    api.trouble({ method: 'POST', path: '/events', answer: (response) => status(response, 403, 'Forbidden') });
    createGate('g');
    await becomes('g', 'Started');
    await until(() => lines.join('').includes('an event could not be written'));
  });
});
