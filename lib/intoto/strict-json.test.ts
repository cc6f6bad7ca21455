// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { parseStrictJson } from './strict-json.ts';

describe('parseStrictJson', () => {
  it.each([
    'null',
    '[]',
    '{}',
    '"a:b"',
    '{"a":"{\\"a\\":1}","b":[{"a":1},{"a":2}],"c":{"a":"\\\\"}}',
    '{"a":{"a":1},"A":2," a":3}',
    '{ "a" : 1 ,\n\t"b" : "a" }',
    `${'['.repeat(200)}${']'.repeat(200)}`,
  ])('reads %s as every parser does', (text) => {
    expect(parseStrictJson(text)).toEqual(JSON.parse(text));
  });

  it.each([
    ['a key twice', '{"a":1,"a":2}', 'has the key "a" twice'],
    ['a key twice, once escaped', '{"a":1,"\\u0061":2}', 'has the key "a" twice'],
    ['a key twice, far apart and deep', '[{"b":{"a":[{"x":1}],"c":"\\\\","a":2}}]', 'has the key "a" twice'],
    ['a key twice with spaces', '{"a" :1,"a"\n:2}', 'has the key "a" twice'],
    ['a prototype', '{"__proto__":{"a":1}}', 'has the key "__proto__"'],
    ['an escaped prototype', '{"_\\u005fproto__":{"a":1}}', 'has the key "__proto__"'],
    ['too deep', `${'['.repeat(201)}${']'.repeat(201)}`, 'nested more than 200'],
    ['deeper than any stack', `${'['.repeat(1_000_000)}${']'.repeat(1_000_000)}`, 'nested more than 200'],
    ['very many keys', `{${Array.from({ length: 20_001 }, (_, at) => `"${at}":0`).join(',')}}`, 'more than 20000 keys'],
    ['a text without an end', '["a\\"', 'JSON'],
    ['no JSON', '{"a":1', 'JSON'],
    ['two values', '{}{}', 'JSON'],
  ])('refuses %s', (_what, text, why) => {
    expect(() => parseStrictJson(text)).toThrow(why);
  });

  it('reads megabytes within seconds', () => {
    const text = JSON.stringify(Array.from({ length: 100_000 }, (_, index) => ({ name: `n"${index}`, version: '1\\', purl: 'pkg:npm/a@1' })));
    const started = performance.now();
    expect(parseStrictJson(text)).toHaveLength(100_000);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
