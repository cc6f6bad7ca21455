// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { silentLogger } from '../../lib/log/log.ts';
import type { Effort } from './effort.ts';
import { willDo } from './later.ts';

it.each([
  ['the expected one', ['a'], false, {}, true],
  ['another one', ['b'], false, { a: 1, b: 2 }, false],
  ['a later one, allowed', ['b'], true, { a: 1, b: 2 }, true],
  ['one of the same second, allowed', ['b'], true, { a: 1, b: 1 }, true],
  ['an earlier one, allowed', ['b'], true, { a: 2, b: 1 }, false],
  ['one when Argo CD does not know ours', ['b'], true, { b: 2 }, false],
  ['one that Argo CD does not know', ['b'], true, { a: 1 }, false],
  ['one of several sources', ['b', 'c'], true, { a: 1, b: 2 }, false],
  ['none', [], true, { a: 1 }, false],
] as [string, string[], boolean, Record<string, number>, boolean][])('%s will do: %j', async (_what, actual, allowNewer, dates, wanted) => {
  const goal = { revisions: ['a'], allowNewer, later: new Set<string>(), image: undefined, otherDigests: undefined };
  const argo = { revisionDate: async (revision: string) => dates[revision] } as unknown as Effort['argo'];
  expect(await willDo({ argo, goal, log: silentLogger }, actual)).toBe(wanted);
  // Known from then on without asking.
  const unknowing = { revisionDate: async () => undefined } as unknown as Effort['argo'];
  expect(await willDo({ argo: unknowing, goal, log: silentLogger }, actual)).toBe(wanted);
});
