// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBundles } from '../step/bundles.ts';
import { NAMESPACE, type RealArgoCd, startArgoCd } from './real-argocd.ts';
import { configMap, deployment, expectNo, expectOk, IMAGE, inFolder, manifest, OTHER_IMAGE, openScene } from './scene.ts';

let argo: RealArgoCd;
beforeAll(async () => {
  await ensureBundles();
  argo = await startArgoCd();
});
afterAll(() => argo?.stop());

const AUTOMATED = { prune: true, selfHeal: true };
/** A hook whose Job nobody runs, so that the sync never ends. */
const HANGING_HOOK = manifest(
  'batch/v1',
  'Job',
  'before',
  { template: { spec: { restartPolicy: 'Never', containers: [{ name: 'job', image: 'registry.example.com/job@sha256:00' }] } } },
  { annotations: { 'argocd.argoproj.io/hook': 'PreSync' } },
);

function project(name: string, more: object = {}): object {
  const everything = { sourceRepos: ['*'], destinations: [{ server: '*', namespace: '*' }], clusterResourceWhitelist: [{ group: '*', kind: '*' }] };
  return { apiVersion: 'argoproj.io/v1alpha1', kind: 'AppProject', metadata: { name, namespace: NAMESPACE }, spec: { ...everything, ...more } };
}

describe('what Argo CD refuses', () => {
  test('a wrong token, an account without the right to sync, a project that forbids it, an application that is not there', async () => {
    await argo.apply(project('walled'));
    const scene = await openScene(argo, 'login', { files: { 'a.json': configMap('a', {}) } });
    const wrong = await mkdtemp(join(argo.dir, 'wrong-'));
    await writeFile(join(wrong, 'token'), argo.tokens.ci.replace(/.$/, (last) => (last === 'A' ? 'B' : 'A')).replace(/\.[^.]*$/, '.AAAA'));
    expectNo(await scene.run({}, { workspaces: { 'argocd-credentials': wrong } }), 'refused', 'ARGOCD_UNAUTHORIZED', 'argocd-credentials');
    expectNo(await scene.run({ app: 'nowhere' }), 'refused', 'ARGOCD_APP_MISSING', 'nowhere');
    expectNo(await scene.run({ project: 'walled' }), 'refused', 'ARGOCD_APP_MISSING', 'project walled');
    const reader = await openScene(argo, 'reader', { files: { 'a.json': configMap('a', {}) }, token: 'reader' });
    expectNo(await reader.run(), 'refused', 'ARGOCD_FORBIDDEN', 'sync application reader');
    const walled = await openScene(argo, 'walled', { files: { 'a.json': configMap('a', {}) }, project: 'walled' });
    expectNo(await walled.run(), 'refused', 'ARGOCD_FORBIDDEN', 'sync application walled');
  });

  test('a sync in a window that denies it, until the window is gone', async () => {
    const window = { kind: 'deny', schedule: '* * * * *', duration: '1h', applications: ['*'] };
    await argo.apply(project('windowed', { syncWindows: [window] }));
    const scene = await openScene(argo, 'windowed', { files: { 'a.json': configMap('a', {}) }, project: 'windowed' });
    expectNo(await scene.run(), 'denied', 'SYNC_WINDOW', 'deny at "* * * * *" for 1h');
    expect((await scene.app()).status?.operationState ?? undefined).toBeUndefined();
    await argo.apply(project('windowed', { syncWindows: [] }));
    expectOk(await scene.run());
  });
});

describe('what the cluster refuses', () => {
  test('objects that an admission policy denies, told at once with policy and message', async () => {
    const match = { resourceRules: [{ apiGroups: ['apps'], apiVersions: ['v1'], operations: ['CREATE', 'UPDATE'], resources: ['deployments'] }] };
    const name = 'pinned-images';
    const validation = { expression: "object.spec.template.spec.containers.all(c, c.image.contains('@sha256:'))", message: 'images must be pinned by digest' };
    await argo.apply(
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicy',
        metadata: { name },
        spec: { matchConstraints: match, validations: [validation] },
      },
      {
        apiVersion: 'admissionregistration.k8s.io/v1',
        kind: 'ValidatingAdmissionPolicyBinding',
        metadata: { name },
        spec: { policyName: name, validationActions: ['Deny'] },
      },
    );
    // The API server takes a moment to compile a policy.
    await sleep(2000);
    const scene = await openScene(argo, 'denied', {
      files: { 'web.json': deployment('registry.example.com/release/shop:latest'), 'a.json': configMap('a', {}) },
      automated: AUTOMATED,
    });
    const end = await scene.run({ image: IMAGE });
    expectNo(end, 'denied', 'POLICY_DENIED', /apps\/Deployment denied\/web: refused by pinned-images \(pinned-images\): images must be pinned by digest/);
    expect(end.results).toMatchObject({ 'failed-resources': 'apps/Deployment denied/web', subject: IMAGE });
    expect(await scene.report()).toMatch(/\| `apps\/Deployment denied\/web` \| `pinned-images` \| `pinned-images` \| images must be pinned by digest/);
    scene.repo.commit(inFolder({ 'web.json': deployment(IMAGE) }));
    expectOk(await scene.run({ image: IMAGE, revision: scene.repo.head() }));
  });

  test('a manifest that the API server does not take, and one that is none', async () => {
    const broken = deployment(IMAGE).replace('"replicas": 1', '"replicas": "many"');
    const scene = await openScene(argo, 'invalid', { files: { 'web.json': broken } });
    expectNo(await scene.run({ revision: scene.repo.head() }), 'refused', 'SYNC_FAILED', 'apps/Deployment invalid/web', 'replicas');
    scene.repo.commit(inFolder({ 'web.json': '{ "kind": ' }));
    expectNo(await scene.run({ revision: scene.repo.head() }), 'refused', 'APP_INVALID', 'application invalid', 'ComparisonError');
  });
});

describe('what runs is not what is wanted', () => {
  test('another digest, an unpinned tag, and something that was not named', async () => {
    const scene = await openScene(argo, 'images', {
      files: { 'web.json': deployment(OTHER_IMAGE), 'proxy.json': deployment('registry.example.com/proxy@sha256:00', { name: 'proxy' }) },
    });
    expectNo(await scene.run({ image: IMAGE }), 'denied', 'IMAGE_MISMATCH', `apps/Deployment images/web: runs ${OTHER_IMAGE}`);
    expectNo(await scene.run({ image: IMAGE.replace('shop', 'elsewhere') }), 'denied', 'IMAGE_MISMATCH', 'no container has this digest');
    expectOk(await scene.run({ image: OTHER_IMAGE }));
    const strict = await scene.run({ image: OTHER_IMAGE, 'other-images': IMAGE });
    expectNo(strict, 'denied', 'IMAGE_MISMATCH', 'apps/Deployment images/proxy: runs registry.example.com/proxy');
  });

  test('a degraded application fails at once, one that does not come up at the time limit', async () => {
    const scene = await openScene(argo, 'health', { files: { 'web.json': deployment(IMAGE, { health: 'Degraded' }) } });
    const end = await scene.run({ image: IMAGE });
    expectNo(end, 'refused', 'APP_DEGRADED', 'apps/Deployment health/web: the test says Degraded');
    expect(end.results).toMatchObject({ phase: 'Succeeded', health: 'Degraded', 'failed-resources': 'apps/Deployment health/web' });
    scene.repo.commit(inFolder({ 'web.json': deployment(IMAGE, { health: 'Progressing' }) }));
    const late = await scene.run({ revision: scene.repo.head(), timeout: '8s' });
    expectNo(late, 'transient', 'WAIT_TIMEOUT', 'apps/Deployment health/web: the test says Progressing');
    expect(late.results).toMatchObject({ phase: 'Succeeded', health: 'Progressing', revision: scene.repo.head() });
  });
});

describe('the operation of somebody else', () => {
  test('is waited for, fails the step, or is ended, as the param says', async () => {
    const scene = await openScene(argo, 'foreign', { files: { 'hook.json': HANGING_HOOK, 'a.json': configMap('a', {}) } });
    const stuck = await scene.run({ timeout: '6s' });
    expectNo(stuck, 'transient', 'WAIT_TIMEOUT', 'the sync operation');
    scene.repo.commit(inFolder({ 'hook.json': configMap('no-hook', {}) }));
    const revision = scene.repo.head();
    expectNo(await scene.run({ revision, 'foreign-operation': 'fail' }), 'transient', 'OPERATION_IN_PROGRESS', 'another run of this Task');
    expectNo(await scene.run({ revision, timeout: '4s' }), 'transient', 'WAIT_TIMEOUT', 'another operation');
    expectOk(await scene.run({ revision, 'foreign-operation': 'terminate', 'sync-options': 'PrunePropagationPolicy=background' }), { revision });
  });
});
