// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { MIN_PIPELINES_VERSION } from '../../scripts/generate/metadata.ts';
import { tektonPeer } from './tekton-version.ts';

describe('tektonPeer', () => {
  test.each([
    [undefined, 'tekton'],
    ['', 'tekton'],
    ['newest', 'tekton'],
    ['oldest', 'tekton-oldest'],
  ])('TEKTON=%s is %s', (TEKTON, peer) => {
    expect(tektonPeer({ TEKTON })).toBe(peer);
  });

  test('another word is an error, not the newest', () => {
    expect(() => tektonPeer({ TEKTON: 'v1.9' })).toThrow(expect.objectContaining({ code: 'TEKTON_VERSION_UNKNOWN', kind: 'input' }));
  });

  test('the oldest is of the line that the catalog says it needs', () => {
    const goMod = readFileSync(join(import.meta.dirname, 'tekton-oldest', 'go.mod'), 'utf8');
    const [, line] = /github\.com\/tektoncd\/pipeline v(\d+\.\d+)\.\d+/.exec(goMod) ?? [];
    expect(MIN_PIPELINES_VERSION).toBe(`${line}.0`);
  });
});
