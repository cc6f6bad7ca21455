// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { ensureBundles } from '../step/bundles.ts';
import type { StepEnd } from '../step/spawn-step.ts';
import { NAMESPACE, type RealArgoCd, startArgoCd } from './real-argocd.ts';
import { deployment, expectNo, expectOk, IMAGE, inFolder, OTHER_IMAGE, openScene } from './scene.ts';

let argo: RealArgoCd;
beforeAll(async () => {
  await ensureBundles();
  argo = await startArgoCd();
});
afterAll(() => argo?.stop());

describe('the API server of Argo CD goes away in the middle of the wait', () => {
  test('the step goes on when it is back', async () => {
    const server = await argo.startServer();
    const scene = await openScene(argo, 'restart', { files: { 'web.json': deployment(IMAGE, { health: 'Progressing' }) } });
    let ended: StepEnd | undefined;
    const running = scene.run({ server: server.url, image: IMAGE }).then((end) => {
      ended = end;
      return end;
    });
    for (let attempt = 0; (await scene.app()).status?.operationState?.phase !== 'Succeeded'; attempt++) {
      if (attempt > 60) throw new Error('the operation does not end');
      await sleep(250);
    }
    await sleep(1500);
    await server.stop();
    await argo.kubectl('annotate', '-n', 'restart', 'deployment', 'web', 'test/live-health=Healthy');
    await sleep(1000);
    expect(ended).toBeUndefined();
    const again = await argo.startServer(server.port);
    const end = await running;
    await again.stop();
    expect(end.stderr).toMatch(/^warn: the stream of Argo CD broke/m);
    expect(end, end.stderr).toMatchObject({ code: 0, results: { outcome: 'ok', health: 'Healthy' } });
  });
});

describe('by the Application object alone', () => {
  async function workspace(): Promise<{ trust: string; 'argocd-credentials': string }> {
    const dir = await mkdtemp(join(argo.dir, 'cluster-'));
    const config = JSON.parse(await argo.kubectl('config', 'view', '--raw', '-o', 'json'));
    await writeFile(join(dir, 'ca.crt'), Buffer.from(config.clusters[0].cluster['certificate-authority-data'], 'base64'));
    await writeFile(join(dir, 'token'), await argo.kubectl('create', 'token', '-n', NAMESPACE, 'syncer'));
    return { trust: dir, 'argocd-credentials': dir };
  }
  async function kubernetesParams(): Promise<Record<string, string>> {
    const config = JSON.parse(await argo.kubectl('config', 'view', '--raw', '-o', 'json'));
    return { mode: 'kubernetes', server: config.clusters[0].cluster.server, 'ca-bundle': 'ca.crt' };
  }

  test('syncs with no more rights than the notes ask for, and does nothing the second time', async () => {
    const rules = [{ apiGroups: ['argoproj.io'], resources: ['applications'], verbs: ['get', 'patch', 'watch'] }];
    const metadata = { name: 'syncer', namespace: NAMESPACE };
    await argo.apply({ apiVersion: 'v1', kind: 'ServiceAccount', metadata });
    const scene = await openScene(argo, 'core', { files: { 'web.json': deployment(IMAGE) } });
    const [params, workspaces] = [await kubernetesParams(), await workspace()];
    expectNo(await scene.run(params, { workspaces }), 'refused', 'ARGOCD_FORBIDDEN', 'application');
    await argo.apply(
      { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
      {
        apiVersion: 'rbac.authorization.k8s.io/v1',
        kind: 'RoleBinding',
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'syncer' },
        subjects: [{ kind: 'ServiceAccount', ...metadata }],
      },
    );
    const revision = scene.repo.head();
    expectOk(await scene.run({ ...params, image: IMAGE, revision }, { workspaces }), { revision, 'app-url': '' });
    const before = await scene.history();
    const second = await scene.run({ ...params, image: IMAGE, revision }, { workspaces });
    expectOk(second, { revision });
    expect(second.stderr).toContain('nothing is started');
    expect(await scene.history()).toBe(before);
    scene.repo.commit(inFolder({ 'web.json': deployment(OTHER_IMAGE) }));
    const wrong = await scene.run({ ...params, image: IMAGE, revision: scene.repo.head() }, { workspaces });
    expectNo(wrong, 'denied', 'IMAGE_MISMATCH', OTHER_IMAGE);
    expectNo(await scene.run({ ...params, project: 'other' }, { workspaces }), 'refused', 'ARGOCD_APP_MISSING', 'in project default, not in other');
    expectNo(await scene.run({ ...params, app: 'nowhere' }, { workspaces }), 'refused', 'ARGOCD_APP_MISSING', 'nowhere');
  });
});
