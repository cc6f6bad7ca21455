// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { at, deploymentOf, type FakeArgoCd, type Json, managed, OLD_REVISION, REVISION, startOperation } from './fake-argocd.ts';
import type { StepRun } from './spawn-step.ts';

/** What Gatekeeper's webhook answers, as it stands in the result of a sync: a constraint a line. */
export const GATEKEEPER = [
  'error when creating "/dev/shm/1": admission webhook "validation.gatekeeper.sh" denied the request: [require-signed] image is not signed',
  '[require-limits] container web has no memory limit',
].join('\n');

/** A run for the application of the fake that succeeds, unless the story says otherwise; its Deployment then runs the image. */
export function syncRun(fake: FakeArgoCd, image: string, credentials: string): StepRun {
  const params = { image, server: fake.url, app: 'shop', project: 'team', revision: REVISION, 'stable-for': '1s', timeout: '20s' };
  fake.managed = [managed(deploymentOf(image))];
  return { task: 'argocd-sync', params, workspaces: { 'argocd-credentials': credentials } };
}

/** A workspace with this token file. */
export async function credentialsWith(root: string, token: string): Promise<string> {
  const folder = await mkdtemp(join(root, 'argocd-credentials-'));
  await writeFile(join(folder, 'token'), token);
  return folder;
}

/** Somebody's operation runs. */
export function busy(fake: FakeArgoCd, operation: Json = {}, state: Json = {}): void {
  fake.update((app) => {
    app.operation = { sync: { revision: OLD_REVISION }, initiatedBy: { username: 'somebody' }, ...operation };
    startOperation(app, { startedAt: at(-30), ...state });
  });
}

/** The next sync cannot apply the Deployment. */
export function failWith(fake: FakeArgoCd, message: string, phase: 'Running' | 'Failed' = 'Running', more: Json = {}): void {
  const resources = [{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web', status: 'SyncFailed', message }];
  const syncResult = { revision: REVISION, resources };
  fake.afterSync = () => {
    fake.later(50, () =>
      phase === 'Running' ? fake.update((app) => startOperation(app, { syncResult, ...more })) : fake.finish(phase, { syncResult, ...more }),
    );
  };
}
