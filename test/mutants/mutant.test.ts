// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { assertReadable, type Mutant, mutate, staleness } from './mutant.ts';

const mutant: Mutant = { id: 'm', file: 'a.ts', find: 'x > 1', replace: "x > '$&'", gain: 'none', tests: [] };

describe('mutate', () => {
  test('replaces the text word for word, and nothing else', () => {
    expect(mutate(mutant, 'if (x > 1) y();\n')).toBe("if (x > '$&') y();\n");
  });

  test.each([
    ['is gone', 'if (x > 2) y();', 'mutant m is stale: its text stands no longer in a.ts'],
    ['stands twice', 'x > 1 || x > 1', 'mutant m is stale: its text stands 2 times in a.ts'],
  ])('names a mutant whose text %s', (_what, text, message) => {
    expect(staleness(mutant, text)).toBe(message);
    expect(() => mutate(mutant, text)).toThrow(message);
  });

  test('refuses one that changes nothing', () => {
    expect(staleness({ ...mutant, replace: mutant.find }, 'x > 1')).toBe('mutant m changes nothing');
  });
});

describe('assertReadable', () => {
  test.each([
    ['a.ts', 'export const a: number = 1;\n'],
    ['a.yaml', 'a: 1\n---\nb: [x]\n'],
  ])('takes %s', async (file, text) => {
    await expect(assertReadable(file, text)).resolves.toBeUndefined();
  });

  test.each([
    ['a.ts', 'if (a ( {\n'],
    ['a.ts', 'const a = ;\n'],
    ['a.yaml', 'a: [x\n'],
    ['a.yaml', 'a: 1\na: 2\n'],
  ])('refuses %s: %j', async (file, text) => {
    await expect(assertReadable(file, text)).rejects.toThrow();
  });
});
