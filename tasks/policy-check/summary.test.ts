// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { isRecent } from './summary.ts';

test.each<[string, string | undefined, boolean]>([
  ['an hour old', '2026-08-15T11:00:00Z', true],
  ['just made', '2026-08-15T12:00:00Z', true],
  ['a day old', '2026-08-14T12:00:00Z', false],
  ['from the future', '2026-08-15T12:00:01Z', false],
  ['without a time', undefined, false],
  ['with no time that can be read', 'yesterday', false],
])('a published summary %s spares a new one: %#', (_what, timeVerified, expected) => {
  expect(isRecent({ ...(timeVerified !== undefined && { timeVerified }) }, { timeVerified: '2026-08-15T12:00:00Z' })).toBe(expected);
});
