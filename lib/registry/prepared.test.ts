// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ArtifactContent } from './artifact.ts';
import type { Registry } from './client.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

let bench: Bench;
let registry: Registry;
let image: DigestReference;
let requests: string[];

beforeEach(async () => {
  bench = await startBench({
    faults: ({ method, path }) => {
      requests.push(`${method} ${path.replaceAll(/[0-9a-f-]{36,}/g, '…').replace(/^.*\/v2\/app\/web\//, '')}`);
      return undefined;
    },
  });
  requests = [];
  registry = bench.client();
  image = await pushImage(registry, bench.host, 'app/web', 'one');
  requests = [];
});
afterEach(() => bench.close());

function evidence(text: string): ArtifactContent {
  return { artifactType: 'a/b', layers: [{ mediaType: 'a/b', bytes: Buffer.from(text) }] };
}

test('what was prepared is not done again by the next referrer, and by the one after that it is', async () => {
  await registry.prepareReferrer(image);
  requests = [];
  const first = await registry.pushReferrer(image, evidence('first'));
  expect(requests.filter((request) => request.startsWith('HEAD'))).toEqual([]);
  requests = [];
  const second = await registry.pushReferrer(image, evidence('second'));
  expect(requests.filter((request) => request.startsWith('HEAD'))).toHaveLength(2);
  expect((await registry.referrers(image)).map(({ digest }) => digest).sort()).toEqual([first.digest, second.digest].sort());
});

test('the same referrer pushed again is one', async () => {
  const first = await registry.pushReferrer(image, evidence('one'));
  await registry.prepareReferrer(image);
  expect(await registry.pushReferrer(image, evidence('one'))).toEqual(first);
  expect(await registry.referrers(image)).toHaveLength(1);
});

test('a subject that is not there cannot be prepared for', async () => {
  const nothing = { ...image, digest: `sha256:${'1'.repeat(64)}` };
  expect(await failureOf(registry.prepareReferrer(nothing))).toMatchObject({ kind: 'refused', code: 'MANIFEST_UNKNOWN' });
});
