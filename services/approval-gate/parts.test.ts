// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { eventsOf } from './announce.ts';
import { readConfig } from './config.ts';
import { createGateMetrics } from './metrics.ts';
import { applied, aRun, aVote, look, opened } from './test-gate.ts';
import { createVoteIndex } from './vote-index.ts';
import { createWorkQueue } from './work-queue.ts';

describe('the queue', () => {
  function queueOf(handle: (key: string) => Promise<{ requeueAt?: number }>, concurrency = 2) {
    const errors: string[] = [];
    const queue = createWorkQueue({ handle, concurrency, now: Date.now, random: () => 0, onError: (key) => errors.push(key) });
    return { queue, errors };
  }

  test('never works on one key twice at a time, and once more when asked meanwhile', async () => {
    let now = 0;
    let most = 0;
    let calls = 0;
    const { queue } = queueOf(async () => {
      calls += 1;
      most = Math.max(most, ++now);
      await delay(10);
      now -= 1;
      return {};
    });
    for (let count = 0; count < 20; count += 1) queue.add('a');
    await delay(60);
    expect([most, calls]).toEqual([1, 2]);
  });

  test('works on no more keys at a time than it may', async () => {
    let now = 0;
    let most = 0;
    const { queue } = queueOf(async () => {
      most = Math.max(most, ++now);
      await delay(5);
      now -= 1;
      return {};
    }, 3);
    for (let key = 0; key < 30; key += 1) queue.add(String(key));
    await delay(120);
    expect([most, queue.depth()]).toEqual([3, 0]);
  });

  test('tries a key that failed again, and does not hold up others', async () => {
    const seen: string[] = [];
    const { queue, errors } = queueOf(async (key) => {
      seen.push(key);
      if (key === 'bad' && errors.length < 2) throw new Error('no');
      return {};
    }, 1);
    queue.add('bad');
    queue.add('good');
    await delay(250);
    expect(errors).toEqual(['bad', 'bad']);
    expect(seen.slice(0, 2)).toEqual(['bad', 'good']);
    expect(seen.filter((key) => key === 'bad')).toHaveLength(3);
  });

  test('comes back at the time that was asked for; far ones do not fire at once', async () => {
    const seen: number[] = [];
    const started = Date.now();
    const { queue } = queueOf(async (key) => {
      seen.push(Date.now() - started);
      return { requeueAt: key === 'far' || seen.length > 1 ? started + 90 * 86_400_000 : started + 60 };
    });
    queue.add('near');
    await delay(120);
    expect(seen).toHaveLength(2);
    expect(seen[1]).toBeGreaterThanOrEqual(55);
    queue.add('far');
    await delay(30);
    expect(seen).toHaveLength(3);
    await queue.stop();
  });

  test('what is forgotten or added after the stop is not done; what runs is waited for', async () => {
    let done = 0;
    const { queue } = queueOf(async () => {
      await delay(20);
      done += 1;
      return { requeueAt: Date.now() + 1 };
    }, 1);
    queue.add('a');
    queue.add('b');
    queue.forget('b');
    await queue.stop();
    queue.add('c');
    await delay(40);
    expect(done).toBe(1);
  });
});

describe('settings', () => {
  test('have defaults', () => {
    expect(readConfig([], {})).toMatchObject({
      'lease-duration': 15_000,
      'renew-deadline': 10_000,
      'retry-period': 2000,
      resync: 600_000,
      concurrency: 4,
      qps: 20,
      burst: 30,
      port: 8080,
      'log-format': 'json',
    });
  });

  test('come from flags before the environment; empty is unset', () => {
    const config = readConfig(['--port=1'], { APPROVAL_GATE_PORT: '2', APPROVAL_GATE_QPS: '5', APPROVAL_GATE_NAMESPACE: '' });
    expect([config.port, config.qps, config.namespace]).toEqual([1, 5, undefined]);
  });

  test.each([
    [['--unknown=1'], {}, "'--unknown'"],
    [['--port=x'], {}, '--port'],
    [['--concurrency=0'], {}, '--concurrency'],
    [['--resync=soon'], {}, '"soon" is no duration'],
    [['--lease-duration=5s'], {}, 'must be longer than --renew-deadline'],
    [['--api-server=ftp://x'], {}, '--api-server'],
    [['positional'], {}, 'positional'],
    [[], { APPROVAL_GATE_LOG_FORMAT: 'xml' }, '--log-format'],
  ])('%j %j are refused', (args, env, message) => {
    expect(() => readConfig(args, env)).toThrow(message);
  });
});

describe('what others see', () => {
  test('metrics under the name of the gate', () => {
    const metrics = createGateMetrics();
    metrics.count('decisions_total', 'approved');
    metrics.observe('reconcile_seconds', 0.01);
    metrics.setGauges(() => ({ open_gates: 2, oldest_open_gate_seconds: 7, queue_depth: 0, leader: 1 }));
    for (const line of ['decisions_total{decision="approved"} 1', 'reconcile_seconds_bucket{le="0.025"} 1', 'open_gates 2'])
      expect(metrics.text()).toContain(`approval_gate_${line}\n`);
  });

  test('an Event for every vote, counted or not, and none twice', () => {
    const run = opened(aRun());
    const votes = [aVote('alice', 'approve', 1, { comment: 'ok' }), aVote('mallory', 'approve', 1)];
    const first = applied(run, look(run, { votes, second: 1 }));
    expect(eventsOf({ before: run, after: first, transition: 'counted' })).toEqual([
      { type: 'Normal', reason: 'VoteCounted', message: 'alice approves; waiting for approval: release 1/2' },
      { type: 'Warning', reason: 'VoteIgnored', message: expect.stringMatching(/^vote vote-\d+ of mallory: no rule names/) },
    ]);
    expect(eventsOf({ before: first, after: first, transition: 'counted' })).toEqual([]);
  });

  test('votes are found by the run that they name, and leave with a new list', () => {
    const index = createVoteIndex();
    const run = aRun();
    const [mine, other] = [aVote('alice', 'approve'), aVote('bob', 'approve', 1, { gateRef: { customRun: 'else' } })];
    expect([...index.replace([mine, other])].sort()).toEqual(['shop/else', 'shop/release-gate']);
    expect(index.votesOn(run)).toEqual([mine]);
    expect(index.remove(mine)).toBe('shop/release-gate');
    expect(index.votesOn(run)).toEqual([]);
    index.set(mine);
    expect([...index.replace([])].sort()).toEqual(['shop/else', 'shop/release-gate']);
    expect(index.votesOn(run)).toEqual([]);
  });
});
