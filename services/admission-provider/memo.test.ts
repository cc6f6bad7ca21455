// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { createMemo, type MemoWay } from './memo.ts';
import { createSlots } from './slots.ts';

/** A memo of texts whose clock stands still; `!` at the end makes a text one of short life. */
function open(limits: { maxEntries?: number; maxBytes?: number } = {}) {
  const clock = { now: 0 };
  const memo = createMemo<string>({
    maxEntries: 10,
    maxBytes: 1000,
    ...limits,
    ttlMs: (value) => (value.endsWith('!') ? 10 : 100),
    bytes: (key, value) => key.length + value.length,
    now: () => clock.now,
  });
  const ways: MemoWay[] = [];
  const get = (key: string, value = key) =>
    memo.get(
      key,
      async () => value,
      (way) => ways.push(way),
    );
  return { clock, memo, ways, get };
}

describe('memo', () => {
  test('makes a value once and keeps it as long as its kind lasts', async () => {
    const { clock, ways, get } = open();
    for (const now of [0, 9, 10, 99, 100]) {
      clock.now = now;
      await get('good');
      await get('bad', 'bad!');
    }
    expect(ways.join(' ')).toBe('miss miss hit hit hit miss hit miss miss hit');
  });

  test('who comes while it is being made waits for that one', async () => {
    const { memo } = open();
    let made = 0;
    const make = async () => {
      made += 1;
      await new Promise((resolve) => setImmediate(resolve));
      return `number ${made}`;
    };
    expect(await Promise.all([memo.get('a', make), memo.get('a', make), memo.get('b', make)])).toEqual(['number 2', 'number 2', 'number 2']);
    expect(made).toBe(2);
  });

  test('keeps nothing of what failed, and tells all who waited', async () => {
    const { memo, get } = open();
    const fail = async (): Promise<string> => {
      throw new Error('down');
    };
    expect(await Promise.allSettled([memo.get('a', fail), memo.get('a', fail)])).toMatchObject([{ status: 'rejected' }, { status: 'rejected' }]);
    expect(memo.size()).toEqual({ entries: 0, bytes: 0 });
    expect(await get('a')).toBe('a');
  });

  test('lets go of what was used longest ago when there are too many', async () => {
    const { get, ways, memo } = open({ maxEntries: 2 });
    for (const key of ['a', 'b', 'a', 'c', 'a', 'b']) await get(key);
    expect(ways.join(' ')).toBe('miss miss hit miss hit miss');
    expect(memo.size().entries).toBe(2);
  });

  test('is bounded in bytes, counts them right, and takes in nothing that is too large alone', async () => {
    const { get, memo } = open({ maxBytes: 10 });
    await get('aa', '1234');
    await get('aa2', '12345678');
    expect(memo.size()).toEqual({ entries: 1, bytes: 6 });
    await get('bb', '12');
    expect(memo.size()).toEqual({ entries: 2, bytes: 10 });
    await get('cc', '1');
    expect(memo.size()).toEqual({ entries: 2, bytes: 7 });
  });
});

describe('slots', () => {
  test('run so many at a time, in the order of arrival', async () => {
    const slots = createSlots({ limit: 2, maxWaiting: 10 });
    const order: number[] = [];
    let running = 0;
    let most = 0;
    const work = (number: number) => async () => {
      running += 1;
      most = Math.max(most, running);
      order.push(number);
      await new Promise((resolve) => setImmediate(resolve));
      running -= 1;
      if (number === 1) throw new Error('a failure gives the place back');
    };
    await Promise.allSettled([0, 1, 2, 3, 4].map((number) => slots.run(work(number))));
    expect({ most, order, running: slots.running(), waiting: slots.waiting() }).toEqual({ most: 2, order: [0, 1, 2, 3, 4], running: 0, waiting: 0 });
  });

  test('turn away whom they cannot let wait', async () => {
    const slots = createSlots({ limit: 1, maxWaiting: 1 });
    let finish = () => {};
    const held = slots.run(() => new Promise<void>((resolve) => (finish = resolve)));
    const second = slots.run(async () => 'second');
    await expect(slots.run(async () => 'third')).rejects.toMatchObject({ kind: 'transient', code: 'OVERLOADED' });
    finish();
    await held;
    expect(await second).toBe('second');
  });
});
