// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf } from '../http/test-server.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import { MEDIA_TYPE } from './oci.ts';
import { type Bench, bytesOf, pushImage, startBench } from './test-bench.ts';

let bench: Bench;
let image: DigestReference;
let faults: (request: FaultRequest) => Fault | undefined;
let requests: string[];

beforeAll(async () => {
  bench = await startBench({
    faults: (request) => {
      requests.push(`${request.method} ${request.path}`);
      return faults(request);
    },
  });
});
afterAll(() => bench.close());
beforeEach(async () => {
  faults = () => undefined;
  requests = [];
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one', 'v1');
  requests = [];
});

/** A fault for the first `times` requests that fit. */
function once(fits: (request: FaultRequest) => boolean, fault: Fault, times = 1): (request: FaultRequest) => Fault | undefined {
  let left = times;
  return (request) => {
    if (left === 0 || !fits(request)) return undefined;
    left -= 1;
    return fault;
  };
}

const isManifest = ({ path }: FaultRequest): boolean => path.includes('/manifests/');
const isBlob = ({ path }: FaultRequest): boolean => /\/blobs\/sha256:/.test(path);
const tagged = (): { registry: string; repository: string; tag: string } => ({ registry: bench.host, repository: 'app/web', tag: 'v1' });

describe('resolve', () => {
  test('a tag and a digest give the same descriptor with one HEAD', async () => {
    const byTag = await bench.client().resolve(tagged());
    expect(byTag).toEqual(await bench.client().resolve(image));
    expect(byTag).toMatchObject({ digest: image.digest, mediaType: MEDIA_TYPE.ociManifest });
    expect(requests).toEqual(['HEAD /v2/app/web/manifests/v1', `HEAD /v2/app/web/manifests/${image.digest}`]);
  });

  test.each([
    ['a header with another digest', { 'docker-content-digest': `sha256:${'0'.repeat(64)}` }],
    ['no size', { 'content-length': '0' }],
    ['a foreign type', { 'content-type': 'application/json' }],
  ])('%s in the answer to HEAD makes it read and compute', async (_name, headers) => {
    faults = once(({ method }) => method === 'HEAD', { kind: 'headers', headers });
    expect((await bench.client().resolve(image)).digest).toBe(image.digest);
    expect(requests.map((request) => request.split(' ')[0])).toEqual(['HEAD', 'GET']);
  });

  test('a digest that is no sha256 is not taken from the header', async () => {
    faults = once(({ method }) => method === 'HEAD', { kind: 'headers', headers: { 'docker-content-digest': 'sha512:abc' } });
    expect((await bench.client().resolve(tagged())).digest).toBe(image.digest);
  });

  test('a registry without HEAD is asked by GET', async () => {
    faults = once(({ method }) => method === 'HEAD', { kind: 'reply', status: 405 });
    expect((await bench.client().resolve(tagged())).digest).toBe(image.digest);
  });
});

describe('what went wrong is told apart', () => {
  const always = (fault: Fault): void => {
    faults = () => fault;
  };

  test('absent: MANIFEST_UNKNOWN with reference and credential', async () => {
    const error = await failureOf(bench.client().resolve({ ...tagged(), tag: 'nothing' }));
    expect([error.kind, error.code]).toEqual(['refused', 'MANIFEST_UNKNOWN']);
    expect(error.message).toContain(`${bench.host}/app/web:nothing`);
    expect(error.message).toContain('anonymous');
  });

  test.each([
    [401, 'refused', 'REGISTRY_UNAUTHORIZED'],
    [403, 'refused', 'REGISTRY_DENIED'],
    [418, 'refused', 'REGISTRY_REFUSED'],
    [429, 'transient', 'HTTP_THROTTLED'],
    [502, 'transient', 'HTTP_SERVER_ERROR'],
  ])('status %i is %s %s', async (status, kind, code) => {
    always({ kind: 'reply', status, headers: { 'retry-after': '1' }, body: '{"errors":[{"code":"X","message":"said so"}]}' });
    const error = await failureOf(bench.client().manifest(image));
    expect([error.kind, error.code]).toEqual([kind, code]);
    expect(error.message).toContain(`${bench.host}/app/web@${image.digest}`);
    if (kind === 'refused') expect(error.message).toContain('X: said so');
  });

  test('unreachable: HTTP_UNREACHABLE', async () => {
    always({ kind: 'cut' });
    expect((await failureOf(bench.client().manifest(image))).code).toBe('HTTP_UNREACHABLE');
  });

  test.each<[string, Fault]>([
    ['a cut connection', { kind: 'cut' }],
    ['a truncated body', { kind: 'truncate', bytes: 20 }],
    ['a 429', { kind: 'reply', status: 429, headers: { 'retry-after': '1' } }],
    ['a 502', { kind: 'reply', status: 502 }],
  ])('%s is survived', async (_name, fault) => {
    faults = once(isManifest, fault);
    expect((await bench.client().manifest(image)).descriptor.digest).toBe(image.digest);
    expect(requests).toHaveLength(2);
  });
});

describe('content is checked on every read', () => {
  test('a changed manifest is denied, even when the header lies along', async () => {
    faults = once(isManifest, { kind: 'corrupt' });
    const error = await failureOf(bench.client().manifest(image));
    expect([error.kind, error.code]).toEqual(['denied', 'DIGEST_MISMATCH']);
    const other = await pushImage(bench.client(), bench.host, 'app/web', 'two');
    const bytes = (await bench.client().manifest(other)).bytes.toString();
    faults = once(isManifest, {
      kind: 'reply',
      status: 200,
      headers: { 'content-type': MEDIA_TYPE.ociManifest, 'docker-content-digest': image.digest },
      body: bytes,
    });
    expect((await failureOf(bench.client().manifest(image))).code).toBe('DIGEST_MISMATCH');
  });

  test('a changed blob is denied', async () => {
    const source = await bench.client().source(image);
    const { bytes } = await source.manifest(image.digest);
    const layer = JSON.parse(bytes.toString()).layers[0];
    expect((await bytesOf(source.blob(layer))).toString()).toBe('layer of one');
    faults = once(isBlob, { kind: 'corrupt' });
    expect((await failureOf(bytesOf(source.blob(layer)))).code).toBe('DIGEST_MISMATCH');
    expect((await failureOf(bytesOf(source.blob({ ...layer, size: layer.size - 1 })))).code).toBe('DIGEST_MISMATCH');
    expect((await failureOf(bytesOf(source.blob({ ...layer, size: layer.size + 1 })))).code).toBe('DIGEST_MISMATCH');
  });

  test('an absent blob is BLOB_UNKNOWN', async () => {
    const descriptor = { mediaType: 'x/y', digest: sha256Digest('never pushed'), size: 12 };
    expect((await failureOf(bytesOf(bench.client().blob(image, descriptor)))).code).toBe('BLOB_UNKNOWN');
  });

  test('a large blob survives a truncated answer', async () => {
    const content = randomBytes(3_000_000);
    const written = await bench.client().putBlob(image, content);
    faults = once(isBlob, { kind: 'truncate', bytes: 1_000_000 });
    expect((await bytesOf(bench.client().blob(image, { mediaType: 'x/y', ...written }))).equals(content)).toBe(true);
    expect(requests.filter((request) => request.startsWith('GET'))).toHaveLength(2);
  });
});

describe('putBlob', () => {
  test('what is there is not sent again', async () => {
    const content = randomBytes(100);
    await bench.client().putBlob(image, content);
    requests = [];
    await bench.client().putBlob(image, content);
    expect(requests).toEqual([`HEAD /v2/app/web/blobs/${sha256Digest(content)}`]);
  });

  test.each<[string, Fault, number]>([
    ['a cut connection', { kind: 'cut' }, 2],
    ['a lost answer', { kind: 'lost' }, 1],
    ['a 503', { kind: 'reply', status: 503 }, 2],
  ])('after %s the upload starts anew unless the blob is there', async (_name, fault, uploads) => {
    faults = once(({ method }) => method === 'PUT', fault);
    const content = randomBytes(500_000);
    async function* open(): AsyncGenerator<Buffer> {
      for (let at = 0; at < content.length; at += 50_000) yield content.subarray(at, at + 50_000);
    }
    const descriptor = { digest: sha256Digest(content), size: content.length };
    await bench.client().putBlob(image, { descriptor, open });
    expect((await bytesOf(bench.client().blob(image, { mediaType: 'x/y', ...descriptor }))).equals(content)).toBe(true);
    expect(requests.filter((request) => request.startsWith('POST'))).toHaveLength(uploads);
  });

  test('a source that does not yield what its descriptor says is never committed', async () => {
    const descriptor = { digest: sha256Digest('what was promised'), size: 17 };
    for (const text of ['what was promisedX', 'what was promise', 'What was promised']) {
      async function* open(): AsyncGenerator<Buffer> {
        yield Buffer.from(text);
      }
      expect((await failureOf(bench.client().putBlob(image, { descriptor, open }))).code).toBe('DIGEST_MISMATCH');
    }
    expect(await bench.client().hasBlob(image, descriptor.digest)).toBe(false);
  });

  test('a blob of a sibling repository is mounted', async () => {
    const content = randomBytes(100);
    await bench.client().putBlob(image, content);
    const target = { registry: bench.host, repository: 'app/release' };
    requests = [];
    await bench.client().putBlob(target, content, { from: 'app/web' });
    expect(requests.map((request) => request.split(' ')[0])).toEqual(['HEAD', 'POST']);
    expect(await bench.client().hasBlob(target, sha256Digest(content))).toBe(true);
  });

  test.each([202, 403])('a mount that ends with %i becomes an upload', async (status) => {
    const content = randomBytes(100);
    faults = once(({ query }) => query.has('mount') && status === 403, { kind: 'reply', status });
    await bench.client().putBlob(image, content, { from: 'app/nowhere' });
    expect(await bench.client().hasBlob(image, sha256Digest(content))).toBe(true);
  });

  test.each(['', 'http://r.example.com/upload', 'ftp://x/y', 'https://user:pw@r.example.com/x'])('an upload sent on to %j is refused', async (location) => {
    faults = once(({ method }) => method === 'POST', { kind: 'reply', status: 202, ...(location !== '' && { headers: { location } }) });
    const error = await failureOf(bench.client().putBlob(image, randomBytes(10)));
    expect([error.kind, error.code]).toEqual(['refused', 'REGISTRY_LOCATION_INVALID']);
  });

  test('an absolute upload location with its own query is kept', async () => {
    faults = once(({ method }) => method === 'PUT', { kind: 'reply', status: 400 });
    const post = ({ method }: FaultRequest): boolean => method === 'POST';
    const start = once(post, { kind: 'reply', status: 202, headers: { location: `http://${bench.host}/v2/app/web/blobs/uploads/x?_state=a%2Fb%3D` } });
    let seen: URLSearchParams | undefined;
    faults = (request) => {
      if (request.method === 'PUT') {
        seen = request.query;
        return { kind: 'reply', status: 201 };
      }
      return start(request);
    };
    const content = randomBytes(10);
    await bench.client().putBlob(image, content);
    expect([seen?.get('_state'), seen?.get('digest')]).toEqual(['a/b=', sha256Digest(content)]);
  });
});

describe('putManifest and deleteManifest', () => {
  const config = Buffer.from('{"os":"linux"}');
  const bytes = Buffer.from(
    JSON.stringify({ schemaVersion: 2, config: { mediaType: MEDIA_TYPE.ociConfig, digest: sha256Digest(config), size: config.length }, layers: [] }),
  );

  test('a registry that stores something else is refused', async () => {
    await bench.client().putBlob(image, config);
    faults = once(({ method }) => method === 'PUT', { kind: 'headers', headers: { 'docker-content-digest': `sha256:${'a'.repeat(64)}` } });
    expect((await failureOf(bench.client().putManifest(tagged(), bytes, MEDIA_TYPE.ociManifest))).code).toBe('MANIFEST_REWRITTEN');
  });

  test('bytes that are not what the reference names are not sent', async () => {
    const ref = { ...tagged(), digest: image.digest };
    expect((await failureOf(bench.client().putManifest(ref, bytes, MEDIA_TYPE.ociManifest))).code).toBe('DIGEST_MISMATCH');
    expect(requests).toEqual([]);
  });

  test('a lost answer is repaired by sending the same again', async () => {
    await bench.client().putBlob(image, config);
    faults = once(({ method }) => method === 'PUT', { kind: 'lost' });
    const ref = { ...tagged(), tag: 'again' };
    const { digest } = await bench.client().putManifest(ref, bytes, MEDIA_TYPE.ociManifest);
    expect((await bench.client().resolve(ref)).digest).toBe(digest);
  });

  test('deleting says whether something was deleted', async () => {
    const gone = await pushImage(bench.client(), bench.host, 'app/web', 'short-lived', 'old');
    expect(await bench.client().deleteManifest(gone)).toBe(true);
    expect(await bench.client().deleteManifest(gone)).toBe(false);
    expect((await failureOf(bench.client().resolve({ ...tagged(), tag: 'old' }))).code).toBe('MANIFEST_UNKNOWN');
  });

  test.each([
    [405, '', false],
    [400, '{"errors":[{"code":"UNSUPPORTED"}]}', false],
    [400, '{"errors":[{"code":"OTHER"}]}', 'REGISTRY_REFUSED'],
    [403, '', 'REGISTRY_DENIED'],
  ])('a registry that answers %i %s to DELETE gives %s', async (status, body, expected) => {
    faults = once(({ method }) => method === 'DELETE', { kind: 'reply', status, body });
    const deletion = bench.client().deleteManifest(image);
    if (expected === false) expect(await deletion).toBe(false);
    else expect((await failureOf(deletion)).code).toBe(expected);
  });
});
