// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { withLock } from './lock.ts';
import { type BedPlace, bedPlace } from './state.ts';

const newPlace = (): BedPlace => ({ ...bedPlace({ XDG_STATE_HOME: '/x' }), mark: randomUUID() });
const quiet = { doing: 'test', log: () => undefined };

describe('withLock', () => {
  test('one after the other, and the second one says for whom it waits', async () => {
    const place = newPlace();
    const [events, said]: [string[], string[]] = [[], []];
    const work = (name: string) => async () => {
      events.push(`${name} begins`);
      await sleep(50);
      events.push(`${name} ends`);
    };
    await Promise.all([
      withLock(place, { ...quiet, doing: 'up' }, work('first')),
      withLock(place, { ...quiet, log: (line) => said.push(line) }, work('second')),
    ]);
    expect(events).toEqual(['first begins', 'first ends', 'second begins', 'second ends']);
    expect(said).toEqual([`waiting for "up", process ${process.pid}`]);
  });

  test('is free again after work that failed', async () => {
    const place = newPlace();
    await expect(withLock(place, quiet, () => Promise.reject(new Error('broken')))).rejects.toThrow('broken');
    expect(await withLock(place, quiet, async () => 'free')).toBe('free');
  });

  test('goes with a process that is killed', async () => {
    const place = newPlace();
    const script = `import { withLock } from ${JSON.stringify(join(import.meta.dirname, 'lock.ts'))};
      await withLock(${JSON.stringify(place)}, { doing: 'up', log: console.log }, () => { console.log('held'); return new Promise((r) => setTimeout(r, 60_000)); });`;
    const holder = spawn(process.execPath, ['--input-type=module', '-e', script], { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(holder.stdout, 'data');
    await expect(withLock(place, { ...quiet, timeoutMs: 0 }, async () => 'free')).rejects.toMatchObject({
      code: 'BED_BUSY',
      message: expect.stringContaining(`process ${holder.pid}`),
    });
    holder.kill('SIGKILL');
    expect(await withLock(place, { ...quiet, timeoutMs: 5000 }, async () => 'free')).toBe('free');
  });

  test('of another bed is another one', async () => {
    expect(await withLock(newPlace(), quiet, () => withLock(newPlace(), { ...quiet, timeoutMs: 0 }, async () => 'both'))).toBe('both');
  });
});
