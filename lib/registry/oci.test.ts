// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { deniedError } from '../errors/errors.ts';
import { failureOf } from '../http/test-server.ts';
import { sha256Digest } from '../reference/digest.ts';
import { composeArtifact, referrerDescriptor } from './artifact.ts';
import { collectBlob, verifiedBlob, verifyBytes } from './content.ts';
import { EMPTY_CONFIG, EMPTY_DESCRIPTOR, MEDIA_TYPE, parseDescriptor, parseManifest } from './oci.ts';
import { bytesOf } from './test-bench.ts';

const descriptor = { mediaType: 'application/x', digest: sha256Digest('x'), size: 1 };
const image = { schemaVersion: 2, config: descriptor, layers: [descriptor] };
const index = { schemaVersion: 2, manifests: [descriptor] };

function parse(value: unknown, mediaType?: string): ReturnType<typeof parseManifest> {
  return parseManifest(Buffer.from(JSON.stringify(value)), mediaType);
}

test('the empty descriptor describes the empty config', () => {
  expect(EMPTY_DESCRIPTOR).toMatchObject({ digest: sha256Digest(EMPTY_CONFIG), size: EMPTY_CONFIG.length });
});

describe('parseManifest', () => {
  test.each([
    [image, MEDIA_TYPE.ociManifest, 'manifest', MEDIA_TYPE.ociManifest],
    [image, `${MEDIA_TYPE.dockerManifest}; charset=utf-8`, 'manifest', MEDIA_TYPE.dockerManifest],
    [image, 'text/plain', 'manifest', MEDIA_TYPE.ociManifest],
    [image, undefined, 'manifest', MEDIA_TYPE.ociManifest],
    [{ ...image, mediaType: MEDIA_TYPE.dockerManifest }, MEDIA_TYPE.ociIndex, 'manifest', MEDIA_TYPE.dockerManifest],
    [index, undefined, 'index', MEDIA_TYPE.ociIndex],
    [index, MEDIA_TYPE.dockerList, 'index', MEDIA_TYPE.dockerList],
    [{ ...index, mediaType: MEDIA_TYPE.ociIndex, subject: descriptor, artifactType: 'a/b' }, undefined, 'index', MEDIA_TYPE.ociIndex],
  ])('reads %j as %s', (value, said, kind, mediaType) => {
    expect(parse(value, said)).toMatchObject({ kind, mediaType });
  });

  const thousand = Array.from({ length: 1000 }, () => descriptor);
  test('reads 1000 layers', () => {
    expect(parse({ ...image, layers: thousand })).toMatchObject({ kind: 'manifest' });
  });

  test.each<[string, unknown, string]>([
    ['1001 layers', { ...image, layers: [...thousand, descriptor] }, 'MANIFEST_INVALID'],
    ['1001 manifests', { ...index, manifests: [...thousand, descriptor] }, 'MANIFEST_INVALID'],
    ['an image and an index at once', { ...image, ...index }, 'MANIFEST_INVALID'],
    ['an index with a config', { ...index, mediaType: MEDIA_TYPE.ociIndex, config: descriptor }, 'MANIFEST_INVALID'],
    ['an image typed as index', { ...image, mediaType: MEDIA_TYPE.ociIndex }, 'MANIFEST_INVALID'],
    ['schema 1', { schemaVersion: 1, fsLayers: [] }, 'MANIFEST_UNSUPPORTED'],
    ['another type', { ...image, mediaType: 'application/x' }, 'MANIFEST_UNSUPPORTED'],
    ['no config', { schemaVersion: 2, layers: [] }, 'MANIFEST_INVALID'],
    ['a sha512 digest', { ...image, config: { ...descriptor, digest: `sha512:${'a'.repeat(128)}` } }, 'MANIFEST_INVALID'],
    ['a digest that climbs', { ...image, config: { ...descriptor, digest: 'sha256:../../x' } }, 'MANIFEST_INVALID'],
    ['a negative size', { ...image, config: { ...descriptor, size: -1 } }, 'MANIFEST_INVALID'],
    ['a fractional size', { ...image, config: { ...descriptor, size: 1.5 } }, 'MANIFEST_INVALID'],
    ['a size as text', { ...image, config: { ...descriptor, size: '1' } }, 'MANIFEST_INVALID'],
    ['annotations that are no text', { ...image, annotations: { a: 1 } }, 'MANIFEST_INVALID'],
    ['a list', [], 'MANIFEST_INVALID'],
    ['null', null, 'MANIFEST_INVALID'],
  ])('%s is refused', (_name, value, code) => {
    expect(() => parse(value)).toThrow(expect.objectContaining({ kind: 'input', code }));
  });

  test.each([
    Buffer.from(''),
    Buffer.from('{'),
    Buffer.from([0xff, 0xfe, 0x7b, 0x7d]),
    Buffer.from('['.repeat(100_000)),
    Buffer.alloc(4 * 1024 * 1024 + 1, 0x20),
  ])('bytes that are no JSON of 4 MiB at most are refused (%#)', (bytes) => {
    expect(() => parseManifest(bytes, undefined)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });

  test('messages carry no foreign control characters', () => {
    expect(() => parse({ ...image, mediaType: 'a\u001b[31m\nb' })).toThrow('a?[31m?b');
  });

  test('a descriptor keeps what is known and drops the rest', () => {
    expect(parseDescriptor({ ...descriptor, artifactType: 'a/b', foreign: true })).toEqual({ ...descriptor, artifactType: 'a/b' });
  });
});

describe('composeArtifact', () => {
  const layers = [{ mediaType: 'a/b', bytes: Buffer.from('one'), annotations: { z: '1', a: '2' } }];

  test('the order of annotations does not matter', () => {
    const first = composeArtifact({ artifactType: 'a/b', annotations: { x: '1', y: '2' }, layers }, descriptor);
    const second = composeArtifact({ artifactType: 'a/b', annotations: { y: '2', x: '1' }, layers }, descriptor);
    expect(first.manifest.equals(second.manifest)).toBe(true);
    expect(first.blobs.map(String)).toEqual(['{}', 'one']);
  });

  test('a config of its own, no subject and equal blobs', () => {
    const { manifest, blobs } = composeArtifact(
      { artifactType: 'a/b', layers: [...layers, ...layers], config: { mediaType: 'c/d', bytes: Buffer.from('one') } },
      undefined,
    );
    expect(JSON.parse(manifest.toString())).not.toHaveProperty('subject');
    expect(blobs).toHaveLength(1);
  });

  test('a manifest without artifact type is listed under its config’s', () => {
    expect(referrerDescriptor(parse(image), Buffer.from('x'))).toMatchObject({ artifactType: 'application/x' });
    expect(referrerDescriptor(parse(index), Buffer.from('x'))).not.toHaveProperty('artifactType');
  });
});

describe('verified content', () => {
  async function* stream(...parts: string[]): AsyncGenerator<Buffer> {
    for (const part of parts) yield Buffer.from(part);
  }
  const expected = { mediaType: 'x', digest: sha256Digest('abcdef'), size: 6 };

  test.each([[['abcdef']], [['abc', 'def']], [['', 'abcdef', '']]])('%j is the content', async (parts) => {
    expect((await bytesOf(verifiedBlob(stream(...parts), expected, 'it'))).toString()).toBe('abcdef');
  });

  test('empty content has a digest as well', async () => {
    const empty = { mediaType: 'x', digest: sha256Digest(''), size: 0 };
    expect(await bytesOf(verifiedBlob(stream(), empty, 'it'))).toHaveLength(0);
    expect((await failureOf(bytesOf(verifiedBlob(stream(), { ...empty, digest: expected.digest }, 'it')))).code).toBe('DIGEST_MISMATCH');
  });

  test.each([[[]], [['abcde']], [['abcdeF']], [['abcdef', 'g']], [['abc', 'abc']]])('%j is denied', async (parts: string[]) => {
    const error = await failureOf(bytesOf(verifiedBlob(stream(...parts), expected, 'blob r/app')));
    expect([error.kind, error.code]).toEqual(['denied', 'DIGEST_MISMATCH']);
    expect(error.message).toContain('blob r/app');
  });

  test('a reader of forged content never has all of it, and endless content ends', async () => {
    let given = 0;
    const read = async (parts: AsyncIterable<Buffer>): Promise<void> => {
      for await (const chunk of verifiedBlob(parts, expected, 'it')) given += chunk.length;
    };
    await failureOf(read(stream('abc', 'deF')));
    expect(given).toBe(3);
    async function* endless(): AsyncGenerator<Buffer> {
      for (;;) yield Buffer.from('abcdef');
    }
    expect((await failureOf(read(endless()))).code).toBe('DIGEST_MISMATCH');
  });

  test('the source’s own error comes through', async () => {
    const cause = deniedError('OTHER', 'other');
    async function* broken(): AsyncGenerator<Buffer> {
      yield Buffer.from('abc');
      throw cause;
    }
    await expect(bytesOf(verifiedBlob(broken(), expected, 'it'))).rejects.toBe(cause);
  });

  test('collectBlob asks for nothing that is too large', async () => {
    const source = { name: 'it', blob: () => stream('abcdef') };
    expect((await collectBlob(source, expected, 6)).toString()).toBe('abcdef');
    expect((await failureOf(collectBlob(source, expected, 5))).code).toBe('BLOB_TOO_LARGE');
  });

  test('verifyBytes', () => {
    expect(() => verifyBytes(Buffer.from('abcdef'), expected.digest, 'it')).not.toThrow();
    expect(() => verifyBytes(Buffer.from('abcdeF'), expected.digest, 'it')).toThrow(expect.objectContaining({ code: 'DIGEST_MISMATCH' }));
  });
});
