// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { wholeTextPattern } from './text-pattern.ts';

const WORKFLOW = 'https://github\\.com/[^/]+/[^/]+/\\.github/workflows/.+@refs/tags/v\\d+(\\.\\d+)*';

describe('a pattern for a whole text', () => {
  it.each<[source: string, yes: readonly string[], no: readonly string[]]>([
    ['abc', ['abc'], ['', 'ab', 'abcd', 'xabc', 'abc\n']],
    ['a\\.b', ['a.b'], ['axb']],
    ['^abc$', ['abc'], ['xabc', 'abcx']],
    ['a|bc', ['a', 'bc'], ['ab', 'abc', 'xbc', 'ax']],
    ['(a|b)*c', ['c', 'abbac'], ['ab', 'cc']],
    ['(?:ab)+', ['ab', 'abab'], ['', 'aba']],
    ['a?b', ['b', 'ab'], ['aab']],
    ['a{2}', ['aa'], ['a', 'aaa']],
    ['a{1,2}b', ['ab', 'aab'], ['b', 'aaab']],
    ['a{2,}', ['aa', 'aaaa'], ['a']],
    ['.*?x', ['x', 'aax'], ['a', 'a\nx']],
    ['[a-c]+', ['abc'], ['abd']],
    ['[^/]+', ['abc'], ['a/c', '']],
    ['[\\]x]', [']', 'x'], ['y']],
    ['\\p{L}+', ['äé'], ['1']],
    ['', [''], ['x']],
    ['(a?)*b', ['b', 'aab'], ['a']],
    ['💡', ['💡'], ['\u{d83d}']],
    [WORKFLOW, ['https://github.com/o/r/.github/workflows/x.yaml@refs/tags/v1.2.3'], ['https://github.com/o/r/.github/workflows/x.yaml@refs/heads/v1']],
  ])('%j', (source, yes, no) => {
    const pattern = wholeTextPattern(source);
    expect(yes.filter((text) => !pattern.test(text))).toEqual([]);
    expect(no.filter((text) => pattern.test(text))).toEqual([]);
    // The platform's own engine is the second opinion.
    for (const text of [...yes, ...no]) expect([text, pattern.test(text)]).toEqual([text, new RegExp(`^(?:${source})$`, 'u').test(text)]);
  });

  it.each([
    ['(', 'not closed'],
    ['a)', 'not opened'],
    ['x)|(y', 'not opened'],
    ['*', 'is not a regular expression'],
    ['a**', 'is not a regular expression'],
    ['a{2', 'is not a regular expression'],
    ['[a', 'is not a regular expression'],
    ['[z-a]', 'is not a regular expression'],
    ['\\', 'is not a regular expression'],
    ['\\u0041', 'is not a regular expression'],
    ['a^b', 'is not a regular expression'],
    ['a$b', 'is not a regular expression'],
    ['(a$)', 'is not a regular expression'],
    ['\\p{Nothing}', 'is not a regular expression'],
    ['(?=a)b', 'must not look around'],
    ['(?<!a)b', 'must not look around'],
    ['(?<n>a)', 'must not look around, nor name groups'],
    ['(a)\\1', 'must not look back'],
    ['a{3,2}', 'must not repeat'],
    ['a{101}', 'must not repeat'],
    ['((a{100}){100}){100}', 'too large'],
    ['('.repeat(500), 'nested too deeply'],
  ])('is refused: %s', (source, problem) => {
    expect(() => wholeTextPattern(source)).toThrowError(problem);
  });

  it.each(['(a+)+', '(a|a)*', '.*a.*a.*a.*a.*', '(a?){50}a{50}'])('takes no time for a text that almost matches: %s', (source) => {
    const pattern = wholeTextPattern(source);
    const started = performance.now();
    expect(pattern.test(`${'a'.repeat(499)}!`)).toBe(source.includes('.*'));
    expect(performance.now() - started).toBeLessThan(2_000);
  });
});
