// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ArtifactContent } from './artifact.ts';
import { type Descriptor, MEDIA_TYPE } from './oci.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

const BUNDLE = 'application/vnd.dev.sigstore.bundle.v0.3+json';
let bench: Bench;
let image: DigestReference;
let faults: (request: FaultRequest) => Fault | undefined;

afterEach(() => bench.close());

beforeEach(async () => {
  faults = () => undefined;
  bench = await startBench({ referrers: false, faults: (request) => faults(request) });
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one', 'v1');
});

function bundle(text: string, artifactType = BUNDLE): ArtifactContent {
  return { artifactType, annotations: { z: text, a: 'first' }, layers: [{ mediaType: artifactType, bytes: Buffer.from(`{"bundle":"${text}"}`) }] };
}

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

async function putIndex(manifests: unknown[], more: Record<string, unknown> = {}): Promise<void> {
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests, ...more }));
  await bench.client().putManifest(fallbackTag(), bytes, MEDIA_TYPE.ociIndex);
}

describe('the fallback tag', () => {
  test('entries and members of others stay, annotations and all', async () => {
    const foreign = await pushImage(bench.client(), bench.host, 'app/web', 'foreign');
    const { size, mediaType } = await bench.client().resolve(foreign);
    const entry = {
      mediaType,
      digest: foreign.digest,
      size,
      artifactType: 'application/other',
      annotations: { who: 'other' },
      urls: ['https://example.com/x'],
    };
    await putIndex([entry], { annotations: { kept: 'yes' } });
    const pushed = await bench.client().pushReferrer(image, bundle('one'));
    expect(await readIndex()).toMatchObject({ annotations: { kept: 'yes' }, manifests: [entry, pushed] });
  });

  test('an entry without annotations, as older clients wrote it, is repaired', async () => {
    const pushed = await bench.client().pushReferrer(image, bundle('one'));
    await putIndex([{ mediaType: pushed.mediaType, digest: pushed.digest, size: pushed.size }]);
    await bench.client().pushReferrer(image, bundle('one'));
    expect((await readIndex()).manifests).toEqual([pushed]);
  });

  test.each(['image', 'garbage'])('a tag that holds no index (%s) is an error for reader and writer', async (kind) => {
    const bytes = (await bench.client().manifest(image)).bytes;
    if (kind === 'image') await bench.client().putManifest(fallbackTag(), bytes, MEDIA_TYPE.ociManifest);
    else faults = ({ method, path }) => (method === 'GET' && path.includes('/manifests/sha256-') ? { kind: 'reply', status: 200, body: '<html>' } : undefined);
    expect((await failureOf(bench.client().referrers(image))).code).toBe('REFERRERS_INVALID');
    expect((await failureOf(bench.client().pushReferrer(image, bundle('one')))).code).toBe('REFERRERS_INVALID');
  });

  test('mode api says so instead of writing what nobody lists', async () => {
    expect((await failureOf(bench.client({ referrersMode: 'api' }).pushReferrer(image, bundle('one')))).code).toBe('REFERRERS_UNAVAILABLE');
  });

  test('two entries for one digest are listed once', async () => {
    const pushed = await bench.client().pushReferrer(image, bundle('one'));
    await putIndex([pushed, pushed]);
    expect(await bench.client().referrers(image)).toEqual([pushed]);
  });

  test.each(['ETag honoured', 'ETag ignored', 'no ETag'])('concurrent writers end with the union: %s', async (kind) => {
    faults = ({ method, path, headers }) => {
      if (!path.includes('/manifests/sha256-') || kind === 'ETag honoured') return undefined;
      // The server sees this very object: without the header it is a registry that does not know If-Match.
      if (method === 'PUT') delete headers['if-match'];
      return kind === 'no ETag' && method === 'GET' ? { kind: 'headers', headers: { etag: '' } } : undefined;
    };
    const writers = ['a', 'b', 'c', 'd', 'e'].map((text) => {
      const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));
      return bench.client({ sleep }).pushReferrer(image, bundle(text));
    });
    const pushed = await Promise.all(writers);
    expect((await readIndex()).manifests.map(({ digest }) => digest).sort()).toEqual(pushed.map(({ digest }) => digest).sort());
  });

  test('the index that was read is named in If-Match', async () => {
    await bench.client().pushReferrer(image, bundle('one'));
    const { digest } = await bench.client().resolve(fallbackTag());
    const conditions: unknown[] = [];
    faults = ({ method, path, headers }) => {
      if (method === 'PUT' && path.includes('/manifests/sha256-')) conditions.push(headers['if-match']);
      return undefined;
    };
    await bench.client().pushReferrer(image, bundle('two'));
    expect(conditions).toEqual([`"${digest}"`]);
  });

  test('a write that another overwrote at once is done again', async () => {
    const rival = await bench.client().pushReferrer(image, bundle('rival'));
    let overwrites = 0;
    const registry = bench.client({
      sleep: async () => {
        overwrites += 1;
        if (overwrites === 1) await putIndex([rival]);
      },
    });
    const mine = await registry.pushReferrer(image, bundle('mine'));
    expect(overwrites).toBe(2);
    expect((await readIndex()).manifests).toEqual([rival, mine]);
  });

  test('when others never stop it gives up as transient', async () => {
    const rival = await bench.client().pushReferrer(image, bundle('rival'));
    const error = await failureOf(bench.client({ sleep: () => putIndex([rival]) }).pushReferrer(image, bundle('mine')));
    expect([error.kind, error.code]).toEqual(['transient', 'REFERRERS_RACE']);
  });

  test('one client does not race with itself', async () => {
    const registry = bench.client();
    await Promise.all(['a', 'b', 'c', 'd'].map((text) => registry.pushReferrer(image, bundle(text))));
    expect((await readIndex()).manifests).toHaveLength(4);
  });

  test('a lost answer to the index write is survived', async () => {
    let lost = 0;
    faults = ({ method, path }) => {
      if (method !== 'PUT' || !path.includes('/manifests/sha256-') || lost > 0) return undefined;
      lost += 1;
      return { kind: 'lost' };
    };
    await bench.client().pushReferrer(image, bundle('zero'));
    lost = 0;
    const pushed = await bench.client().pushReferrer(image, bundle('one'));
    expect(lost).toBe(1);
    expect((await bench.client().referrers(image)).map(({ digest }) => digest)).toContain(pushed.digest);
  });
});
