// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ManagedResource } from './argocd.ts';
import { containerImages } from './container-images.ts';
import { resourceChanges } from './resource-diff.ts';

describe('containerImages', () => {
  it.each<[string, unknown, string[]]>([
    ['a pod', { spec: { containers: [{ image: 'a' }], initContainers: [{ image: 'b' }], ephemeralContainers: [{ image: 'c' }] } }, ['a', 'b', 'c']],
    ['a CronJob', { spec: { jobTemplate: { spec: { template: { spec: { containers: [{ image: 'a' }, { image: 'a' }] } } } } } }, ['a']],
    ['a kind that nobody knows', { spec: { workers: [{ pod: { containers: [{ image: 'a' }] } }] } }, ['a']],
    ['no container', { spec: { image: 'a', containers: 'b', containers2: [{ image: 'c' }] } }, []],
    ['odd containers', { containers: [null, 'x', {}, { image: '' }, { image: 5 }] }, []],
    ['nothing', undefined, []],
  ])('of %s', (_what, manifest, wanted) => {
    expect(containerImages(manifest)).toEqual(wanted);
  });

  it('ends in what is too deep', () => {
    let deep: unknown = { containers: [{ image: 'a' }] };
    for (let depth = 0; depth < 10_000; depth++) deep = { deep };
    expect(containerImages(deep)).toEqual([]);
  });
});

function managed(live: unknown, target: unknown, more: Partial<ManagedResource> = {}): ManagedResource {
  return { group: '', kind: 'ConfigMap', namespace: 'shop', name: 'a', live, target, normalized: live, predicted: target, ...more };
}

describe('resourceChanges', () => {
  it.each<[string, ManagedResource, unknown[]]>([
    ['the same', managed({ a: [1, { b: 2 }] }, { a: [1, { b: 2 }] }), []],
    ['a value, an item and a type', managed({ a: 1, b: [1], c: {} }, { a: 2, b: [1, 2], c: [] }), ['.a 1 2', '.b[1] (none) 2', '.c {} []']],
    ['what is gone', managed({ a: 1, b: 2 }, { a: 1 }), ['.b 2 (none)']],
    ['what Argo CD ignores', managed({ a: 1 }, { a: 2 }, { normalized: { x: 1 }, predicted: { x: 1 } }), []],
    ['a Secret', managed({ data: { p: 'one' } }, { data: { p: 'two' } }, { kind: 'Secret' }), ['.data.p *** ***']],
  ])('%s', (_what, resource, wanted) => {
    const changes = resourceChanges([resource]).flatMap((change) => change.changes.map(({ path, from, to }) => `${path} ${from} ${to}`));
    expect(changes).toEqual(wanted);
  });

  it('knows what comes, what goes and what is neither here nor there', () => {
    const found = resourceChanges([managed(undefined, {}), managed({}, undefined), managed(undefined, undefined)]);
    expect(found.map(({ action, resource }) => `${action} ${resource}`)).toEqual(['create ConfigMap shop/a', 'prune ConfigMap shop/a']);
  });

  it('cuts long lists and long values, and says so', () => {
    const many = Object.fromEntries(Array.from({ length: 100 }, (_, index) => [`k${index}`, 'v'.repeat(1000)]));
    const [change] = resourceChanges([managed({}, many)]);
    expect(change).toMatchObject({ more: 60 });
    expect(change?.changes[0]?.to).toHaveLength(121);
  });
});
