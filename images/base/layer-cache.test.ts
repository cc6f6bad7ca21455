// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { composeLayer } from '../../lib/artifact/write-layout.ts';
import { cachedLayer } from './layer-cache.ts';

let cache: string;
let made: number;
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'layers-'));
  made = 0;
});
afterEach(() => rmSync(cache, { recursive: true }));

function get(inputs: unknown) {
  return cachedLayer(cache, inputs, () => {
    made += 1;
    return composeLayer([{ path: 'a', content: 'A' }], { mtime: 0 });
  });
}

test('makes a layer once for the same inputs, and gives the same', async () => {
  const first = await get({ version: 1 });
  expect(await get({ version: 1 })).toMatchObject({ mediaType: first.mediaType, diffId: first.diffId, bytes: first.bytes });
  expect(made).toBe(1);
  await get({ version: 2 });
  expect(made).toBe(2);
});

test.each(['.blob', '.json'])('makes it anew when the %s is damaged', async (ending) => {
  const first = await get({});
  const file = readdirSync(join(cache, 'layers')).find((name) => name.endsWith(ending));
  writeFileSync(join(cache, 'layers', file ?? ''), '{"mediaType":');
  expect((await get({})).bytes).toEqual(first.bytes);
  expect(made).toBe(2);
});

test('keeps nothing of a layer that could not be made', async () => {
  await expect(cachedLayer(cache, {}, () => Promise.reject(new Error('no network')))).rejects.toThrow('no network');
  await get({});
  expect(made).toBe(1);
});
