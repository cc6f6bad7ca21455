// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import * as z from 'zod';
import { list } from './strict-list.ts';

const schema = z.object({ outer: list(z.object({ inner: list(z.object({ n: z.number() }), 500_000) }), 10).nullish() });

describe('list', () => {
  it('gives what an array schema gives', () => {
    expect(schema.parse({ outer: [{ inner: [{ n: 1, more: 2 }] }, { inner: [] }] })).toEqual({ outer: [{ inner: [{ n: 1 }] }, { inner: [] }] });
    expect(schema.parse({})).toEqual({});
  });

  it.each([
    ['an item that is wrong', { outer: [{ inner: [{ n: 1 }, { n: '1' }, 2] }] }, ['outer', 0, 'inner', 1, 'n']],
    ['half a million that are', { outer: [{ inner: new Array(500_000).fill(1) }] }, ['outer', 0, 'inner', 0]],
    ['too many', { outer: new Array(11).fill({ inner: [] }) }, ['outer']],
    ['no list', { outer: {} }, ['outer']],
  ])('refuses %s, with one problem', (_name, json, path) => {
    const { error } = schema.safeParse(json);
    expect(error?.issues.map((issue) => issue.path)).toEqual([path]);
  });
});
