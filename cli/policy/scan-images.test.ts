// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { transientError } from '../../lib/errors/errors.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import type { KubeObject } from '../../lib/kube/resource.ts';
import { evidence, signature } from '../../lib/policy/test-evidence.ts';
import { verdictOf } from '../../lib/policy/test-judge.ts';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { listRunningImages, type RunningImage } from './running-images.ts';
import { scanCounts, scanExitCode, scanImages, scanTable } from './scan-images.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;
const RULE = ['id: signed, type: signature, signers: { any: [release] }'];
const GOOD = verdictOf(RULE, evidence(signature()));
const BAD = verdictOf(RULE, evidence());

function running(name: string, reference: string): RunningImage {
  return {
    namespace: 'shop',
    workload: 'Deployment/web',
    container: name,
    kind: 'container',
    image: name,
    found: { reference: parseDigestReference(reference) },
  };
}

describe('a scan', () => {
  const images = ['1', '2', '3'].map((digit) => running(`c${digit}`, `registry.example.com/app@${digest(digit)}`));

  test('never takes an image for passed that could not be judged, and goes on with the others', async () => {
    const rows = await scanImages(
      images,
      async ({ digest: judged }) => {
        if (judged === digest('1')) throw transientError('HTTP_UNREACHABLE', 'the registry does not answer');
        return judged === digest('2') ? BAD : GOOD;
      },
      2,
    );
    expect(rows.map(({ container, verdict, failed, why }) => [container, verdict, failed, why])).toEqual([
      ['c2', 'denied', ['signed'], 'signed: not signed by release'],
      ['c1', 'unknown', [], 'the registry does not answer'],
      ['c3', 'passed', [], ''],
    ]);
    expect(scanTable(rows)).toContain('1 passed, 1 would be denied, 1 unknown');
  });

  test('judges each artifact once, and so many at a time as it may', async () => {
    let judged = 0;
    let now = 0;
    let most = 0;
    const many = [...images, ...images, ...['4', '5', '6'].map((digit) => running('x', `registry.example.com/app@${digest(digit)}`))];
    await scanImages(
      many,
      async () => {
        judged += 1;
        most = Math.max(most, ++now);
        await delay(2);
        now -= 1;
        return GOOD;
      },
      2,
    );
    expect([judged, most]).toEqual([6, 2]);
  });

  test.each([
    [{ passed: 1, denied: 0, unknown: 0 }, 0],
    [{ passed: 1, denied: 0, unknown: 1 }, 75],
    [{ passed: 1, denied: 1, unknown: 1 }, 20],
    [{ passed: 0, denied: 0, unknown: 0 }, 0],
  ])('%j ends with %i', (counts, code) => {
    expect(scanExitCode(counts)).toBe(code);
    expect(scanCounts([])).toEqual({ passed: 0, denied: 0, unknown: 0 });
  });
});

describe('what runs', () => {
  async function found(image: string, imageID: string | undefined, more: object = {}): Promise<string> {
    const pod = {
      metadata: { name: 'p', namespace: 'n' },
      spec: { containers: [{ name: 'c', image }] },
      status: { phase: 'Running', containerStatuses: imageID === undefined ? [] : [{ name: 'c', imageID }] },
      ...more,
    } as unknown as KubeObject;
    const list: KubeClient['list'] = async (_resource, { select = (one: KubeObject) => one } = {}) => ({
      items: [select(pod)].filter((one) => one !== undefined),
      resourceVersion: '',
    });
    const [one] = await listRunningImages({ list } as KubeClient, undefined);
    if (one === undefined) return 'nothing';
    return 'problem' in one.found
      ? one.found.problem
      : `${one.found.reference.registry}/${one.found.reference.repository}@${one.found.reference.digest.slice(7, 9)}`;
  }

  test.each([
    ['containerd', 'nginx:1', `docker.io/library/nginx@${digest('1')}`, 'index.docker.io/library/nginx@11'],
    ['the docker shim', 'r.example/app:1', `docker-pullable://r.example/app@${digest('1')}`, 'r.example/app@11'],
    ['a digest in the pod, which goes first', `r.example/app@${digest('2')}`, `r.example/app@${digest('1')}`, 'r.example/app@22'],
    ['a digest in the pod that has not started', `r.example/app@${digest('2')}`, undefined, 'r.example/app@22'],
    ['another name for the same content', 'r.example/app:1', `mirror.example/app@${digest('1')}`, 'r.example/app@11'],
    ['an image that was loaded by hand', 'r.example/app:1', digest('1'), 'the runtime did not pull it from a registry'],
    ['nothing pulled yet', 'r.example/app:1', '', 'it has not been pulled yet, so that no digest is known'],
    ['no digest', 'r.example/app:1', 'r.example/app:1', 'the runtime reports no digest for it'],
  ])('by %s', async (_what, image, imageID, expected) => {
    expect(await found(image, imageID)).toBe(expected);
  });

  test('is never left out because it is odd', async () => {
    expect(await found('../..', 'x')).toContain('is not an image reference');
    expect(await found('x', 'x', { spec: 7 })).toBe('the pod does not have the shape of a pod');
    expect(await found('x', 'x', { status: { phase: 'Succeeded' } })).toBe('nothing');
  });
});
