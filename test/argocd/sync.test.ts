// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBundles } from '../step/bundles.ts';
import { NAMESPACE, type RealArgoCd, startArgoCd, untilServed } from './real-argocd.ts';
import { configMap, deployment, expectNo, expectOk, IMAGE, inFolder, manifest, OTHER_IMAGE, openScene } from './scene.ts';

let argo: RealArgoCd;
beforeAll(async () => {
  await ensureBundles();
  argo = await startArgoCd();
});
afterAll(() => argo?.stop());

const VALIDATED = ['Validate=true'];
const AUTOMATED = { prune: true, selfHeal: true };

describe('with auto-sync', () => {
  test('waits for exactly the commit that was pushed, and starts nothing the second time', async () => {
    const scene = await openScene(argo, 'auto', {
      files: { 'web.json': deployment(OTHER_IMAGE), 'old.json': configMap('old', {}) },
      automated: AUTOMATED,
      syncOptions: VALIDATED,
    });
    expectOk(await scene.run(), { revision: scene.repo.head() });
    scene.repo.commit(inFolder({ 'web.json': deployment(IMAGE), 'new.json': configMap('new', { a: '1' }) }));
    const revision = scene.repo.head();
    const first = await scene.run({ revision, image: IMAGE });
    expectOk(first, { revision, subject: IMAGE, 'app-url': `${argo.url}/applications/auto` });
    const before = await scene.history();
    const second = await scene.run({ revision, image: IMAGE });
    expectOk(second, { revision });
    expect(second.stderr).toContain('synced already; nothing is started');
    expect(await scene.history()).toBe(before);
  });

  test('syncs a commit that auto-sync tried and will not try again', async () => {
    const scene = await openScene(argo, 'again', { files: { 'bad.json': manifest('example.com/v1', 'Nothing', 'x', {}) }, automated: AUTOMATED });
    expectNo(await scene.run(), 'refused', 'SYNC_FAILED', 'example.com/Nothing again/x');
    const crd = { group: 'example.com', names: { kind: 'Nothing', plural: 'nothings' }, scope: 'Namespaced' };
    const version = { name: 'v1', served: true, storage: true, schema: { openAPIV3Schema: { type: 'object', 'x-kubernetes-preserve-unknown-fields': true } } };
    await argo.apply({
      apiVersion: 'apiextensions.k8s.io/v1',
      kind: 'CustomResourceDefinition',
      metadata: { name: 'nothings.example.com' },
      spec: { ...crd, versions: [version] },
    });
    await untilServed(argo.kubectl, 'nothings.example.com');
    expectOk(await scene.run({ revision: scene.repo.head() }));
  });

  test('refuses a commit that the application does not track, and takes a later one when told so', async () => {
    const scene = await openScene(argo, 'tracked', { files: { 'web.json': deployment(IMAGE) }, automated: AUTOMATED });
    expectOk(await scene.run({ image: IMAGE }));
    const expected = scene.repo.head();
    scene.repo.commit(inFolder({ 'other.json': configMap('other', {}) }), 'somebody else');
    const later = scene.repo.head();
    expectOk(await scene.run({ revision: later }));
    const refused = await scene.run({ revision: expected, timeout: '8s' });
    expectNo(refused, 'denied', 'REVISION_MISMATCH', `is at revision ${later}, expected ${expected}`);
    expectOk(await scene.run({ revision: expected, image: IMAGE, 'allow-newer': 'true', timeout: '8s' }), { revision: later });
    const wrong = await scene.run({ revision: expected, image: OTHER_IMAGE, 'allow-newer': 'true', timeout: '8s' });
    expectNo(wrong, 'denied', 'IMAGE_MISMATCH');
  });
});

describe('without auto-sync', () => {
  test('syncs the revision that was asked for, also when the branch went on', async () => {
    const scene = await openScene(argo, 'manual', { files: { 'web.json': deployment(IMAGE) } });
    const revision = scene.repo.head();
    scene.repo.commit(inFolder({ 'web.json': deployment(OTHER_IMAGE) }));
    expectOk(await scene.run({ revision, image: IMAGE }), { revision });
    const again = await scene.run({ revision, image: IMAGE });
    expectOk(again, { revision });
    expect(again.stderr).toContain('nothing is started');
    expectOk(await scene.run({ revision: scene.repo.head(), image: OTHER_IMAGE }), { revision: scene.repo.head() });
  });

  test('prunes when told so, and adds its sync options to those of the application', async () => {
    const scene = await openScene(argo, 'prune', { files: { 'a.json': configMap('a', {}), 'b.json': configMap('b', {}) }, syncOptions: VALIDATED });
    expectOk(await scene.run());
    scene.repo.git('update-ref', 'refs/heads/main', scene.repo.git('commit-tree', emptyTreeWith(scene.repo), '-p', scene.repo.head(), '-m', 'less').trim());
    expectNo(await scene.run(), 'refused', 'OUT_OF_SYNC', 'ConfigMap prune/b', 'was not pruned');
    const preview = await scene.run({ 'dry-run': 'true' });
    expect(preview, preview.stderr).toMatchObject({ code: 0, results: { phase: 'DryRun', changes: '0 create, 0 change, 1 prune', outcome: 'ok' } });
    expectOk(await scene.run({ prune: 'true', 'sync-options': 'PrunePropagationPolicy=background' }));
    const options = JSON.parse(await argo.kubectl('get', 'application', '-n', NAMESPACE, 'prune', '-o', 'json')).status.operationState.operation.sync
      .syncOptions;
    expect(options).toEqual(['Validate=true', 'PrunePropagationPolicy=background']);
    expect(await argo.kubectl('get', 'configmap', '-n', 'prune', '-o', 'name')).not.toContain('configmap/b');
  });

  test('shows what a sync would do and does nothing', async () => {
    const scene = await openScene(argo, 'preview', { files: { 'a.json': configMap('a', { one: '1' }) } });
    expectOk(await scene.run());
    scene.repo.commit(inFolder({ 'a.json': configMap('a', { one: '2' }), 'b.json': configMap('b', {}), 'web.json': deployment(IMAGE) }));
    const end = await scene.run({ 'dry-run': 'true' });
    expect(end, end.stderr).toMatchObject({ code: 0, results: { phase: 'DryRun', changes: '2 create, 1 change, 0 prune' } });
    expect(await scene.report()).toContain('`.data.one`: `"1"` → `"2"`');
    expect(await scene.history()).toBe('0');
  });
});

/** A tree with `deploy/a.json` alone. */
function emptyTreeWith(repo: { git(...args: string[]): string; path: string }): string {
  repo.git('read-tree', '--empty');
  repo.git('update-index', '--add', '--cacheinfo', `100644,${repo.git('rev-parse', 'main:deploy/a.json').trim()},deploy/a.json`);
  return repo.git('write-tree').trim();
}
