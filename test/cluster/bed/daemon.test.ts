// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { DaemonSpec } from './component.ts';
import { fingerprintOf, isDaemonRunning, listRecords, readRecord, startDaemon, stopDaemon } from './daemon.ts';
import { identify, isAlive } from './process-table.ts';
import { type BedPlace, bedPlace } from './state.ts';

let room: string;
let place: BedPlace;
beforeEach(() => {
  room = mkdtempSync(join(tmpdir(), 'bed-'));
  place = { ...bedPlace({ XDG_STATE_HOME: '/x' }), root: room, logs: join(room, 'logs'), records: join(room, 'daemons'), mark: room };
});
afterEach(async () => {
  for (const { name } of await listRecords(place)) await stopDaemon(place, name, 0);
  rmSync(room, { recursive: true, force: true });
});

/** Says its secret and whether it is up into its log, and runs until it is ended. */
const script = 'console.log("up", process.env.SECRET); setInterval(() => {}, 1000)';
const isUp = async () => readFileSync(join(place.logs, 'sleeper.log'), 'utf8').includes('up');
const spec = (changes: Partial<DaemonSpec> = {}): DaemonSpec => ({
  name: 'sleeper',
  command: process.execPath,
  args: ['-e', script],
  env: { SECRET: 'hunter2' },
  isReady: isUp,
  ...changes,
});
const record = async () => {
  const found = await readRecord(place, 'sleeper');
  if (found === undefined) throw new Error('there is no record');
  return found;
};

describe('startDaemon', () => {
  test('starts it once; a second time it is left alone', async () => {
    await startDaemon(place, spec());
    const first = await record();
    await startDaemon(place, spec());
    expect(await record()).toEqual(first);
    expect(await isDaemonRunning(place, 'sleeper')).toBe(true);
    expect(JSON.stringify(first)).not.toContain('hunter2');
  });

  test.each([{ args: ['-e', `${script};1`] }, { env: { SECRET: 'other' } }])('replaces one that runs otherwise, and keeps its log: %j', async (changes) => {
    await startDaemon(place, spec());
    const first = await record();
    await startDaemon(place, spec(changes));
    const second = await record();
    expect(second.pid).not.toBe(first.pid);
    expect(await isAlive(first)).toBe(false);
    expect(readFileSync(join(place.logs, 'sleeper.previous.log'), 'utf8')).toBe('up hunter2\n');
  });

  test('starts anew what was killed', async () => {
    await startDaemon(place, spec());
    const first = await record();
    process.kill(first.pid, 'SIGKILL');
    await expect.poll(() => isDaemonRunning(place, 'sleeper')).toBe(false);
    await startDaemon(place, spec());
    expect((await record()).pid).not.toBe(first.pid);
  });

  test('ends one whose start was not recorded, and starts it anew', async () => {
    await startDaemon(place, spec());
    const lost = await record();
    rmSync(join(place.records, 'sleeper.json'));
    await startDaemon(place, spec());
    expect(await isAlive(lost)).toBe(false);
  });

  test('takes a record that was cut short for none', async () => {
    await startDaemon(place, spec());
    const lost = await record();
    writeFileSync(join(place.records, 'sleeper.json'), '{"name":"sleeper","pi');
    expect(await listRecords(place)).toEqual([]);
    await startDaemon(place, spec());
    expect(await isAlive(lost)).toBe(false);
  });

  test('one that ends before it is ready fails with the end of its log', async () => {
    const failing = startDaemon(place, spec({ args: ['-e', 'console.error("no such flag"); process.exit(3)'], isReady: async () => false }));
    await expect(failing).rejects.toMatchObject({ code: 'PEER_NOT_READY', message: expect.stringMatching(/^sleeper has ended; .*\nno such flag\n$/) });
  });

  test('one that has gone is not ready, whoever answers on its port', async () => {
    const isReady = async () => {
      await expect.poll(() => isDaemonRunning(place, 'sleeper')).toBe(false);
      return true;
    };
    await expect(startDaemon(place, spec({ args: ['-e', 'setTimeout(() => {}, 200)'], isReady }))).rejects.toMatchObject({ code: 'PEER_NOT_READY' });
  });

  test('one that does not answer in time fails with why', async () => {
    const isReady = () => Promise.reject(new Error('connection refused'));
    await expect(startDaemon(place, spec({ isReady, readyTimeoutMs: 300 }))).rejects.toMatchObject({
      kind: 'transient',
      message: expect.stringMatching(/^sleeper does not answer within 0.3 s \(connection refused\); its log ends with:/),
    });
  });

  test('a program that is not there fails by name', async () => {
    await expect(startDaemon(place, spec({ command: join(room, 'nothing') }))).rejects.toMatchObject({
      message: expect.stringMatching(/^sleeper cannot be started: .*ENOENT/),
    });
  });

  test.each(['../etcd', 'Etcd', ''])('refuses the name %j', async (name) => {
    await expect(startDaemon(place, spec({ name }))).rejects.toMatchObject({ code: 'DAEMON_NAME_INVALID' });
  });
});

describe('stopDaemon', () => {
  test('ends it, and does no harm when there is none', async () => {
    await startDaemon(place, spec());
    const { pid } = await record();
    await stopDaemon(place, 'sleeper');
    expect(await identify(pid)).toBeUndefined();
    expect(await listRecords(place)).toEqual([]);
    await stopDaemon(place, 'sleeper');
  });

  test('leaves a process alone that got the pid of a record', async () => {
    await startDaemon(place, spec());
    const real = await record();
    writeFileSync(join(place.records, 'older.json'), JSON.stringify({ ...real, name: 'older', startTicks: '1' }));
    expect(await isDaemonRunning(place, 'older')).toBe(false);
    await stopDaemon(place, 'older', 0);
    expect(await isAlive(real)).toBe(true);
  });
});

describe('fingerprintOf', () => {
  test('does not mind the order of the environment, but its values', () => {
    const [a, b] = [spec({ env: { A: '1', B: '2' } }), spec({ env: { B: '2', A: '1' } })];
    expect(fingerprintOf(a)).toBe(fingerprintOf(b));
    expect(fingerprintOf(spec({ env: { A: '1', B: '3' } }))).not.toBe(fingerprintOf(a));
    expect(fingerprintOf(spec({ uid: 65532 }))).not.toBe(fingerprintOf(spec()));
  });
});
