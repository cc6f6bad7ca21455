// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { forgeOf } from './forge-place.ts';

describe('places', () => {
  test.each([
    ['https://github.com/team/gitops.git', undefined, { kind: 'github', url: 'https://github.com', repo: 'team/gitops' }],
    ['https://gitlab.com/a/b/c/', undefined, { kind: 'gitlab', url: 'https://gitlab.com', repo: 'a/b/c' }],
    [
      'https://git.example.com/forge/team/x.git',
      { kind: 'gitea', url: 'https://git.example.com/forge' },
      { kind: 'gitea', url: 'https://git.example.com/forge', repo: 'team/x' },
    ],
    [
      'https://git.example.com/team/x',
      { kind: 'github', url: 'https://api.example.com/api/v3' },
      { kind: 'github', url: 'https://api.example.com/api/v3', repo: 'team/x' },
    ],
  ] as const)('%s', (url, given, place) => {
    expect(forgeOf(url, given)).toEqual(place);
  });
  test('an unknown host needs to be told', () => {
    expect(() => forgeOf('https://git.example.com/a/b', undefined)).toThrow(expect.objectContaining({ kind: 'input', code: 'FORGE_UNKNOWN' }));
  });
});
