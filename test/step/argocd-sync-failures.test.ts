// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe } from 'vitest';
import { spec } from '../../tasks/argocd-sync/spec.ts';
import { busy, credentialsWith, failWith, GATEKEEPER, syncRun } from './argocd-story.ts';
import { type Bench, openBench } from './bench.ts';
import { type Provocations, type Provoked, SOON_NEVER, testFailures } from './failures.ts';
import { type FakeArgoCd, REVISION, startFakeArgoCd, TOKEN } from './fake-argocd.ts';

let bench: Bench;
let fake: FakeArgoCd;
let credentials: string;
beforeAll(async () => {
  bench = await openBench();
  fake = await startFakeArgoCd();
  credentials = await credentialsWith(bench.root, TOKEN);
});
afterAll(async () => {
  await fake.close();
  await bench.close();
});
beforeEach(() => fake.reset());

async function withToken(token: string): Promise<Record<string, string>> {
  return { 'argocd-credentials': await credentialsWith(bench.root, token) };
}

/** Every answer, or that to the sync, is this one. */
function answer(fault: { status: number; headers?: Record<string, string>; body?: string } | 'cut', names: string, to: 'all' | 'sync' = 'all'): Provoked {
  fake.wire = ({ method }) => (to === 'all' || method === 'POST' ? fault : undefined);
  return { names };
}

const OTHER = '2'.repeat(40);

const PROVOCATIONS: Provocations<typeof spec> = {
  POLICY_DENIED: () => {
    failWith(fake, GATEKEEPER);
    return { names: /apps\/Deployment shop\/web: refused by require-signed/ };
  },
  IMAGE_MISMATCH: (_, image) => {
    const subject = image.replace(/[0-9a-f]{4}$/, '0000');
    return { params: { image: subject }, names: `apps/Deployment shop/web: runs ${image}`, subject };
  },
  REVISION_MISMATCH: () => {
    fake.update((app) => Object.assign(app.spec.syncPolicy, { automated: {} }));
    return { params: { revision: OTHER, timeout: '2s' }, names: `is at revision ${REVISION}, expected ${OTHER}` };
  },
  SYNC_WINDOW: () => {
    fake.windows = { canSync: false, activeWindows: [{ kind: 'deny', schedule: '0 22 * * *', duration: '8h' }] };
    return { names: 'deny at "0 22 * * *" for 8h' };
  },
  SYNC_FAILED: () => {
    failWith(fake, 'spec.replicas: Invalid value', 'Failed');
    return { names: 'apps/Deployment shop/web: spec.replicas: Invalid value' };
  },
  APP_DEGRADED: () => {
    fake.update((app) => Object.assign(app.status.health, { status: 'Degraded', message: 'nothing works' }));
    return { names: 'application shop is degraded: nothing works' };
  },
  APP_INVALID: () => {
    fake.update((app) => Object.assign(app.status, { conditions: [{ type: 'ComparisonError', message: 'cannot render' }] }));
    return { names: 'application shop: ComparisonError: cannot render' };
  },
  OUT_OF_SYNC: () => {
    fake.afterSync = () => {
      fake.finish('Succeeded');
      fake.update(({ status }) => {
        status.sync = { status: 'Pinned', revision: REVISION };
        status.resources = [{ kind: 'ConfigMap', namespace: 'shop', name: 'old', status: 'OutOfSync', requiresPruning: true }];
      });
      fake.later(400, () => fake.update(({ status }) => Object.assign(status.sync, { status: 'OutOfSync' })));
    };
    return { names: 'ConfigMap shop/old: is not in Git any more' };
  },
  ARGOCD_UNAUTHORIZED: async () => ({ workspaces: await withToken('another-token-771'), names: 'refresh application shop' }),
  ARGOCD_FORBIDDEN: () => answer({ status: 403, body: `{"error":"permission denied for Bearer ${TOKEN}"}` }, 'sync application shop', 'sync'),
  ARGOCD_APP_MISSING: () => ({ params: { app: 'nowhere' }, names: 'application nowhere' }),
  ARGOCD_REFUSED: () => answer({ status: 400, body: '{"error":"application is deleting"}' }, 'sync application shop: status 400', 'sync'),
  ARGOCD_ANSWER_INVALID: () => answer({ status: 200, body: '<!doctype html><title>Argo CD</title>' }, 'refresh application shop'),
  SERVER_MISSING: () => ({ params: { server: '' }, names: 'param server' }),
  IMAGE_MISSING: () => ({ params: { image: '', 'allow-newer': 'true' }, names: 'param image', subject: '' }),
  WORKSPACE_UNBOUND: () => ({ workspaces: { 'argocd-credentials': undefined }, names: 'argocd-credentials' }),
  FILE_MISSING: async () => ({ workspaces: { 'argocd-credentials': await bench.folder('empty') }, names: 'token' }),
  TOKEN_INVALID: async () => ({ workspaces: await withToken(`Bearer ${TOKEN}`), names: 'the file token' }),
  OPERATION_IN_PROGRESS: () => {
    busy(fake);
    return { params: { 'foreign-operation': 'fail' }, names: 'by somebody' };
  },
  WAIT_TIMEOUT: () => {
    const resources = [{ kind: 'Pod', namespace: 'shop', name: 'p', health: { status: 'Progressing', message: 'pulling' } }];
    fake.update((app) => Object.assign(app.status, { health: { status: 'Progressing' }, resources }));
    return { params: { timeout: '4s' }, names: 'Pod shop/p: pulling' };
  },
  HTTP_UNREACHABLE: () => ({ ...answer('cut', fake.url), params: { timeout: '3s' } }),
  HTTP_THROTTLED: () => answer({ status: 429, headers: SOON_NEVER }, fake.url),
  HTTP_SERVER_ERROR: () => answer({ status: 503, headers: SOON_NEVER }, fake.url),
};

describe('failures of argocd-sync', () => {
  const syncs = (image: string) => {
    const run = syncRun(fake, image, credentials);
    return { ...run, workspaces: { ...run.workspaces, reports: bench.workspaces.reports } };
  };
  testFailures(spec, PROVOCATIONS, { bench: () => bench, base: (_, image) => syncs(image) });
});
