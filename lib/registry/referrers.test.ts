// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ArtifactContent } from './artifact.ts';
import { type Descriptor, EMPTY_DESCRIPTOR, MEDIA_TYPE } from './oci.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
let bench: Bench;
let image: DigestReference;
let faults: (request: FaultRequest) => Fault | undefined;

afterEach(() => bench.close());

async function start(options: { referrers?: boolean; pageSize?: number } = {}): Promise<void> {
  faults = () => undefined;
  bench = await startBench({ ...options, faults: (request) => faults(request) });
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one', 'v1');
}

function bundle(text: string, artifactType = BUNDLE): ArtifactContent {
  return { artifactType, annotations: { z: text, a: 'first' }, layers: [{ mediaType: artifactType, bytes: Buffer.from(`{"bundle":"${text}"}`) }] };
}

const isListing = ({ path }: FaultRequest): boolean => path.includes('/referrers/');
const fallbackTag = (): { registry: string; repository: string; tag: string } => ({
  registry: bench.host,
  repository: 'app/web',
  tag: image.digest.replace(':', '-'),
});

async function readIndex(): Promise<{ manifests: Descriptor[] } & Record<string, unknown>> {
  const registry = bench.client();
  const { digest } = await registry.resolve(fallbackTag());
  return JSON.parse((await registry.manifest({ ...fallbackTag(), digest })).bytes.toString());
}

describe.each([true, false])('with the referrers API: %s', (referrers) => {
  beforeEach(() => start({ referrers }));

  test('a pushed referrer is listed with type and annotations', async () => {
    const pushed = await bench.client().pushReferrer(image, bundle('one'));
    const [listed, ...others] = await bench.client().referrers(image);
    expect(others).toEqual([]);
    expect(listed).toEqual(pushed);
    expect(listed).toMatchObject({ artifactType: BUNDLE, annotations: { z: 'one', a: 'first' }, mediaType: MEDIA_TYPE.ociManifest });
  });

  test('its manifest is the spec’s artifact form, and the same bytes each time', async () => {
    const first = await bench.client().pushReferrer(image, bundle('one'));
    const second = await bench.client().pushReferrer(image, bundle('one'));
    expect(second).toEqual(first);
    expect(await bench.client().referrers(image)).toHaveLength(1);
    const { bytes } = await bench.client().manifest({ ...image, digest: first.digest });
    const layer = Buffer.from('{"bundle":"one"}');
    const subject = await bench.client().resolve(image);
    expect(JSON.parse(bytes.toString())).toEqual({
      schemaVersion: 2,
      mediaType: MEDIA_TYPE.ociManifest,
      artifactType: BUNDLE,
      config: EMPTY_DESCRIPTOR,
      layers: [{ mediaType: BUNDLE, digest: sha256Digest(layer), size: layer.length }],
      subject,
      annotations: { a: 'first', z: 'one' },
    });
  });

  test('the filter lets the type through and no other', async () => {
    await bench.client().pushReferrer(image, bundle('one'));
    const other = await bench.client().pushReferrer(image, bundle('one', 'application/x'));
    expect((await bench.client().referrers(image, { artifactType: 'application/x' })).map(({ digest }) => digest)).toEqual([other.digest]);
    expect(await bench.client().referrers(image, { artifactType: 'application/y' })).toEqual([]);
  });

  test('no referrers is an empty list', async () => {
    expect(await bench.client().referrers(image)).toEqual([]);
  });

  test('a deleted referrer is not listed', async () => {
    const one = await bench.client().pushReferrer(image, bundle('one'));
    const two = await bench.client().pushReferrer(image, bundle('two'));
    expect(await bench.client().deleteReferrer(image, one.digest)).toBe(true);
    expect((await bench.client().referrers(image)).map(({ digest }) => digest)).toEqual([two.digest]);
    expect((await failureOf(bench.client().manifest({ ...image, digest: one.digest }))).code).toBe('MANIFEST_UNKNOWN');
  });

  test('a subject that is not there gets nothing', async () => {
    const error = await failureOf(bench.client().pushReferrer({ ...image, digest: `sha256:${'1'.repeat(64)}` }, bundle('one')));
    expect(error.code).toBe('MANIFEST_UNKNOWN');
  });

  test.each<[string, number, string]>([
    ['refused', 401, 'REGISTRY_UNAUTHORIZED'],
    ['refused', 403, 'REGISTRY_DENIED'],
    ['transient', 429, 'HTTP_THROTTLED'],
    ['transient', 503, 'HTTP_SERVER_ERROR'],
  ])('a listing that fails is %s and never empty: %i', async (kind, status, code) => {
    faults = (request) => (isListing(request) || request.path.includes('/manifests/sha256-') ? { kind: 'reply', status } : undefined);
    const error = await failureOf(bench.client().referrers(image));
    expect([error.kind, error.code]).toEqual([kind, code]);
  });
});

describe('the API', () => {
  beforeEach(() => start({ pageSize: 2 }));

  test('all pages are read', async () => {
    const pushed = await Promise.all(['a', 'b', 'c', 'd', 'e'].map((text) => bench.client().pushReferrer(image, bundle(text))));
    const listed = await bench.client().referrers(image);
    expect(listed.map(({ digest }) => digest).sort()).toEqual(pushed.map(({ digest }) => digest).sort());
  });

  test('a later page that fails fails the listing', async () => {
    for (const text of ['a', 'b', 'c']) await bench.client().pushReferrer(image, bundle(text));
    faults = (request) => (isListing(request) && request.query.has('last') ? { kind: 'reply', status: 404 } : undefined);
    expect((await failureOf(bench.client().referrers(image))).code).toBe('REFERRERS_UNAVAILABLE');
  });

  test.each([
    ['http://r.example.com/next', 'REGISTRY_LOCATION_INVALID'],
    ['https://r.example.com/next', 'REGISTRY_LOCATION_INVALID'],
    ['http://127.0.0.1:1/next', 'REGISTRY_LOCATION_INVALID'],
    ['file:///x', 'REGISTRY_LOCATION_INVALID'],
    ['?last=again', 'REFERRERS_TOO_MANY'],
  ])('a next page at %s is %s', async (target, code) => {
    faults = (request) => (isListing(request) ? { kind: 'headers', headers: { link: `<${target}>; rel="next"` } } : undefined);
    expect((await failureOf(bench.client().referrers(image))).code).toBe(code);
  });

  test('over 1000 is an error, not a cut list', async () => {
    const manifests = Array.from({ length: 600 }, (_, at) => ({ ...EMPTY_DESCRIPTOR, digest: sha256Digest(String(at)) }));
    const body = JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests });
    faults = (request) =>
      isListing(request) ? { kind: 'reply', status: 200, headers: { 'content-type': MEDIA_TYPE.ociIndex, link: '<?last=x>; rel="next"' }, body } : undefined;
    expect((await failureOf(bench.client().referrers(image))).code).toBe('REFERRERS_TOO_MANY');
  });

  test.each([
    '<html>',
    '{}',
    '[]',
    '{"schemaVersion":2,"manifests":{}}',
    '{"schemaVersion":2,"manifests":[{"digest":"sha256:x"}]}',
    '{"schemaVersion":2,"layers":[],"config":{}}',
    '',
  ])('a listing that is no index is an error: %s', async (body) => {
    faults = (request) => (isListing(request) ? { kind: 'reply', status: 200, body } : undefined);
    expect((await failureOf(bench.client().referrers(image))).code).toBe('REFERRERS_INVALID');
  });

  test('a registry that lists the config type instead of the artifact type keeps its candidates', async () => {
    const manifests = [
      { ...EMPTY_DESCRIPTOR, mediaType: MEDIA_TYPE.ociManifest, artifactType: MEDIA_TYPE.ociEmpty, digest: sha256Digest('a') },
      { ...EMPTY_DESCRIPTOR, mediaType: MEDIA_TYPE.ociManifest, digest: sha256Digest('b') },
      { ...EMPTY_DESCRIPTOR, mediaType: MEDIA_TYPE.ociManifest, artifactType: 'application/other', digest: sha256Digest('c') },
    ];
    faults = (request) => {
      if (!isListing(request)) return undefined;
      const shown = manifests.filter(({ artifactType }) => !request.query.has('artifactType') || artifactType === request.query.get('artifactType'));
      return { kind: 'reply', status: 200, headers: { 'content-type': MEDIA_TYPE.ociIndex }, body: JSON.stringify({ schemaVersion: 2, manifests: shown }) };
    };
    expect((await bench.client().referrers(image, { artifactType: BUNDLE })).map(({ digest }) => digest)).toEqual([sha256Digest('a'), sha256Digest('b')]);
  });

  test.each([
    [404, '', []],
    [405, '', []],
    [406, '', []],
    [400, '{"errors":[{"code":"UNSUPPORTED"}]}', []],
    [400, '{"errors":[{"code":"NAME_INVALID"}]}', 'REFERRERS_UNAVAILABLE'],
  ])('%i %s on the first page: %s', async (status, body, expected) => {
    faults = (request) => (isListing(request) ? { kind: 'reply', status, body } : undefined);
    if (Array.isArray(expected)) expect(await bench.client().referrers(image)).toEqual(expected);
    else expect((await failureOf(bench.client().referrers(image))).code).toBe(expected);
    expect((await failureOf(bench.client({ referrersMode: 'api' }).referrers(image))).code).toBe('REFERRERS_UNAVAILABLE');
  });

  test('mode tag writes and reads the fallback tag all the same', async () => {
    const registry = bench.client({ referrersMode: 'tag' });
    const pushed = await registry.pushReferrer(image, bundle('one'));
    expect((await readIndex()).manifests).toEqual([pushed]);
    expect(await registry.referrers(image)).toEqual([pushed]);
  });
});
