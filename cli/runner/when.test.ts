// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type Scope, scopeKey, type Value } from './substitute.ts';
import { evaluateWhen } from './when.ts';

const scope: Scope = new Map<string, Value>([
  [scopeKey('params', 'level'), 'high'],
  [scopeKey('params', 'levels'), ['high', 'critical']],
  [scopeKey('params', 'none'), []],
]);

it.each<[string, 'in' | 'notin', string[], boolean]>([
  ['$(params.level)', 'in', ['high'], true],
  ['$(params.level)', 'in', ['low'], false],
  ['$(params.level)', 'in', ['HIGH'], false],
  ['$(params.level)', 'in', [], false],
  ['$(params.level)', 'notin', [], true],
  ['$(params.level)', 'notin', ['low', 'high'], false],
  ['$(params.level)', 'in', ['$(params.levels[*])'], true],
  ['low', 'notin', ['$(params.levels[*])'], true],
  ['$(params.level)', 'in', ['$(params.none[*])'], false],
  ['$(params.levels[1])', 'in', ['critical'], true],
  ['', 'in', [''], true],
])('%s %s %j → %s', (input, operator, values, allowed) => {
  expect(evaluateWhen([{ input, operator, values }], scope).allowed).toBe(allowed);
});

it('needs all expressions to hold and tells them as evaluated', () => {
  const yes = { input: '$(params.level)', operator: 'in' as const, values: ['high'] };
  const no = { input: '$(params.level)', operator: 'notin' as const, values: ['$(params.levels[*])'] };
  expect(evaluateWhen([], scope).allowed).toBe(true);
  expect(evaluateWhen([yes, no], scope)).toEqual({
    allowed: false,
    resolved: [
      { input: 'high', operator: 'in', values: ['high'] },
      { input: 'high', operator: 'notin', values: ['high', 'critical'] },
    ],
  });
});
