// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { busy, credentialsWith, failWith, GATEKEEPER, syncRun } from './argocd-story.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone } from './expectations.ts';
import { deploymentOf, type FakeArgoCd, type Json, managed, OLD_REVISION, REVISION, startFakeArgoCd, startOperation, TOKEN } from './fake-argocd.ts';
import { runStep, type StepEnd } from './spawn-step.ts';

const IMAGE = `registry.example.com/shop@sha256:${'c'.repeat(64)}`;

let bench: Bench;
let fake: FakeArgoCd;
let credentials: string;
beforeAll(async () => {
  bench = await openBench();
  fake = await startFakeArgoCd();
  credentials = await credentialsWith(bench.root, `${TOKEN}\n`);
});
afterAll(async () => {
  await fake.close();
  await bench.close();
});
beforeEach(() => fake.reset());

async function run(params: Record<string, string> = {}, objects?: Json[]): Promise<StepEnd> {
  const start = syncRun(fake, IMAGE, credentials);
  if (objects) fake.managed = objects;
  const { reports } = bench.workspaces;
  const end = await runStep({ ...start, params: { ...start.params, ...params }, workspaces: { ...start.workspaces, reports } });
  expect([end.stdout, end.stderr, ...Object.values(end.results)].join('\n')).not.toContain(TOKEN);
  return end;
}

const bodies = (): Json[] => fake.requests.filter(({ method }) => method === 'POST').map(({ body }) => body);
const endings = (): number => fake.requests.filter(({ method }) => method === 'DELETE').length;
const report = (): Promise<string> => readFile(join(bench.workspaces.reports, 'sync.md'), 'utf8');
const automate = (policy: Json = {}): void => fake.update((app) => Object.assign(app.spec.syncPolicy, { automated: {}, ...policy }));

describe('argocd-sync', () => {
  test('starts one sync of the revision, waits for it, and starts none the second time', async () => {
    const first = await run({ 'sync-options': 'Validate=true', retries: '2' });
    expectDone(first, IMAGE);
    expect(first.results).toMatchObject({ revision: REVISION, phase: 'Succeeded', health: 'Healthy', 'app-url': `${fake.url}/applications/shop` });
    const [body, ...others] = bodies();
    expect(others).toEqual([]);
    expect(body).toMatchObject({ name: 'shop', project: 'team', revision: REVISION, prune: false, retryStrategy: { limit: 2 } });
    expect(body).toMatchObject({
      syncOptions: { items: ['Validate=true'] },
      infos: [{ name: 'tekton-supply-chain', value: expect.stringMatching(/^[0-9a-f-]{36}$/) }],
    });
    expect(fake.requests.filter(({ method, query }) => method === 'GET' && query.get('project') !== 'team')).toEqual([]);
    fake.requests.length = 0;
    expectDone(await run(), IMAGE);
    expect(bodies()).toEqual([]);
  });

  test('with auto-sync asks for no revision, and prunes as the policy does; its options are added to theirs', async () => {
    automate({ automated: { prune: true }, syncOptions: ['Validate=false', 'PruneLast=true'] });
    expectDone(await run({ 'sync-options': 'Validate=true' }), IMAGE);
    expect(bodies()).toEqual([expect.objectContaining({ prune: true, syncOptions: { items: ['PruneLast=true', 'Validate=true'] } })]);
    expect(bodies()[0]).not.toHaveProperty('revision');
  });

  test('asks for a revision of each source that was named', async () => {
    fake.update((app) => Object.assign(app.spec, { sources: [{ targetRevision: 'main' }, { targetRevision: '1.2.3' }] }));
    fake.afterSync = () => {
      fake.finish('Succeeded', { syncResult: { revisions: [REVISION, '1.2.3'], resources: [] } });
      fake.update((app) => Object.assign(app.status.sync, { status: 'Pinned', revisions: [REVISION, '1.2.3'] }));
      fake.later(300, () => fake.update((app) => Object.assign(app.status.sync, { status: 'Synced' })));
    };
    const end = await run({ revision: `${REVISION},` });
    expect(end.stderr).toContain(`wanted is ${REVISION},*`);
    expect(bodies()).toEqual([expect.objectContaining({ revisions: [REVISION], sourcePositions: [1] })]);
    expect(end.results).toMatchObject({ revision: `${REVISION},1.2.3`, outcome: 'ok' });
  });

  test('takes over what auto-sync has begun at the same revision', async () => {
    automate();
    busy(fake, { sync: { revision: REVISION }, initiatedBy: { automated: true } });
    fake.later(800, () => fake.finish('Succeeded'));
    const end = await run();
    expectDone(end, IMAGE);
    expect(end.stderr).toContain('the running operation does what is wanted');
    expect(bodies()).toEqual([]);
  });

  test.each(['wait', 'terminate'])('with foreign-operation=%s comes after somebody else', async (foreign) => {
    busy(fake);
    if (foreign === 'wait') fake.later(800, () => fake.finish('Succeeded'));
    const end = await run({ 'foreign-operation': foreign });
    expectDone(end, IMAGE);
    expect(end.stderr).toContain(`another operation: sync of revision ${OLD_REVISION} by somebody since `);
    expect(endings()).toBe(foreign === 'wait' ? 0 : 1);
    expect(bodies()).toHaveLength(1);
  });

  test('ends an older sync of auto-sync that failed and blocks what comes after it', async () => {
    automate();
    busy(fake, { initiatedBy: { automated: true }, retry: { limit: 5 } }, { finishedAt: '2026-01-01T00:00:00Z', retryCount: 2 });
    expectDone(await run(), IMAGE);
    expect(endings()).toBe(1);
  });

  test('lets Argo CD try again as often as it may', async () => {
    failWith(fake, 'conflict', 'Running', { finishedAt: '2026-01-01T00:00:00Z', retryCount: 1 });
    const fail = fake.afterSync;
    fake.afterSync = () => {
      fail();
      fake.later(600, () => fake.finish('Succeeded'));
    };
    expectDone(await run({ retries: '2' }), IMAGE);
  });

  test('tells each constraint of a denial at once, whatever is left to try, and ends the operation, which would block every later commit', async () => {
    failWith(fake, GATEKEEPER, 'Running', { finishedAt: '2026-01-01T00:00:00Z', retryCount: 0 });
    const end = await run({ retries: '5' });
    expect(end, end.stderr).toMatchObject({ code: 20, results: { outcome: 'denied', phase: 'Running', 'failed-resources': 'apps/Deployment shop/web' } });
    expect(end.stderr).toContain('apps/Deployment shop/web: refused by require-signed (validation.gatekeeper.sh): image is not signed');
    expect(end.stderr).toContain('refused by require-limits (validation.gatekeeper.sh): container web has no memory limit');
    expect(endings()).toBe(1);
    expect(await report()).toContain('| `apps/Deployment shop/web` | `require-limits` | `validation.gatekeeper.sh` | container web has no memory limit |');
  });

  test('shows what would change, without values of Secrets, and starts nothing', async () => {
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'login' }, data: { password: 'cGFzczE=' } };
    const changed = { ...managed(secret), predictedLiveState: JSON.stringify({ ...secret, data: { password: 'cGFzczI=' } }) };
    const objects = [changed, { ...managed(deploymentOf('new')), liveState: 'null' }, { ...managed({ ...secret, kind: 'ConfigMap' }), targetState: '' }];
    const end = await run({ 'dry-run': 'true' }, objects);
    expectDone(end, IMAGE);
    expect(end.results).toMatchObject({ phase: 'DryRun', changes: '1 create, 1 change, 1 prune' });
    expect(await report()).toContain('`.data.password`: `***` → `***`');
    expect(`${end.stderr}${await report()}`).not.toMatch(/cGFzcz/);
    expect(fake.requests.filter(({ method }) => method !== 'GET')).toEqual([]);
  });

  test('finds the image in pods where no object of Git has containers', async () => {
    fake.nodes = [{ kind: 'Pod', namespace: 'shop', name: 'web-1', images: [IMAGE] }];
    expectDone(await run({}, []), IMAGE);
    fake.nodes = [{ kind: 'Pod', namespace: 'shop', name: 'web-1', images: ['registry.example.com/shop:latest'] }];
    expect((await run({}, [])).stderr).toContain('Pod shop/web-1: runs registry.example.com/shop:latest');
  });
});

describe('what happens on the wire', () => {
  test('a sync whose answer is lost is not taken for somebody else’s', async () => {
    let lost = 0;
    fake.wire = ({ method }) => (method === 'POST' && lost++ === 0 ? 'done-and-cut' : undefined);
    fake.afterSync = () => fake.later(1200, () => fake.finish('Succeeded'));
    const end = await run({ 'foreign-operation': 'fail' });
    expect(end, end.stderr).toMatchObject({ code: 0, results: { outcome: 'ok' } });
    expect(new Set(bodies().map(({ infos }) => infos[0].value)).size).toBe(1);
  });

  test('a stream that is not let through is made up for by reading', async () => {
    fake.wire = ({ path }) => (path.startsWith('/stream') ? { status: 404, body: '<html>' } : undefined);
    const end = await run();
    expect(end, end.stderr).toMatchObject({ code: 0, results: { outcome: 'ok' } });
    expect(end.stderr.match(/the stream of Argo CD broke/g)).toHaveLength(1);
  });

  test('a health that turns bad while it has to hold fails at once', async () => {
    fake.afterSync = () => {
      fake.finish('Succeeded');
      fake.later(1000, () =>
        fake.update(({ status }) => {
          status.health.status = 'Degraded';
          status.resources = [{ group: 'apps', kind: 'Deployment', namespace: 'shop', name: 'web', health: { status: 'Degraded', message: 'crash loop' } }];
        }),
      );
    };
    const end = await run({ 'stable-for': '15s' });
    expect(end.stderr).toContain(' code=APP_DEGRADED\n');
    expect(end.stderr).toContain('apps/Deployment shop/web: crash loop');
    expect(Number(/ seconds=([\d.]+)/.exec(end.stderr)?.[1])).toBeLessThan(8);
  });

  test('a commit that takes the place of ours before it held', async () => {
    automate();
    fake.afterSync = () => {
      fake.finish('Succeeded');
      fake.later(700, () =>
        fake.update((app) => {
          app.operation = { sync: { revision: '2'.repeat(40) }, initiatedBy: { automated: true } };
          startOperation(app);
        }),
      );
      fake.later(900, () => fake.finish('Succeeded'));
      fake.later(1000, () => fake.update((app) => Object.assign(app.status.sync, { revision: '2'.repeat(40) })));
    };
    const end = await run({ 'stable-for': '15s' });
    expect(end.stderr).toContain(' code=REVISION_MISMATCH\n');
    expect(end.stderr).toContain(`is at revision ${'2'.repeat(40)}, expected ${REVISION}`);
  });

  test('an application that is deleted meanwhile, and a token that ends', async () => {
    fake.afterSync = () => fake.later(300, () => fake.update(() => undefined, 'DELETED'));
    expect((await run()).stderr).toContain(' code=ARGOCD_APP_MISSING\n');
    fake.reset();
    fake.afterSync = () => {
      fake.wire = () => ({ status: 401, body: '{"error":"token is expired"}' });
    };
    expect((await run()).stderr).toContain(' code=ARGOCD_UNAUTHORIZED\n');
  });
});
