// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { isRepositoryName, parseRoute } from './routes.ts';

const D = `sha256:${'a'.repeat(64)}`;
const ID = '01234567-89ab-cdef-0123-456789abcdef';

describe('parseRoute', () => {
  test.each([
    ['/v2/', { kind: 'ping' }],
    ['/v2', { kind: 'ping' }],
    [`/v2/app/blobs/${D}`, { kind: 'blob', repository: 'app', digest: D }],
    [`/v2/a/b/c/blobs/${D}`, { kind: 'blob', repository: 'a/b/c', digest: D }],
    ['/v2/app/blobs/uploads/', { kind: 'uploads', repository: 'app' }],
    ['/v2/app/blobs/uploads', { kind: 'uploads', repository: 'app' }],
    [`/v2/app/blobs/uploads/${ID}`, { kind: 'upload', repository: 'app', id: ID }],
    ['/v2/app/manifests/v1', { kind: 'manifest', repository: 'app', reference: { tag: 'v1' } }],
    [`/v2/app/manifests/${D}`, { kind: 'manifest', repository: 'app', reference: { digest: D } }],
    ['/v2/manifests/manifests/manifests', { kind: 'manifest', repository: 'manifests', reference: { tag: 'manifests' } }],
    ['/v2/blobs/uploads/blobs/uploads/', { kind: 'uploads', repository: 'blobs/uploads' }],
    ['/v2/app/tags/list', { kind: 'tags', repository: 'app' }],
    [`/v2/app/referrers/${D}`, { kind: 'referrers', repository: 'app', digest: D }],
  ])('%s', (path, route) => {
    expect(parseRoute(path)).toEqual(route);
  });

  test.each([
    ['/', 'NOT_FOUND'],
    ['/v1/', 'NOT_FOUND'],
    ['/v2/app', 'NOT_FOUND'],
    ['/v2/app/tags/', 'NOT_FOUND'],
    ['/v2/_catalog', 'NOT_FOUND'],
    ['/v2/app/blobs/uploads/../../x', 'NOT_FOUND'],
    ['/v2/../../etc/manifests/v1', 'NAME_INVALID'],
    ['/v2/App/manifests/v1', 'NAME_INVALID'],
    ['/v2/%2e%2e/manifests/v1', 'NAME_INVALID'],
    ['/v2//manifests/v1', 'NAME_INVALID'],
    ['/v2/manifests/v1', 'NAME_INVALID'],
    ['/v2/app//manifests/v1', 'NAME_INVALID'],
    ['/v2/_blobs/manifests/v1', 'NAME_INVALID'],
    ['/v2/app/manifests/', 'TAG_INVALID'],
    ['/v2/app/manifests/..', 'TAG_INVALID'],
    ['/v2/app/manifests/.v1', 'TAG_INVALID'],
    [`/v2/app/manifests/${'x'.repeat(129)}`, 'TAG_INVALID'],
    ['/v2/app/manifests/sha256:abc', 'DIGEST_INVALID'],
    [`/v2/app/blobs/sha512:${'a'.repeat(128)}`, 'DIGEST_INVALID'],
    [`/v2/app/blobs/${D.toUpperCase()}`, 'DIGEST_INVALID'],
    [`/v2/app/referrers/${D}x`, 'DIGEST_INVALID'],
    [`/v2/${'a/'.repeat(600)}manifests/v1`, 'NOT_FOUND'],
    [`/v2/${'a'.repeat(256)}/manifests/v1`, 'NAME_INVALID'],
  ])('%s names nothing: %s', (path, code) => {
    expect(parseRoute(path)).toEqual({ kind: 'invalid', code });
  });

  test('no path of odd parts leads outside the grammar', () => {
    const parts = ['..', '.', '', 'a', 'A', '_tags', 'blobs', 'manifests', 'uploads', 'tags', 'list', 'referrers', D, ID, '%2f', '\\', 'a\u0000b', '~', 'v1'];
    let seed = 11;
    const next = (): string => {
      seed = (seed * 48_271) % 2_147_483_647;
      return parts[seed % parts.length] ?? '';
    };
    for (let round = 0; round < 20_000; round += 1) {
      const path = `/v2/${Array.from({ length: 1 + (round % 6) }, next).join('/')}`;
      const route = parseRoute(path);
      if ('repository' in route) expect(isRepositoryName(route.repository)).toBe(true);
      if (route.kind === 'manifest' && 'tag' in route.reference) expect(route.reference.tag).toMatch(/^\w[\w.-]*$/);
    }
  });
});
