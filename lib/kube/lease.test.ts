// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createHttp } from '../http/http.ts';
import { silentLogger } from '../log/log.ts';
import { createKubeClient } from './client.ts';
import { createLease, type Lease } from './lease.ts';
import { type FakeApiServer, startFakeApiServer, status } from './test-api-server.ts';

const PATH = '/apis/coordination.k8s.io/v1/namespaces/n/leases/l';
/** Short, so that tests wait little; the proportions are the real ones. */
const TIMES = { durationMs: 1000, renewDeadlineMs: 300, retryMs: 30 };

let api: FakeApiServer;
let http: ReturnType<typeof createHttp>;
let errors: unknown[];
let stop: AbortController;

beforeEach(async () => {
  api = await startFakeApiServer();
  http = createHttp({ log: silentLogger, env: {}, retry: { attempts: 1, baseMs: 1, capMs: 1 } });
  errors = [];
  stop = new AbortController();
});
afterEach(async () => {
  stop.abort();
  http.close();
  await api.close();
});

function leaseOf(identity: string, now = () => performance.now()): Lease {
  // A request that hung in one test fails in the next.
  const told = errors;
  return createLease({
    client: createKubeClient({ http, connection: { server: api.url } }),
    namespace: 'n',
    name: 'l',
    identity,
    times: TIMES,
    now: () => Date.parse('2026-03-01T12:00:00Z') + now(),
    sleep: (ms, signal) => delay(ms, undefined, { signal }),
    random: () => 0,
    onError: (error) => told.push(error),
  });
}
const spec = () => api.get(PATH)?.['spec'] as Record<string, unknown> | undefined;
const cannot = () => api.trouble({ path: '/leases', answer: (response) => status(response, 500, 'Down') });

describe('the lease', () => {
  test('is taken when there is none, in the shape that other clients read', async () => {
    await leaseOf('a').acquire(stop.signal);
    expect(spec()).toEqual({
      holderIdentity: 'a',
      leaseDurationSeconds: 1,
      acquireTime: expect.stringMatching(/^2026-03-01T12:00:\d\d\.\d{6}Z$/),
      renewTime: expect.any(String),
      leaseTransitions: 0,
    });
  });

  test('is left to a holder that renews', async () => {
    const [a, b] = [leaseOf('a'), leaseOf('b')];
    await a.acquire(stop.signal);
    const held = a.hold(stop.signal);
    let taken = false;
    const waiting = b.acquire(stop.signal).then(
      () => {
        taken = true;
      },
      () => undefined,
    );
    await delay(1500);
    expect(taken).toBe(false);
    expect(spec()).toMatchObject({ holderIdentity: 'a' });
    stop.abort();
    expect(await held).toBe('stopped');
    await waiting;
  });

  test('is taken over when the holder says nothing for its duration, by our own clock', async () => {
    await leaseOf('a').acquire(stop.signal);
    api.put(PATH, { ...api.get(PATH), spec: { ...spec(), renewTime: '2001-01-01T00:00:00.000000Z' } });
    const started = performance.now();
    await leaseOf('b').acquire(stop.signal);
    expect(performance.now() - started).toBeGreaterThan(TIMES.durationMs);
    expect(spec()).toMatchObject({ holderIdentity: 'b', leaseTransitions: 1 });
  });

  test('is free at once when it was given up', async () => {
    const a = leaseOf('a');
    await a.acquire(stop.signal);
    await a.release();
    const started = performance.now();
    await leaseOf('b').acquire(stop.signal);
    expect(performance.now() - started).toBeLessThan(TIMES.durationMs / 2);
  });

  test('of somebody else is not given up', async () => {
    await leaseOf('a').acquire(stop.signal);
    await leaseOf('b').release();
    expect(spec()).toMatchObject({ holderIdentity: 'a' });
  });

  test('goes to one of many', async () => {
    const takers = ['a', 'b', 'c', 'd'].map((name) => leaseOf(name));
    const results = await Promise.allSettled(takers.map((taker) => taker.acquire(AbortSignal.any([stop.signal, AbortSignal.timeout(400)]))));
    expect(results.filter(({ status: outcome }) => outcome === 'fulfilled')).toHaveLength(1);
  });

  test.each([
    [
      'refuses',
      () => {
        for (let count = 0; count < 50; count += 1) cannot();
      },
    ],
    [
      'hangs',
      () => {
        for (let count = 0; count < 50; count += 1) api.trouble({ path: '/leases', answer: () => undefined });
      },
    ],
    ['has given it to another', () => void api.put(PATH, { ...api.get(PATH), spec: { ...spec(), holderIdentity: 'other', leaseDurationSeconds: 99 } })],
  ])('is lost after the deadline when the API server %s', async (_what, disturb) => {
    const lease = leaseOf('a');
    await lease.acquire(stop.signal);
    const started = performance.now();
    disturb();
    expect(await lease.hold(stop.signal)).toBe('lost');
    expect(performance.now() - started).toBeLessThan(TIMES.durationMs);
  });

  test('outlives a short trouble', async () => {
    const lease = leaseOf('a');
    await lease.acquire(stop.signal);
    cannot();
    cannot();
    const outcome = lease.hold(stop.signal);
    await delay(500);
    stop.abort();
    expect(await outcome).toBe('stopped');
    expect(errors).toHaveLength(2);
  });
});
