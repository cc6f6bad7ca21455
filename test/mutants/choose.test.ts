// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { choose } from './choose.ts';
import type { Mutant } from './mutant.ts';
import { drawSample, parseSeed, seedOfDay } from './sample.ts';

const numbered = (count: number): Mutant[] =>
  Array.from({ length: count }, (_, at) => ({ id: `m-${at}`, file: 'a.ts', find: 'a', replace: 'b', gain: 'none', tests: ['a.test.ts'] }));
const idsOf = (mutants: readonly { id: string }[]): string[] => mutants.map(({ id }) => id);
const NOON = Date.parse('2026-08-15T12:00:00Z');

describe('drawSample', () => {
  test.each([
    [5, 1],
    [10, 4],
    [99, 4],
    [99, 7],
  ])('of %i mutants takes %i other ones with each seed until all were drawn', (size, count) => {
    const turns = Math.ceil(size / count);
    for (const first of [0, 3, 20_680]) {
      const drawn = Array.from({ length: turns }, (_, turn) => drawSample(numbered(size), count, first + turn));
      expect(drawn.map(({ length }) => length)).toEqual(Array(turns).fill(count));
      expect(new Set(drawn.flatMap(idsOf)).size).toBe(size);
    }
  });

  test('never takes one twice, and gives the same for the same seed', () => {
    for (let seed = 0; seed < 30; seed += 1) {
      const ids = idsOf(drawSample(numbered(7), 4, seed));
      expect(new Set(ids).size).toBe(4);
      expect(idsOf(drawSample(numbered(7), 4, seed))).toEqual(ids);
    }
  });

  test('mixes what stands together', () => {
    expect(idsOf(drawSample(numbered(30), 6, 0))).not.toEqual(idsOf(numbered(6)));
  });

  test('gives all when more are asked for', () => {
    expect(idsOf(drawSample(numbered(3), 4, 9))).toEqual(idsOf(numbered(3)));
  });
});

describe('a seed', () => {
  test('is one more each day', () => {
    expect(seedOfDay(Date.parse('2026-08-16T00:00:00Z')) - seedOfDay(Date.parse('2026-08-15T23:59:59Z'))).toBe(1);
  });

  test.each([
    ['17', 17],
    ['da440ce', 0xda440ce],
    ['f'.repeat(40), 2 ** 48 - 1],
  ])('may be %s', (text, seed) => {
    expect(parseSeed(text)).toBe(seed);
  });

  test.each(['', '-1', '1.5', 'today', 'da440c', 'DA440CE', '1'.repeat(16).concat('x')])('may not be %j', (text) => {
    expect(parseSeed(text)).toBeUndefined();
  });
});

describe('choose', () => {
  const peer: Mutant = { ...numbered(1)[0], id: 'p', peers: 'gate' } as Mutant;
  const table = [...numbered(9), peer];

  test('takes what needs Node alone, unless it is told otherwise', () => {
    expect(idsOf(choose([], table, NOON).mutants)).toEqual(idsOf(numbered(9)));
    expect(choose(['--peers'], table, NOON).mutants).toEqual(table);
    expect(choose(['--only', 'p,m-3'], table, NOON)).toEqual({ list: false, mutants: [peer, table[3]] });
    expect(choose(['--list'], table, NOON)).toEqual({ list: true, mutants: table });
  });

  test('takes another sample each day, and the one of a seed where it is given', () => {
    const sample =
      (...more: string[]) =>
      (now: number) =>
        idsOf(choose(['--sample', '2', ...more], table, now).mutants);
    expect(sample()(NOON)).not.toEqual(sample()(NOON + 24 * 60 * 60 * 1000));
    expect(sample('--seed', 'da440ce')(NOON)).toEqual(sample('--seed', 'da440ce')(0));
    expect(sample()(NOON)).not.toContain('p');
  });

  test.each([
    [['--only', 'm-3,gone'], 'there is no mutant "gone"'],
    [['--only', ''], 'there is no mutant ""'],
    [['--sample', '0'], '--sample must be a number'],
    [['--sample', 'all'], '--sample must be a number'],
    [['--sample', '2', '--seed', 'today'], '--seed must be a number'],
    [['--seed', '2'], '--sample is not given'],
    [['--fast'], '--fast'],
    [['cancel-ignored'], 'cancel-ignored'],
  ])('refuses %j', (argv, message) => {
    expect(() => choose(argv, table, NOON)).toThrow(message);
  });
});
