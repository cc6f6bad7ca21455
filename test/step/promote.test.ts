// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { spec } from '../../tasks/promote/spec.ts';
import { type Bench, openBench } from './bench.ts';
import { expectDone } from './expectations.ts';
import { REGISTRY_PROVOCATIONS, testFailures } from './failures.ts';
import { runStep, type StepRun } from './spawn-step.ts';
import { standing } from './standing.ts';

let bench: Bench;
beforeAll(async () => {
  bench = await openBench();
});
afterAll(() => bench.close());
beforeEach(() => bench.calm());

function base({ host }: Bench, image: string): StepRun {
  return { task: 'promote', params: { image, to: `${host}/release/${image.slice(-12)}`, tag: '1.0.0' } };
}

async function signed(repository: string): Promise<string> {
  const image = await bench.pushImage(repository);
  const { trust, 'signing-key': key } = bench.workspaces;
  const sign = {
    task: 'cosign-sign',
    params: { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json' },
    workspaces: { trust, 'signing-key': key },
  } as const;
  expectDone(await runStep(sign), image);
  return image;
}

describe('promote', () => {
  test('copies artifact, evidence and tag once, and the signature holds in the new place', async () => {
    const image = await signed('staging/app');
    const run = base(bench, image);
    const first = await runStep(run);
    expectDone(first, image);
    const release = `${run.params['to']}@${image.split('@')[1]}`;
    expect(first.results).toMatchObject({ 'release-reference': release, 'evidence-copied': '1' });
    expect(await standing(bench, release)).toMatchObject({ referrers: ['signature, logged'] });
    const { registry, repository, digest } = parseDigestReference(release);
    expect(await bench.client.resolve({ registry, repository, tag: '1.0.0' })).toMatchObject({ digest });
    bench.requests.length = 0;
    const second = await runStep(run);
    expectDone(second, image);
    expect(second.results['evidence-copied']).toBe('0');
    expect(bench.requests.filter(({ method, path }) => method === 'POST' || (method === 'PUT' && path.includes('/blobs/')))).toEqual([]);
  });

  test('brings evidence that came later, and goes on after a cut', async () => {
    const image = await bench.pushImage('staging/later');
    const run = base(bench, image);
    expectDone(await runStep(run), image);
    const { trust, 'signing-key': key } = bench.workspaces;
    await runStep({
      task: 'cosign-sign',
      params: { image, 'rekor-url': bench.logUrl, 'trusted-root': 'trusted_root.json' },
      workspaces: { trust, 'signing-key': key },
    });
    bench.wire.registry = ({ method, path }) => (method === 'PUT' && path.includes('/manifests/sha256:') ? { kind: 'reply', status: 403 } : undefined);
    expect((await runStep(run)).code).toBe(77);
    bench.calm();
    const healed = await runStep(run);
    expectDone(healed, image);
    expect(healed.results['evidence-copied']).toBe('1');
  });

  test('moves a taken tag only when told to', async () => {
    const [one, two] = [await bench.pushImage('staging/one'), await bench.pushImage('staging/two')];
    const to = `${bench.host}/release/moved`;
    expectDone(await runStep({ task: 'promote', params: { image: one, to, tag: 'latest' } }), one);
    const taken = await runStep({ task: 'promote', params: { image: two, to, tag: 'latest' } });
    expect(taken.code).toBe(20);
    expectDone(await runStep({ task: 'promote', params: { image: two, to, tag: 'latest', 'move-tag': 'true' } }), two);
  });

  testFailures(
    spec,
    {
      ...REGISTRY_PROVOCATIONS,
      TAG_TAKEN: async ({ host }, image) => {
        const other = await bench.pushImage('staging/other');
        expectDone(await runStep({ task: 'promote', params: { image: other, to: `${host}/release/taken`, tag: '1.0.0' } }), other);
        return { params: { to: `${host}/release/taken` }, names: `${host}/release/taken:1.0.0`, subject: image };
      },
    },
    { bench: () => bench, base },
  );
});
