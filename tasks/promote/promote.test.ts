// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { type Laptop, startLaptop } from '../../lib/evidence/test-laptop.ts';
import { failureOf } from '../../lib/http/test-server.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { type DigestReference, formatReference } from '../../lib/reference/reference.ts';
import { parseInputs } from '../../lib/spec/parse.ts';
import { run } from './run.ts';
import { spec } from './spec.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());
beforeEach(() => {
  laptop.faults.registry = undefined;
  laptop.requests.length = 0;
});

async function signedImage(): Promise<DigestReference> {
  const image = await laptop.image();
  await laptop.attest(image, 'now');
  return image;
}

function promote(image: DigestReference, ...more: string[]): ReturnType<typeof run> {
  const inputs = parseInputs(spec, [`--image=${formatReference(image)}`, `--to=${image.registry}/release/app`, '--tag=1.0.0', ...more], {});
  const { http } = laptop.log;
  const given = { log: silentLogger, http, registry: laptop.registry, trustedRoot: undefined, now: () => new Date(), version: '1.2.3' };
  return run(inputs, { ...given, signal: new AbortController().signal, sourceDateEpoch: undefined });
}

const tagged = async ({ registry }: DigestReference): Promise<string> =>
  (await laptop.registry.resolve({ registry, repository: 'release/app', tag: '1.0.0' })).digest;
const written = (): string[] => laptop.requests.filter((request) => /^PUT \/v2\/release\/app\/manifests\//.test(request)).map((request) => request.slice(30));

test('the artifact is there first, then its evidence, and its tag comes last', async () => {
  const image = await signedImage();
  const [signature] = await laptop.registry.referrers(image);
  laptop.requests.length = 0;
  await promote(image, '--move-tag=true');
  expect(written()).toEqual([image.digest, signature?.digest, '1.0.0']);
});

test('without its evidence there is no release, only an artifact that nobody finds by a tag', async () => {
  const first = await signedImage();
  await promote(first, '--move-tag=true');
  const second = await signedImage();
  const [signature] = await laptop.registry.referrers(second);
  laptop.faults.registry = ({ method, path }) => (method === 'PUT' && path.endsWith(`/${signature?.digest}`) ? { kind: 'reply', status: 403 } : undefined);
  expect(await failureOf(promote(second, '--move-tag=true'))).toMatchObject({ kind: 'refused', code: 'REGISTRY_DENIED' });
  laptop.faults.registry = undefined;
  expect(await tagged(first)).toBe(first.digest);
});

test('a tag that names another artifact stays where it is, and nothing is copied', async () => {
  const first = await laptop.image();
  await promote(first, '--move-tag=true');
  const second = await laptop.image();
  laptop.requests.length = 0;
  expect(await failureOf(promote(second))).toMatchObject({ kind: 'denied', code: 'TAG_TAKEN' });
  expect(written()).toEqual([]);
  expect(await tagged(first)).toBe(first.digest);
  expect((await promote(first)).results['release-reference']).toContain(first.digest);
});
