// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { globMatches } from './glob.ts';

describe('globMatches', () => {
  it.each([
    ['a/b', 'a/b'],
    ['*', 'app'],
    ['**', 'r.example.com/team/app'],
    ['r.example.com/team/*', 'r.example.com/team/app'],
    ['r.example.com/**', 'r.example.com/team/deep/app'],
    ['r.example.com/**/app', 'r.example.com/a/b/app'],
    ['*.example.com/app', 'r.example.com/app'],
    ['pkg:npm/left-pad@*', 'pkg:npm/left-pad@1.3.0'],
    ['a*b*c', 'axxbyybzzc'],
    ['a**', 'a'],
  ])('%s matches %s', (glob, text) => {
    expect(globMatches(glob, text)).toBe(true);
  });

  it.each([
    ['a/b', 'a/bc'],
    ['a/b', 'xa/b'],
    ['*', 'team/app'],
    ['r.example.com/team/*', 'r.example.com/team/deep/app'],
    ['r.example.com/team/*', 'r.example.com/team-evil/app'],
    ['r.example.com/**', 'r.example.com.evil.example/app'],
    ['r.example.com/**', 'evil.example/r.example.com/app'],
    ['*.example.com/app', 'evil.test/x.example.com/app'],
    ['a.c', 'abc'],
    ['[ab]', 'a'],
    ['a*b', 'ab/b/b'],
    ['', 'a'],
  ])('%s does not match %s', (glob, text) => {
    expect(globMatches(glob, text)).toBe(false);
  });

  it('answers at once however often it could begin again', () => {
    const started = performance.now();
    expect(globMatches(`${'**a'.repeat(40)}b`, 'a'.repeat(2000))).toBe(false);
    expect(performance.now() - started).toBeLessThan(5000);
  });
});
