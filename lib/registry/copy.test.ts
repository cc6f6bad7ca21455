// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { failureOf } from '../http/test-server.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { ContentSource } from './content.ts';
import { copyArtifact } from './copy.ts';
import { type Descriptor, MEDIA_TYPE } from './oci.ts';
import { type Bench, bytesOf, pushImage, startBench } from './test-bench.ts';

let from: Bench;
let to: Bench;
let requests: string[];

beforeEach(async () => {
  requests = [];
  from = await startBench();
  to = await startBench({
    faults: ({ method, path }) => {
      requests.push(`${method} ${path}`);
      return undefined;
    },
  });
});
afterEach(async () => {
  await from.close();
  await to.close();
});

async function pushIndex(manifests: Descriptor[], tag?: string): Promise<DigestReference> {
  const name = { registry: from.host, repository: 'app/web' };
  const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }));
  const { digest } = await from.client().putManifest({ ...name, ...(tag !== undefined && { tag }) }, bytes, MEDIA_TYPE.ociIndex);
  return { ...name, digest };
}

async function twoPlatforms(): Promise<DigestReference> {
  const children = [];
  for (const text of ['amd64', 'arm64']) {
    const child = await pushImage(from.client(), from.host, 'app/web', text);
    children.push({ ...(await from.client().resolve(child)), platform: { os: 'linux', architecture: text } });
  }
  return pushIndex(children, 'v1');
}

describe('copyArtifact', () => {
  test('an index arrives with its children, bytes and tag', async () => {
    const index = await twoPlatforms();
    const target = { registry: to.host, repository: 'release/web', tag: 'v1' };
    const copied = await copyArtifact(await from.client().source(index), to.client(), target);
    expect(copied.digest).toBe(index.digest);
    expect((await to.client().resolve(target)).digest).toBe(index.digest);
    const source = await to.client().source({ registry: to.host, repository: 'release/web', digest: index.digest });
    const children = JSON.parse((await source.manifest(index.digest)).bytes.toString()).manifests as Descriptor[];
    for (const child of children) {
      const { layers } = JSON.parse((await source.manifest(child.digest)).bytes.toString()) as { layers: Descriptor[] };
      for (const layer of layers) expect((await bytesOf(source.blob(layer))).toString()).toMatch(/^layer of a/);
    }
  });

  test('a second copy sends no blob', async () => {
    const index = await twoPlatforms();
    const target = { registry: to.host, repository: 'release/web' };
    await copyArtifact(await from.client().source(index), to.client(), target);
    requests = [];
    await copyArtifact(await from.client().source(index), to.client(), target);
    expect(requests.filter((request) => request.startsWith('POST'))).toEqual([]);
  });

  test('inside one registry blobs are mounted', async () => {
    const image = await pushImage(to.client(), to.host, 'staging/web', 'one');
    requests = [];
    await copyArtifact(await to.client().source(image), to.client(), { registry: to.host, repository: 'release/web', tag: 'v1' });
    expect(requests.filter((request) => request.startsWith('PUT'))).toEqual(['PUT /v2/release/web/manifests/v1']);
  });

  test('a referrer is listed at its new place, with and without the API', async () => {
    const plain = await startBench({ referrers: false });
    const image = await pushImage(from.client(), from.host, 'app/web', 'one');
    const referrer = await from
      .client()
      .pushReferrer(image, { artifactType: 'a/b', annotations: { note: 'x' }, layers: [{ mediaType: 'a/b', bytes: Buffer.from('evidence') }] });
    for (const bench of [to, plain]) {
      const target = { registry: bench.host, repository: 'release/web' };
      await copyArtifact(await from.client().source(image), bench.client(), target);
      await copyArtifact(await from.client().source({ ...image, digest: referrer.digest }), bench.client(), target);
      expect(await bench.client().referrers({ ...target, digest: image.digest })).toEqual([referrer]);
    }
    await plain.close();
  });

  test('a broken source leaves no manifest behind', async () => {
    const image = await pushImage(from.client(), from.host, 'app/web', 'one');
    const source = await from.client().source(image);
    const forged: ContentSource = {
      ...source,
      async *blob() {
        yield Buffer.from('forged');
      },
    };
    const target = { registry: to.host, repository: 'release/web' };
    expect((await failureOf(copyArtifact({ ...forged, blob: (descriptor) => lying(descriptor) }, to.client(), target))).code).toBe('DIGEST_MISMATCH');
    expect((await failureOf(to.client().resolve({ ...target, digest: image.digest }))).code).toBe('MANIFEST_UNKNOWN');
  });

  async function* lying(descriptor: Descriptor): AsyncGenerator<Buffer> {
    yield Buffer.alloc(descriptor.size, 'x');
  }

  function endless(): ContentSource {
    const levels = new Map<string, Buffer>();
    let below: Descriptor = { mediaType: MEDIA_TYPE.ociIndex, digest: sha256Digest('bottom'), size: 1 };
    for (let level = 0; level < 6; level += 1) {
      const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [below] }));
      below = { mediaType: MEDIA_TYPE.ociIndex, digest: sha256Digest(bytes), size: bytes.length };
      levels.set(below.digest, bytes);
    }
    return {
      name: 'nested',
      root: below,
      manifest: async (digest) => ({ descriptor: { ...below, digest }, bytes: levels.get(digest) ?? Buffer.from('') }),
      blob: lying,
    };
  }

  test('indexes that nest without end are refused', async () => {
    const error = await failureOf(copyArtifact(endless(), to.client(), { registry: to.host, repository: 'release/web' }));
    expect([error.kind, error.code]).toEqual(['refused', 'COPY_TOO_LARGE']);
  });

  test('a child that is no manifest is refused', async () => {
    const blob = await from.client().putBlob({ registry: from.host, repository: 'app/web' }, Buffer.from('a blob'));
    const index = await pushIndex([{ mediaType: 'application/x', ...blob }]);
    expect((await failureOf(copyArtifact(await from.client().source(index), to.client(), { registry: to.host, repository: 'release/web' }))).code).toBe(
      'MANIFEST_UNSUPPORTED',
    );
  });

  test('foreign layers stay where they are', async () => {
    const name = { registry: from.host, repository: 'app/web' };
    const config = await from.client().putBlob(name, Buffer.from('{}'));
    const foreign = { mediaType: MEDIA_TYPE.dockerForeignLayer, digest: sha256Digest('elsewhere'), size: 9 };
    const manifest = { schemaVersion: 2, mediaType: MEDIA_TYPE.dockerManifest, config: { mediaType: MEDIA_TYPE.dockerConfig, ...config }, layers: [foreign] };
    const { digest } = await from.client().putManifest(name, Buffer.from(JSON.stringify(manifest)), MEDIA_TYPE.dockerManifest);
    const target = { registry: to.host, repository: 'release/web' };
    await copyArtifact(await from.client().source({ ...name, digest }), to.client(), target);
    expect(await to.client().hasBlob(target, foreign.digest)).toBe(false);
  });
});
