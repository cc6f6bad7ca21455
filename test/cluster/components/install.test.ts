// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { refusedError } from '../../../lib/errors/errors.ts';
import type { Bed } from '../bed/component.ts';
import { installation, type Plan } from './install.ts';
import type { Manifest } from './manifests.ts';

const IMAGE = 'ko://example.com/cmd/web';
const crd: Manifest = { apiVersion: 'apiextensions.k8s.io/v1', kind: 'CustomResourceDefinition', metadata: { name: 'things.example.com' } };
const deployment: Manifest = {
  apiVersion: 'apps/v1',
  kind: 'Deployment',
  metadata: { name: 'web', namespace: 'peer', generation: 1 },
  spec: { replicas: 1, template: { spec: { containers: [{ name: 'web', image: IMAGE }] } } },
};
const plan = (file = '/peers/web-1/web'): Plan => ({
  images: { [IMAGE]: { name: 'web', files: { '/web': file }, entrypoint: ['/web'] } },
  stages: [{ objects: [crd] }, { objects: [deployment] }],
});

/** A cluster that keeps what is applied, rolls out at once, and notes what it was asked to change. */
function fakeBed({ refuses = (_kind: string): boolean => false } = {}) {
  const done: string[] = [];
  const kept = new Map<string, Manifest>();
  const list = (kind: string) => [...kept.values()].filter((object) => object.kind === kind);
  const rolledOut = { observedGeneration: 1, replicas: 1, updatedReplicas: 1, availableReplicas: 1 };
  const bed: Pick<Bed, 'kubectl' | 'apply' | 'image' | 'log'> = {
    log: () => undefined,
    image: async ({ name }) => `bed/${name}@sha256:aa`,
    async apply(objects) {
      for (const object of objects as Manifest[]) {
        if (refuses(object.kind)) throw refusedError('APPLY_REFUSED', `no ${object.kind}`);
        kept.set(`${object.kind} ${object.metadata.name}`, object);
        done.push(`apply ${object.kind}`);
      }
    },
    async kubectl([verb, ...rest]) {
      const answer = (stdout: string) => ({ code: 0, stdout, stderr: '' });
      if (verb === 'wait') done.push(`wait ${rest.at(-1)}`);
      const path = rest[1] ?? '';
      if (path.endsWith('/deployments')) return answer(JSON.stringify({ items: list('Deployment').map((item) => ({ ...item, status: rolledOut })) }));
      const [found] = list('ConfigMap').filter(({ metadata }) => path.endsWith(`/configmaps/${metadata.name}`));
      if (path.includes('/configmaps/')) return found ? answer(JSON.stringify(found)) : { code: 1, stdout: '', stderr: 'not found' };
      return answer('');
    },
  };
  return { bed: bed as Bed, done, kept };
}

const component = (planned: Plan, more: Partial<Parameters<typeof installation>[0]> = {}) =>
  installation({ name: 'peer', groups: [], needs: [], namespaces: ['peer'], plan: async () => planned, answers: async () => true, ...more });

const ALL = ['apply CustomResourceDefinition', 'wait crd/things.example.com', 'apply Deployment', 'apply ConfigMap'];

describe('up', () => {
  test('applies the stages in order, waits for CRDs, with images of the bed, and notes it last', async () => {
    const { bed, done, kept } = fakeBed();
    await component(plan()).up(bed);
    expect(done).toEqual(ALL);
    expect(JSON.stringify(kept.get('Deployment web'))).toContain('"image":"bed/web@sha256:aa"');
  });

  test('applies nothing the second time', async () => {
    const { bed, done } = fakeBed();
    await component(plan()).up(bed);
    await component(plan()).up(bed);
    expect(done).toEqual(ALL);
  });

  test('applies all again when a binary is another', async () => {
    const { bed, done } = fakeBed();
    await component(plan()).up(bed);
    await component(plan('/peers/web-2/web')).up(bed);
    expect(done).toEqual([...ALL, ...ALL]);
  });

  test('that is refused is not noted, so the next one goes on', async () => {
    let broken = true;
    const { bed, done } = fakeBed({ refuses: (kind) => broken && kind === 'Deployment' });
    await expect(component(plan()).up(bed)).rejects.toMatchObject({ code: 'APPLY_REFUSED' });
    broken = false;
    await component(plan()).up(bed);
    expect(done).toEqual([...ALL.slice(0, 2), ...ALL]);
  });

  test('writes what others read each time it is ready', async () => {
    const { bed } = fakeBed();
    let written = 0;
    const write = async () => void written++;
    await component(plan(), { afterwards: write }).up(bed);
    await component(plan(), { afterwards: write }).up(bed);
    expect(written).toBe(2);
  });
});

describe('isReady', () => {
  test.each([
    ['nothing is installed', false, true],
    ['it does not answer', true, false],
  ])('is false when %s', async (_, isInstalled, answers) => {
    const { bed } = fakeBed();
    if (isInstalled) await component(plan()).up(bed);
    expect(await component(plan(), { answers: async () => answers }).isReady(bed)).toBe(false);
  });

  test('is true when it is rolled out and answers', async () => {
    const { bed } = fakeBed();
    await component(plan()).up(bed);
    expect(await component(plan()).isReady(bed)).toBe(true);
  });
});
