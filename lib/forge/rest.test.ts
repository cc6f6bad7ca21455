// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, test } from 'vitest';
import { closeAll, testClient } from '../http/test-server.ts';
import { createForge, type ForgeKind } from './forge.ts';
import { apiBase } from './rest.ts';

afterEach(closeAll);

describe('addresses', () => {
  test.each<[ForgeKind, string, string]>([
    ['github', 'https://github.com', 'https://api.github.com'],
    ['github', 'https://github.com/', 'https://api.github.com'],
    ['github', 'https://api.github.com', 'https://api.github.com'],
    ['github', 'https://octo.ghe.com', 'https://api.octo.ghe.com'],
    ['github', 'https://git.example.com', 'https://git.example.com/api/v3'],
    ['github', 'https://git.example.com/api/v3', 'https://git.example.com/api/v3'],
    ['gitlab', 'https://git.example.com/gitlab/', 'https://git.example.com/gitlab/api/v4'],
    ['gitea', 'http://gitea.forge.svc:3000', 'http://gitea.forge.svc:3000/api/v1'],
  ])('%s at %s has its API at %s', (kind, url, base) => {
    expect(apiBase(kind, url)).toBe(base);
  });

  test.each(['git.example.com', 'ssh://git@example.com', 'https://token@github.com', 'https://github.com?x=1'])('%s is no forge', (url) => {
    expect(() => apiBase('github', url)).toThrow(/not a plain http or https URL/);
  });

  test.each(['app', 'team/app?x', '../app', 'team/../app', 'team/', '/team/app', 'team/a b'])('%s is no repository', (repo) => {
    expect(() => createForge({ kind: 'github', url: 'https://github.com', repo, token: 't', http: testClient() })).toThrow(/write|not the name/);
  });
});
