// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { refusedError } from '../errors/errors.ts';
import type { JsonPatch, KubeClient } from '../kube/client.ts';
import type { KubeObject } from '../kube/resource.ts';
import { createKubernetesArgoCd } from './kubernetes.ts';
import { testApp } from './test-app.ts';

const REQUEST = { id: 'ours', prune: true, retries: 1 };
const APP = { name: 'shop', project: 'team', namespace: 'argocd' };

/** A cluster with one Application whose patches are written down; the first `conflicts` of them come too late. */
function cluster(app: object, conflicts = 0): { client: KubeClient; patches: JsonPatch[] } {
  const patches: JsonPatch[] = [];
  const client: Partial<KubeClient> = {
    get: async () => app as KubeObject,
    async patch(_resource, _place, patch) {
      patches.push(patch);
      if (patches.length <= conflicts) throw refusedError('KUBE_CONFLICT', 'somebody was faster');
      return app as KubeObject;
    },
  };
  return { client: client as KubeClient, patches };
}

function open(client: KubeClient, app = APP) {
  return createKubernetesArgoCd({ client, app, signal: new AbortController().signal, pollMs: 1 });
}

describe('createKubernetesArgoCd', () => {
  it('sets the operation at the version that was read, clears the outcome of the last one, and keeps the sync options of the application', async () => {
    const state = { operation: {}, phase: 'Succeeded' };
    const { client, patches } = cluster(testApp({ spec: { syncPolicy: { syncOptions: ['PruneLast=true'] } }, status: { operationState: state } }));
    expect(await open(client).sync(REQUEST)).toMatchObject({ kind: 'started' });
    expect(patches).toEqual([
      [
        { op: 'replace', path: '/metadata/resourceVersion', value: '1' },
        {
          op: 'add',
          path: '/operation',
          value: {
            initiatedBy: { username: 'tekton-supply-chain' },
            info: [{ name: 'tekton-supply-chain', value: 'ours' }],
            retry: { limit: 1 },
            sync: { revision: 'main', prune: true, syncOptions: ['PruneLast=true'], syncStrategy: { hook: {} } },
          },
        },
        { op: 'remove', path: '/status/operationState' },
      ],
    ]);
  });

  it('gives every source its revision', async () => {
    const { client, patches } = cluster(testApp({ spec: { sources: [{ targetRevision: 'main' }, { targetRevision: '1.2.3' }] } }));
    await open(client).sync({ ...REQUEST, revisions: ['abc', undefined] });
    expect(patches[0]?.[1]).toMatchObject({ value: { sync: { revisions: ['abc', '1.2.3'] } } });
  });

  it.each([
    ['busy', [{ name: 'other', value: 'x' }]],
    ['started', [{ name: 'tekton-supply-chain', value: 'ours' }]],
  ])('is %s where an operation with these infos is set, and changes nothing', async (kind, info) => {
    const { client, patches } = cluster(testApp({ operation: { info } }));
    expect(await open(client).sync(REQUEST)).toMatchObject({ kind });
    expect(patches).toEqual([]);
  });

  it('reads again when somebody was faster, but not for ever', async () => {
    const slow = cluster(testApp(), 3);
    expect(await open(slow.client).sync(REQUEST)).toMatchObject({ kind: 'started' });
    expect(slow.patches).toHaveLength(4);
    await expect(open(cluster(testApp(), 99).client).sync(REQUEST)).rejects.toMatchObject({ code: 'KUBE_CONFLICT' });
  });

  it('ends only an operation that runs', async () => {
    const idle = cluster(testApp());
    await open(idle.client).terminate();
    expect(idle.patches).toEqual([]);
    const busy = cluster(testApp({ operation: {}, status: { operationState: { operation: {}, phase: 'Running' } } }));
    await open(busy.client).terminate();
    expect(busy.patches[0]?.[1]).toEqual({ op: 'replace', path: '/status/operationState/phase', value: 'Terminating' });
  });

  it('refuses an application of another project, and one that cannot be read', async () => {
    await expect(open(cluster(testApp()).client, { ...APP, project: 'other' }).get()).rejects.toMatchObject({ code: 'ARGOCD_APP_MISSING' });
    await expect(open(cluster({ metadata: {} }).client).get()).rejects.toMatchObject({ code: 'ARGOCD_ANSWER_INVALID' });
    const denied = { get: () => Promise.reject(refusedError('KUBE_FORBIDDEN', 'no')) } as unknown as KubeClient;
    await expect(open(denied).get()).rejects.toMatchObject({ code: 'ARGOCD_FORBIDDEN', kind: 'refused' });
  });
});
