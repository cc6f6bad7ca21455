// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ArtifactContent } from './artifact.ts';
import { MEDIA_TYPE } from './oci.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

let bench: Bench;
let image: DigestReference;
let requests: string[];
let listing: Fault | undefined;

afterEach(() => bench.close());

/** A registry that does not say OCI-Subject. */
async function start(referrers: boolean): Promise<void> {
  requests = [];
  listing = undefined;
  bench = await startBench({ referrers, faults });
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one', 'v1');
  requests = [];
}

function faults({ method, path }: FaultRequest): Fault | undefined {
  requests.push(`${method} ${path}`);
  if (path.includes('/referrers/')) return listing;
  return method === 'PUT' ? { kind: 'headers', headers: { 'oci-subject': '' } } : undefined;
}

function evidence(text: string): ArtifactContent {
  return { artifactType: 'a/b', layers: [{ mediaType: 'a/b', bytes: Buffer.from(text) }] };
}

const probes = (): number => requests.filter((request) => request.includes('/referrers/')).length;
const tagWrites = (): number => requests.filter((request) => request.startsWith('PUT') && request.includes('/manifests/sha256-')).length;

test('a registry that lists without saying OCI-Subject gets no fallback tag, and is asked once', async () => {
  await start(true);
  const registry = bench.client();
  await registry.pushReferrer(image, evidence('one'));
  await registry.pushReferrer(image, evidence('two'));
  expect([probes(), tagWrites()]).toEqual([1, 0]);
  expect(await registry.referrers(image)).toHaveLength(2);
});

test('mode api is satisfied with it', async () => {
  await start(true);
  await bench.client({ referrersMode: 'api' }).pushReferrer(image, evidence('one'));
  expect(tagWrites()).toBe(0);
});

test('a registry without the API is asked once in five minutes', async () => {
  await start(false);
  let now = 0;
  const registry = bench.client({ now: () => now });
  await registry.pushReferrer(image, evidence('one'));
  await registry.pushReferrer(image, evidence('two'));
  expect(await registry.referrers(image)).toHaveLength(2);
  expect([probes(), tagWrites()]).toEqual([1, 2]);
  now += 300_000;
  await registry.referrers(image);
  expect(probes()).toBe(2);
});

test('a 404 because of an unknown repository is not remembered', async () => {
  await start(true);
  const registry = bench.client();
  listing = { kind: 'reply', status: 404, body: '{"errors":[{"code":"NAME_UNKNOWN"}]}' };
  expect(await registry.referrers(image)).toEqual([]);
  listing = undefined;
  await bench.client().pushReferrer(image, evidence('one'));
  expect(await registry.referrers(image)).toHaveLength(1);
});

test('an API that does not list what was pushed gets the fallback tag besides', async () => {
  await start(true);
  const body = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] });
  listing = { kind: 'reply', status: 200, headers: { 'content-type': MEDIA_TYPE.ociIndex }, body };
  await bench.client().pushReferrer(image, evidence('one'));
  expect(tagWrites()).toBe(1);
});

test.each([
  [401, 'REGISTRY_UNAUTHORIZED'],
  [403, 'REGISTRY_DENIED'],
  [429, 'HTTP_THROTTLED'],
  [503, 'HTTP_SERVER_ERROR'],
])('a probe that is answered with %i tells nothing: %s, and no fallback tag', async (status, code) => {
  await start(true);
  listing = { kind: 'reply', status };
  expect((await failureOf(bench.client().pushReferrer(image, evidence('one')))).code).toBe(code);
  expect(tagWrites()).toBe(0);
});
