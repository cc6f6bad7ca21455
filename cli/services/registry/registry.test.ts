// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { readdir } from 'node:fs/promises';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { sha256Digest } from '../../../lib/reference/digest.ts';
import { MEDIA_TYPE } from '../../../lib/registry/oci.ts';
import { type Answer, codeOf, type RegistryKit, startKit } from './test-kit.ts';

let kit: RegistryKit;
const ask: RegistryKit['ask'] = (...request) => kit.ask(...request);
const pushManifest: RegistryKit['pushManifest'] = (...manifest) => kit.pushManifest(...manifest);

beforeEach(async () => {
  kit = await startKit();
});
afterEach(() => kit.close());

describe('blobs', () => {
  const content = Buffer.from('0123456789');
  const digest = sha256Digest(content);

  test('chunked: each chunk is asked for where the last ended', async () => {
    const started = await ask('POST', '/v2/app/web/blobs/uploads/');
    const location = String(started.headers['location']);
    expect([started.status, started.headers['range']]).toEqual([202, '0-0']);
    expect((await ask('PATCH', location, content.subarray(0, 4), { 'content-range': '0-3' })).headers['range']).toBe('0-3');
    expect((await ask('GET', location)).headers['range']).toBe('0-3');
    expect((await ask('PATCH', location, content.subarray(6), { 'content-range': '6-9' })).status).toBe(416);
    expect((await ask('PATCH', location, content.subarray(4, 6), { 'content-range': '4-5' })).status).toBe(202);
    expect((await ask('PUT', `${location}?digest=${digest}`, content.subarray(6))).status).toBe(201);
    expect((await ask('GET', `/v2/app/web/blobs/${digest}`)).body).toEqual(content);
    expect((await ask('GET', location)).status).toBe(404);
  });

  test.each([
    ['bytes=2-4', 206, '234', 'bytes 2-4/10'],
    ['bytes=7-', 206, '789', 'bytes 7-9/10'],
    ['bytes=-3', 206, '789', 'bytes 7-9/10'],
    ['bytes=0-99', 206, '0123456789', 'bytes 0-9/10'],
    ['bytes=10-', 416, undefined, 'bytes */10'],
    ['bytes=5-2', 416, undefined, 'bytes */10'],
    ['bytes=-0', 416, undefined, 'bytes */10'],
    ['bytes=a-b', 200, '0123456789', undefined],
    ['bytes=0-1,3-4', 200, '0123456789', undefined],
  ])('range %s', async (range, status, body, contentRange) => {
    await kit.pushBlob(content);
    const answer = await ask('GET', `/v2/app/web/blobs/${digest}`, undefined, { range });
    expect([answer.status, answer.headers['content-range']]).toEqual([status, contentRange]);
    if (body !== undefined) expect(answer.body.toString()).toBe(body);
  });

  test.each(['', `sha256:${'0'.repeat(64)}`, 'sha512:x', 'nonsense'])('content that is not %j is not stored', async (wrong) => {
    const location = String((await ask('POST', '/v2/app/web/blobs/uploads/')).headers['location']);
    const answer = await ask('PUT', wrong === '' ? location : `${location}?digest=${wrong}`, content);
    expect([answer.status, codeOf(answer)]).toEqual([400, 'DIGEST_INVALID']);
    expect((await ask('HEAD', `/v2/app/web/blobs/${digest}`)).status).toBe(404);
  });

  test('a blob belongs to its repository until it is mounted or deleted', async () => {
    await kit.pushBlob(content);
    expect((await ask('HEAD', `/v2/other/blobs/${digest}`)).status).toBe(404);
    expect((await ask('POST', `/v2/other/blobs/uploads/?mount=${digest}&from=app/nowhere`)).status).toBe(202);
    expect((await ask('POST', `/v2/other/blobs/uploads/?mount=${digest}&from=../app/web`)).status).toBe(202);
    expect((await ask('POST', `/v2/other/blobs/uploads/?mount=${digest}&from=app/web`)).status).toBe(201);
    expect((await ask('DELETE', `/v2/app/web/blobs/${digest}`)).status).toBe(202);
    expect((await ask('DELETE', `/v2/app/web/blobs/${digest}`)).status).toBe(404);
    expect((await ask('GET', `/v2/other/blobs/${digest}`)).body).toEqual(content);
  });

  test('an upload belongs to its repository and can be cancelled', async () => {
    const location = String((await ask('POST', '/v2/app/web/blobs/uploads/')).headers['location']);
    expect((await ask('PATCH', location.replace('app/web', 'other'), content)).status).toBe(404);
    expect((await ask('DELETE', location)).status).toBe(204);
    expect((await ask('PATCH', location, content)).status).toBe(404);
    expect(await readdir(join(kit.dir, 'uploads'))).toEqual([]);
  });

  test('blobs over the limit and uploads without end are refused', async () => {
    await kit.restart({ maxBlobBytes: 9 });
    expect((await ask('POST', `/v2/app/web/blobs/uploads/?digest=${digest}`, content)).status).toBe(413);
    for (let at = 0; at < 64; at += 1) expect((await ask('POST', '/v2/app/web/blobs/uploads/')).status).toBe(202);
    const refused = await ask('POST', '/v2/app/web/blobs/uploads/');
    expect([refused.status, refused.headers['retry-after']]).toEqual([429, '1']);
  });

  test('many at once, the same and different', async () => {
    const contents = Array.from({ length: 12 }, (_, at) => (at % 3 === 0 ? content : randomBytes(200_000)));
    await Promise.all(contents.map((bytes) => kit.pushBlob(bytes)));
    for (const bytes of contents) expect((await ask('GET', `/v2/app/web/blobs/${sha256Digest(bytes)}`)).body.equals(bytes)).toBe(true);
  });
});

describe('manifests', () => {
  test('tag, digest, ETag and HEAD agree', async () => {
    const put = await pushManifest('v1');
    const digest = String(put.headers['docker-content-digest']);
    for (const reference of ['v1', digest]) {
      const got = await ask('GET', `/v2/app/web/manifests/${reference}`, undefined, { accept: 'application/json' });
      expect([got.status, got.headers['content-type'], sha256Digest(got.body), got.headers['etag']]).toEqual([
        200,
        MEDIA_TYPE.ociManifest,
        digest,
        `"${digest}"`,
      ]);
      const head = await ask('HEAD', `/v2/app/web/manifests/${reference}`);
      expect([head.headers['content-length'], head.body.length]).toEqual([String(got.body.length), 0]);
    }
  });

  test.each<[string, string, Record<string, unknown>, Record<string, string>, string]>([
    ['another digest in the path', `sha256:${'0'.repeat(64)}`, {}, {}, 'DIGEST_INVALID'],
    ['another Content-Type', 'v1', {}, { 'content-type': 'application/vnd.oci.image.index.v1+json' }, 'MANIFEST_INVALID'],
    ['an unknown type', 'v1', { mediaType: 'x/y' }, { 'content-type': 'x/y' }, 'MANIFEST_INVALID'],
    ['a layer that is not there', 'v1', { layers: [{ mediaType: 'x/y', digest: `sha256:${'1'.repeat(64)}`, size: 1 }] }, {}, 'MANIFEST_BLOB_UNKNOWN'],
    ['no config', 'v1', { config: undefined }, {}, 'MANIFEST_INVALID'],
  ])('%s is refused', async (_name, reference, more, headers, code) => {
    const answer = await pushManifest(reference, more, headers);
    expect([answer.status, codeOf(answer)]).toEqual([400, code]);
    expect((await ask('GET', '/v2/app/web/manifests/v1')).status).toBe(404);
  });

  test('more than 4 MiB is refused', async () => {
    expect((await pushManifest('v1', { annotations: { a: 'x'.repeat(4_200_000) } })).status).toBe(413);
  });

  test('If-Match and If-None-Match decide who may move a tag', async () => {
    const first = await pushManifest('v1', { annotations: { n: '1' } }, { 'if-none-match': '*' });
    expect(first.status).toBe(201);
    expect((await pushManifest('v1', { annotations: { n: '2' } }, { 'if-none-match': '*' })).status).toBe(412);
    expect((await pushManifest('v1', { annotations: { n: '2' } }, { 'if-match': '"sha256:other"' })).status).toBe(412);
    expect((await pushManifest('v1', { annotations: { n: '2' } }, { 'if-match': String(first.headers['etag']) })).status).toBe(201);
    expect((await pushManifest('v1', { annotations: { n: '3' } }, { 'if-match': String(first.headers['etag']) })).status).toBe(412);
  });

  test('of writers with the same If-Match one wins', async () => {
    const etag = String((await pushManifest('v1')).headers['etag']);
    const results = await Promise.all(Array.from({ length: 8 }, (_, n) => pushManifest('v1', { annotations: { n: String(n) } }, { 'if-match': etag })));
    expect(results.map(({ status }) => status).sort()).toEqual([201, ...Array.from({ length: 7 }, () => 412)]);
  });

  test('tags are listed in order and in pages, and go with their manifest', async () => {
    for (const tag of ['v2', 'v1', 'v10']) await pushManifest(tag);
    const digest = String((await pushManifest('v3')).headers['docker-content-digest']);
    const page = await ask('GET', '/v2/app/web/tags/list?n=2');
    expect(JSON.parse(page.body.toString())).toEqual({ name: 'app/web', tags: ['v1', 'v10'] });
    expect(page.headers['link']).toBe('</v2/app/web/tags/list?n=2&last=v10>; rel="next"');
    expect(JSON.parse((await ask('GET', '/v2/app/web/tags/list?n=2&last=v10')).body.toString()).tags).toEqual(['v2', 'v3']);
    expect((await ask('DELETE', '/v2/app/web/manifests/v3')).status).toBe(202);
    expect((await ask('DELETE', `/v2/app/web/manifests/${digest}`)).status).toBe(202);
    expect(JSON.parse((await ask('GET', '/v2/app/web/tags/list')).body.toString()).tags).toEqual([]);
    expect((await ask('GET', '/v2/other/tags/list')).status).toBe(404);
  });
});

describe('referrers', () => {
  const subject = { mediaType: MEDIA_TYPE.ociManifest, digest: `sha256:${'5'.repeat(64)}`, size: 7 };
  const list = async (query = ''): Promise<{ digests: string[]; answer: Answer }> => {
    const answer = await ask('GET', `/v2/app/web/referrers/${subject.digest}${query}`);
    return { answer, digests: JSON.parse(answer.body.toString()).manifests.map(({ digest }: { digest: string }) => digest) };
  };

  test('OCI-Subject, filter, and the subject need not exist', async () => {
    const put = await pushManifest('a', { subject, artifactType: 'a/a' });
    await pushManifest('b', { subject, artifactType: 'b/b' });
    expect(put.headers['oci-subject']).toBe(subject.digest);
    const filtered = await list('?artifactType=a/a');
    expect(filtered.digests).toEqual([put.headers['docker-content-digest']]);
    expect([filtered.answer.headers['oci-filters-applied'], filtered.answer.headers['content-type']]).toEqual([
      'artifactType',
      'application/vnd.oci.image.index.v1+json',
    ]);
    expect((await list()).digests).toHaveLength(2);
    expect((await list()).answer.headers['oci-filters-applied']).toBeUndefined();
  });

  test('pages keep the filter', async () => {
    await kit.restart({ pageSize: 2 });
    for (const n of ['1', '2', '3']) await pushManifest(n, { subject, artifactType: 'a/a', annotations: { n } });
    const first = await list('?artifactType=a/a');
    const next = /<([^>]+)>; rel="next"/.exec(String(first.answer.headers['link']))?.[1] ?? '';
    const second = JSON.parse((await ask('GET', next)).body.toString()).manifests;
    expect([first.digests.length, second.length, next.includes('artifactType=a%2Fa')]).toEqual([2, 1, true]);
  });

  test('without the API there is no list and no OCI-Subject', async () => {
    await kit.restart({ referrers: false });
    expect((await pushManifest('a', { subject })).headers['oci-subject']).toBeUndefined();
    expect((await ask('GET', `/v2/app/web/referrers/${subject.digest}`)).status).toBe(404);
  });
});
