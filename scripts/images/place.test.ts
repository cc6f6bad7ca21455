// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { sourceDateEpoch } from './place.ts';

test.each([
  [undefined, 0],
  ['', 0],
  ['1700000000', 1_700_000_000],
])('SOURCE_DATE_EPOCH=%s is %d', (text, seconds) => {
  expect(sourceDateEpoch({ SOURCE_DATE_EPOCH: text })).toBe(seconds);
});

test.each(['-1', '1e9', '2026-01-01', '8589934592'])('SOURCE_DATE_EPOCH=%s is refused', (text) => {
  expect(() => sourceDateEpoch({ SOURCE_DATE_EPOCH: text })).toThrow(expect.objectContaining({ code: 'EPOCH_INVALID' }));
});
