// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import process from 'node:process';
import { describe, expect, test } from 'vitest';
import { endProcess, identify, isAlive, listProcesses, type ProcessIdentity, parseStat, residentBytes } from './process-table.ts';

describe('parseStat', () => {
  test('reads past a name with brackets and spaces', () => {
    const fields = ['S', ...Array.from({ length: 18 }, () => '0'), '8140', '104857600', '4096', ...Array.from({ length: 20 }, () => '0')];
    expect(parseStat(`4242 (a) b (c) ${fields.join(' ')}\n`)).toEqual({ state: 'S', startTicks: '8140', residentPages: 4096 });
  });
});

/** A process that ignores SIGTERM when told to, and ends with this one. */
async function startSleeper(ignoresTerm = false): Promise<{ identity: ProcessIdentity; ended: Promise<unknown> }> {
  const script = `${ignoresTerm ? "process.on('SIGTERM', () => {});" : ''} console.log('up'); setInterval(() => {}, 1000);`;
  const child = spawn(process.execPath, ['-e', script], { env: { SLEEPER_MARK: 'yes' }, stdio: ['ignore', 'pipe', 'inherit'] });
  await once(child.stdout, 'data');
  const identity = await identify(child.pid as number);
  if (identity === undefined) throw new Error('the sleeper ended');
  return { identity, ended: once(child, 'exit') };
}

describe('a process', () => {
  test('is known by start time and boot, seen with its environment, and ended', async () => {
    const { identity, ended } = await startSleeper();
    expect(await isAlive(identity)).toBe(true);
    expect(await residentBytes(identity.pid)).toBeGreaterThan(1024 * 1024);
    const listed = (await listProcesses()).find(({ pid }) => pid === identity.pid);
    expect(listed).toMatchObject({ env: expect.arrayContaining(['SLEEPER_MARK=yes']), args: [process.execPath, '-e', expect.any(String)] });
    await endProcess(identity, 5000);
    expect(await ended).toEqual([null, 'SIGTERM']);
    expect(await isAlive(identity)).toBe(false);
    expect(await residentBytes(identity.pid)).toBe(0);
  });

  test('that does not mind SIGTERM is killed after the grace', async () => {
    const { identity, ended } = await startSleeper(true);
    await endProcess(identity, 100);
    expect(await ended).toEqual([null, 'SIGKILL']);
  });

  test.each([{ startTicks: '1' }, { bootId: '00000000-0000-4000-8000-000000000000' }])(
    'with a reused pid is another one and is left alone: %j',
    async (other) => {
      const { identity, ended } = await startSleeper();
      const recorded = { ...identity, ...other };
      expect(await isAlive(recorded)).toBe(false);
      await endProcess(recorded, 0);
      expect(await isAlive(identity)).toBe(true);
      await endProcess(identity, 5000);
      await ended;
    },
  );

  test('that never was is nobody', async () => {
    expect(await identify(2 ** 22 + 1)).toBeUndefined();
  });
});
