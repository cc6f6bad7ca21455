// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from 'vitest';
import { closeAll, failureOf, serve, testClient } from '../http/test-server.ts';
import type { Application } from './application.ts';
import type { ArgoCd } from './argocd.ts';
import { createRestArgoCd } from './rest.ts';
import { testApp } from './test-app.ts';

afterEach(closeAll);

const APP = { name: 'shop', project: 'team', namespace: 'apps' };

/** A server that answers every request by its path below `/api/v1`, and what was asked for. */
async function open(answers: Record<string, { status?: number; body: unknown }>): Promise<{ argo: ArgoCd; asked: string[]; url: string }> {
  const asked: string[] = [];
  const server = await serve(({ method, url }, response) => {
    asked.push(`${method} ${url}`);
    const { status = 200, body } = answers[new URL(url, 'http://x').pathname.replace('/root/api/v1', '')] ?? { status: 404, body: {} };
    response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(body));
  });
  const argo = createRestArgoCd({ http: testClient(), server: `${server.url}/root`, token: async () => 'token-of-a-test', app: APP });
  return { argo, asked, url: server.url };
}

describe('createRestArgoCd', () => {
  it('says project and namespace with every request, and the token in the header alone', async () => {
    const { argo, asked, url } = await open({
      '/applications/shop': { body: testApp() },
      '/applications/shop/syncwindows': { body: {} },
      '/applications/shop/resource-tree': { body: {} },
      '/applications/shop/managed-resources': { body: {} },
      '/applications/shop/operation': { status: 400, body: { error: 'no operation is in progress' } },
    });
    expect((await argo.get()).metadata.name).toBe('shop');
    expect((await argo.refresh('hard')).metadata.name).toBe('shop');
    expect(await argo.syncWindows()).toEqual({ canSync: false, active: [] });
    expect(await argo.managedResources()).toEqual([]);
    expect(await argo.images(testApp())).toEqual([]);
    await argo.terminate();
    expect(asked).toHaveLength(6);
    for (const request of asked) expect(request).toContain('project=team&appNamespace=apps');
    expect(asked.join()).not.toContain('token-of-a-test');
    expect(argo.url).toBe(`${url}/root/applications/apps/shop`);
  });

  it.each([
    ['started', 200, testApp()],
    ['busy', 400, { error: 'another operation is already in progress' }],
    ['blocked', 403, { error: 'cannot sync: blocked by sync window' }],
  ])('a sync is %s', async (kind, status, body) => {
    const { argo } = await open({ '/applications/shop/sync': { status, body }, '/applications/shop': { body: testApp() } });
    expect(await argo.sync({ id: 'x', prune: false, retries: 0 })).toMatchObject({ kind });
  });

  it('knows its own operation in a refusal', async () => {
    const operation = { info: [{ name: 'tekton-supply-chain', value: 'mine' }] };
    const app = { body: testApp({ operation }) };
    const { argo } = await open({
      '/applications/shop/sync': { status: 400, body: { error: 'another operation is already in progress' } },
      '/applications/shop': app,
    });
    expect(await argo.sync({ id: 'mine', prune: false, retries: 0 })).toMatchObject({ kind: 'started' });
    expect(await argo.sync({ id: 'other', prune: false, retries: 0 })).toMatchObject({ kind: 'busy' });
  });

  it.each([
    [401, 'ARGOCD_UNAUTHORIZED'],
    [403, 'ARGOCD_FORBIDDEN'],
    [404, 'ARGOCD_APP_MISSING'],
    [400, 'ARGOCD_REFUSED'],
    [409, 'ARGOCD_REFUSED'],
  ])('status %i is %s', async (status, code) => {
    const { argo } = await open({ '/applications/shop': { status, body: { message: 'said so' } } });
    expect(await failureOf(argo.get())).toMatchObject({ kind: 'refused', code, message: expect.stringContaining('said so') });
  });

  it.each<[string, (argo: ArgoCd) => Promise<unknown>, unknown]>([
    ['no JSON', (argo) => argo.get(), '<html>'],
    ['another shape', (argo) => argo.get(), { metadata: { name: 5 } }],
    ['a manifest that is no JSON', (argo) => argo.managedResources(), { items: [{ liveState: '{' }] }],
    ['a tree that is none', (argo) => argo.images(testApp()), { nodes: 'many' }],
  ])('%s is ARGOCD_ANSWER_INVALID', async (_what, ask, body) => {
    const every = { body };
    const { argo } = await open({ '/applications/shop': every, '/applications/shop/managed-resources': every, '/applications/shop/resource-tree': every });
    expect(await failureOf(ask(argo))).toMatchObject({ code: 'ARGOCD_ANSWER_INVALID', hint: expect.stringContaining('param server') });
  });

  it('streams states, tells a deletion, and throws what the server says in the middle', async () => {
    const lines = [
      { result: { type: 'ADDED', application: testApp() } },
      { result: { type: 'DELETED', application: testApp() } },
      { error: { message: 'gone' } },
    ];
    const { argo } = await open({ '/stream/applications': { body: lines.map((line) => `${JSON.stringify(line)}\n`).join('') } });
    const seen: (Application | 'deleted')[] = [];
    const reading = (async () => {
      for await (const event of argo.stream(new AbortController().signal)) seen.push(event);
    })();
    await expect(reading).rejects.toThrow('gone');
    expect(seen).toEqual([testApp(), 'deleted']);
  });
});
