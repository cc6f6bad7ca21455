// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { createBed } from './bed.ts';
import type { Component } from './component.ts';
import { identify } from './process-table.ts';
import { type BedPlace, bedPlace } from './state.ts';
import { bedStatus, statusTable } from './status.ts';

let place: BedPlace;
beforeEach(() => {
  const root = mkdtempSync(join(tmpdir(), 'bed-'));
  place = { ...bedPlace({ XDG_STATE_HOME: '/x' }), root, logs: join(root, 'logs'), records: join(root, 'daemons') };
  for (const folder of ['daemons', 'components']) mkdirSync(join(root, folder));
});
afterEach(() => rmSync(place.root, { recursive: true, force: true }));

const AT = '2026-01-02T03:04:05.678Z';
/** Records this very process, or one that had its pid before, as the daemon. */
async function record(name: string, { isAlive }: { isAlive: boolean }): Promise<void> {
  const identity = await identify(process.pid);
  writeFileSync(
    join(place.records, `${name}.json`),
    JSON.stringify({ ...identity, ...(isAlive ? {} : { startTicks: '1' }), name, fingerprint: 'f', startedAt: AT }),
  );
}
const component = (name: string, changes: Partial<Component> = {}): Component => ({
  name,
  groups: [],
  needs: [],
  up: async () => undefined,
  isReady: async () => true,
  ...changes,
});
const stateOf = async (one: Component) =>
  (
    await bedStatus(
      place,
      createBed(place, () => undefined),
      [one],
    )
  )[0];

describe('bedStatus', () => {
  test('a daemon that runs and answers is ready, with its process and memory', async () => {
    await record('etcd', { isAlive: true });
    writeFileSync(join(place.root, 'components', 'etcd.json'), JSON.stringify({ seconds: 1.2, at: AT }));
    const row = await stateOf(component('etcd'));
    expect(row).toMatchObject({ name: 'etcd', state: 'ready', startSeconds: 1.2, since: AT, pids: [process.pid] });
    expect(row?.residentBytes).toBeGreaterThan(1024 * 1024);
  });

  test.each([
    ['says no', async () => false],
    ['cannot be reached', () => Promise.reject(new Error('refused'))],
  ])('one that runs and %s is not ready', async (_what, isReady) => {
    await record('etcd', { isAlive: true });
    expect(await stateOf(component('etcd', { isReady }))).toMatchObject({ state: 'not ready' });
  });

  test.each([
    ['its daemon', component('etcd')],
    ['one of its daemons', component('rekor', { daemons: ['etcd', 'tiles'] })],
  ])('one of which %s has gone has ended, whoever answers', async (_what, one) => {
    await record('etcd', { isAlive: false });
    await record('tiles', { isAlive: true });
    expect(await stateOf(one)).toMatchObject({ state: 'ended' });
  });

  test('one that was never brought up is down, whoever answers', async () => {
    expect(await stateOf(component('etcd'))).toMatchObject({ state: 'down', pids: [], residentBytes: 0 });
  });

  test('one without a process of its own is ready when it answers', async () => {
    writeFileSync(join(place.root, 'components', 'tekton.json'), JSON.stringify({ seconds: 3, at: AT }));
    expect(await stateOf(component('tekton', { daemons: [] }))).toMatchObject({ state: 'ready', since: AT, pids: [] });
  });
});

describe('statusTable', () => {
  test('aligns the columns and sums up the memory', () => {
    const rows = [
      { name: 'etcd', state: 'ready' as const, startSeconds: 1.04, since: AT, pids: [7, 42], residentBytes: 5 * 1024 * 1024 },
      { name: 'kube-proxy', state: 'down' as const, startSeconds: undefined, since: undefined, pids: [], residentBytes: 0 },
    ];
    expect(statusTable(rows, 2 * 1024 * 1024).split('\n')).toEqual([
      'COMPONENT   STATE  START  SINCE (UTC)           PID    RSS',
      'etcd        ready  1.0 s  2026-01-02 03:04:05  7 42  5 MiB',
      'kube-proxy  down',
      '                                               pods  2 MiB',
      '                                                all  7 MiB',
    ]);
  });
});
