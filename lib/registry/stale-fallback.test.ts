// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import { type Logger, silentLogger } from '../log/log.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ArtifactContent } from './artifact.ts';
import type { Registry } from './client.ts';
import { type Descriptor, MEDIA_TYPE } from './oci.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

let bench: Bench;
let image: DigestReference;
let faults: (request: FaultRequest) => Fault | undefined;
let warned: string[];

beforeEach(async () => {
  faults = () => undefined;
  warned = [];
  bench = await startBench({ referrers: false, faults: (request) => faults(request) });
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one', 'v1');
});
afterEach(() => bench.close());

function client(sleep: (ms: number) => Promise<void> = async () => undefined): Registry {
  const log: Logger = { ...silentLogger, warn: (message, fields) => warned.push(`${message} ${fields?.['referrer']}`) };
  return bench.client({ log, sleep });
}

function evidence(text: string): ArtifactContent {
  return { artifactType: 'application/evidence', layers: [{ mediaType: 'application/evidence', bytes: Buffer.from(text) }] };
}

const tag = (): { registry: string; repository: string; tag: string } => ({
  registry: bench.host,
  repository: 'app/web',
  tag: image.digest.replace(':', '-'),
});
const isTagWrite = ({ method, path }: FaultRequest): boolean => method === 'PUT' && path.includes('/manifests/sha256-');

async function digests(): Promise<string[]> {
  return (await client().referrers(image)).map(({ digest }) => digest);
}

async function putIndex(manifests: Descriptor[]): Promise<void> {
  await client().putManifest(tag(), Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests })), MEDIA_TYPE.ociIndex);
}

/** One referrer that is there, and one whose manifest was deleted by a client that knows nothing of the tag. */
async function oneIsGone(): Promise<{ here: Descriptor; gone: Descriptor }> {
  const here = await client().pushReferrer(image, evidence('here'));
  const gone = await client().pushReferrer(image, evidence('gone'));
  expect(await client().deleteManifest({ ...image, digest: gone.digest })).toBe(true);
  return { here, gone };
}

test('an entry whose manifest is gone is not listed, and the log says which', async () => {
  const { here, gone } = await oneIsGone();
  expect(await digests()).toEqual([here.digest]);
  expect(warned).toEqual([expect.stringContaining(`still names it ${gone.digest}`)]);
});

test.each([
  [401, 'REGISTRY_UNAUTHORIZED'],
  [403, 'REGISTRY_DENIED'],
  [429, 'HTTP_THROTTLED'],
  [503, 'HTTP_SERVER_ERROR'],
])('an entry that cannot be looked at (%i) fails the listing: %s', async (status, code) => {
  const { digest } = await client().pushReferrer(image, evidence('here'));
  faults = ({ path }) => (path.endsWith(digest) ? { kind: 'reply', status } : undefined);
  expect((await failureOf(client().referrers(image))).code).toBe(code);
});

test('a registry that wants no index with an entry that is gone gets one without it', async () => {
  const { here, gone } = await oneIsGone();
  const fresh = await client().pushReferrer(image, evidence('fresh'));
  expect(await digests()).toEqual([here.digest, fresh.digest]);
  expect(warned).toEqual([expect.stringContaining(`took a referrer that is gone out of the fallback tag ${gone.digest}`)]);
});

test('an index that is refused although all it names is there fails as refused', async () => {
  await client().pushReferrer(image, evidence('here'));
  faults = (request) => (isTagWrite(request) ? { kind: 'reply', status: 400, body: '{"errors":[{"code":"MANIFEST_INVALID"}]}' } : undefined);
  const error = await failureOf(client().pushReferrer(image, evidence('fresh')));
  expect([error.kind, error.code]).toEqual(['refused', 'REGISTRY_REFUSED']);
});

test('an entry of another that a slower writer dropped is put back', async () => {
  const theirs = await client().pushReferrer(image, evidence('theirs'));
  let waits = 0;
  const mine = await client(async () => {
    waits += 1;
    if (waits === 1) await putIndex([]);
  }).pushReferrer(image, evidence('mine'));
  expect((await digests()).sort()).toEqual([theirs.digest, mine.digest].sort());
});

test('an entry that was taken out with its manifest is not put back', async () => {
  const theirs = await client().pushReferrer(image, evidence('theirs'));
  let waits = 0;
  const mine = await client(async () => {
    waits += 1;
    if (waits > 1) return;
    await putIndex([]);
    await bench.client().deleteManifest({ ...image, digest: theirs.digest });
  }).pushReferrer(image, evidence('mine'));
  expect(await digests()).toEqual([mine.digest]);
});

test('who takes an entry out again and again gets it', async () => {
  await client().pushReferrer(image, evidence('theirs'));
  const mine = await client(async () => {
    const kept = (await bench.client().referrers(image)).filter(({ annotations }) => annotations?.['who'] === 'me');
    await putIndex(kept);
  }).pushReferrer(image, { ...evidence('mine'), annotations: { who: 'me' } });
  expect(await digests()).toEqual([mine.digest]);
});

test.each(['weak', 'never accepted'])('an ETag that is %s does not keep the index from being written', async (kind) => {
  await client().pushReferrer(image, evidence('one'));
  const conditions: (string | undefined)[] = [];
  faults = (request) => {
    if (isTagWrite(request)) {
      conditions.push(request.headers['if-match']);
      return request.headers['if-match'] === undefined ? undefined : { kind: 'reply', status: 412 };
    }
    const isTagRead = request.method === 'GET' && request.path.includes('/manifests/sha256-');
    return isTagRead ? { kind: 'headers', headers: { etag: kind === 'weak' ? 'W/"x"' : '"x-gzip"' } } : undefined;
  };
  await client().pushReferrer(image, evidence('two'));
  expect(conditions).toEqual(kind === 'weak' ? [undefined] : ['"x-gzip"', undefined]);
  faults = () => undefined;
  expect(await digests()).toHaveLength(2);
});

test('eight writers at once on a registry that ignores If-Match end with the union', async () => {
  faults = (request) => {
    if (isTagWrite(request)) delete request.headers['if-match'];
    return undefined;
  };
  const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
  const pushed = await Promise.all(['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((text) => client(sleep).pushReferrer(image, evidence(text))));
  expect((await digests()).sort()).toEqual(pushed.map(({ digest }) => digest).sort());
});
