// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { markdownTable, median, withSection } from './results-file.ts';

describe('withSection', () => {
  const two = withSection(withSection('', 'One', 'first'), 'Two', 'second');

  test('makes a file of nothing, and adds at the end', () => {
    expect(two).toMatch(/^# Results\n\n[^#]+\n\n## One\n\nfirst\n\n## Two\n\nsecond\n$/);
  });

  test('replaces a section and no other', () => {
    expect(withSection(two, 'One', 'new\n\n')).toBe(two.replace('first', 'new'));
  });

  test('takes only a whole title for it', () => {
    const longer = withSection(two, 'On', 'third');
    expect(longer).toBe(`${two}\n## On\n\nthird\n`);
  });

  test('leaves a deeper heading inside its section', () => {
    const deep = withSection('', 'One', 'a\n\n### More\n\nb');
    expect(withSection(deep, 'One', 'c')).not.toContain('More');
  });
});

test('markdownTable escapes what would end a cell', () => {
  expect(markdownTable(['a', 'b'], [['1|2', '3']])).toBe('| a | b |\n| --- | --- |\n| 1\\|2 | 3 |');
});

describe('median', () => {
  test.each([
    [[3, 1, 2], 2],
    [[4, 1, 2, 3], 2.5],
    [[10, 9], 9.5],
    [[7], 7],
  ])('of %j is %d', (values, expected) => {
    expect(median(values)).toBe(expected);
  });

  test('of nothing is an error', () => {
    expect(() => median([])).toThrow(RangeError);
  });
});
