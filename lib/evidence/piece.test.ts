// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { inputError } from '../errors/errors.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { MEDIA_TYPE } from '../registry/oci.ts';
import { BUNDLE_MEDIA_TYPE } from '../sigstore/bundle.ts';
import { signedBundle } from '../sigstore/test-log.ts';
import { PENDING_ARTIFACT_TYPE } from './pending.ts';
import { type CollectedPiece, MAX_EVIDENCE_BYTES, readReferrer } from './piece.ts';
import { type Laptop, startLaptop, withManifest } from './test-laptop.ts';

let laptop: Laptop;
let image: DigestReference;
let digest: string;
let pending: string;
beforeAll(async () => {
  laptop = await startLaptop();
  image = await laptop.image();
  const bundle = signedBundle(laptop.key, digestHex(image.digest));
  digest = await laptop.attach(image, bundle);
  pending = await laptop.attach(image, bundle, { artifactType: PENDING_ARTIFACT_TYPE });
});
afterAll(() => laptop.close());

async function read(registry: Registry, of = digest, left = MAX_EVIDENCE_BYTES): Promise<CollectedPiece> {
  const descriptor = (await laptop.registry.referrers(image)).find((found) => found.digest === of);
  if (!descriptor) throw new Error('there is no such referrer');
  return readReferrer(registry, image, descriptor, { keys: [laptop.key], trust: laptop.log.trust }, { left });
}

describe('readReferrer', () => {
  it('keeps manifest and bundle for those who work on with them', async () => {
    expect(await read(laptop.registry)).toMatchObject({
      kind: 'attestation',
      artifactType: BUNDLE_MEDIA_TYPE,
      manifest: { artifactType: BUNDLE_MEDIA_TYPE, layers: [{ mediaType: BUNDLE_MEDIA_TYPE }] },
      bundle: { payloadType: 'application/vnd.in-toto+json' },
      verification: { state: 'verified' },
    });
  });

  it.each([
    ['two layers', (manifest) => ({ ...manifest, layers: [...manifest.layers, ...manifest.layers] }), 'REFERRER_INVALID', 'exactly one layer'],
    ['no layer', (manifest) => ({ ...manifest, layers: [] }), 'REFERRER_INVALID', 'exactly one layer'],
    [
      'a layer of another type',
      (manifest) => ({ ...manifest, layers: [{ ...manifest.layers[0], mediaType: 'text/html' }] }),
      'REFERRER_INVALID',
      'exactly one layer',
    ],
    [
      'a layer of 129 MiB',
      (manifest) => ({ ...manifest, layers: [{ ...manifest.layers[0], size: 129 * 1024 * 1024 }] }),
      'REFERRER_INVALID',
      'of 134217728 are left',
    ],
    ['a layer that is shorter', (manifest) => ({ ...manifest, layers: [{ ...manifest.layers[0], size: 1 }] }), 'DIGEST_MISMATCH', ''],
    ['no layers at all', ({ layers: _layers, ...manifest }) => manifest, 'MANIFEST_INVALID', 'layers'],
    ['an index', ({ layers: _l, config: _c, ...rest }) => ({ ...rest, mediaType: MEDIA_TYPE.ociIndex, manifests: [] }), 'REFERRER_INVALID', 'is an index'],
    ['a list', () => [], 'MANIFEST_INVALID', 'not a JSON object'],
    // biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
  ] as [string, (manifest: any) => unknown, string, string][])('rejects a referrer with %s', async (_what, change, code, part) => {
    for (const [of, kind] of [
      [digest, 'attestation'],
      [pending, 'pending'],
    ] as const) {
      const piece = await read(withManifest(laptop.registry, of, change), of);
      expect(piece).toMatchObject({
        kind,
        statement: undefined,
        bundle: undefined,
        verification: { state: 'rejected', code, reason: expect.stringContaining(part) },
      });
    }
  });

  it.each([
    ['a pending referrer with the layer of a bundle, which cosign would take for a signature', PENDING_ARTIFACT_TYPE, BUNDLE_MEDIA_TYPE, 'pending'],
    ['a bundle with the layer of a pending referrer', BUNDLE_MEDIA_TYPE, PENDING_ARTIFACT_TYPE, 'attestation'],
  ])('rejects %s', async (_what, artifactType, mediaType, kind) => {
    const mixed = await laptop.attach(image, signedBundle(laptop.key, digestHex(image.digest)), { artifactType, mediaType });
    expect(await read(laptop.registry, mixed)).toMatchObject({
      kind,
      verification: { state: 'rejected', code: 'REFERRER_INVALID', reason: expect.stringContaining(`exactly one layer of type ${artifactType}`) },
    });
  });

  it('rejects a referrer that the registry client cannot read, and no more than that', async () => {
    const registry: Registry = {
      ...laptop.registry,
      manifest: async () => {
        throw inputError('MANIFEST_INVALID', 'the manifest is malformed at layers.7');
      },
    };
    expect(await read(registry)).toMatchObject({ kind: 'attestation', verification: { state: 'rejected', code: 'MANIFEST_INVALID' } });
    expect(await read(registry, pending)).toMatchObject({ kind: 'pending', verification: { state: 'rejected', code: 'MANIFEST_INVALID' } });
  });

  it('believes the manifest, not the listing, that a referrer is evidence', async () => {
    const registry = withManifest(laptop.registry, digest, (manifest) => ({ ...manifest, artifactType: 'application/spdx+json' }));
    expect(await read(registry)).toMatchObject({ kind: 'other', artifactType: 'application/spdx+json', verification: { code: 'NOT_EVIDENCE' } });
  });

  it('takes the type of the config where a manifest has no artifact type', async () => {
    const change = ({ artifactType: _artifactType, ...manifest }: Record<string, unknown>): unknown => ({
      ...manifest,
      config: { ...(manifest['config'] as object), mediaType: BUNDLE_MEDIA_TYPE },
    });
    expect(await read(withManifest(laptop.registry, digest, change))).toMatchObject({ kind: 'attestation', verification: { state: 'verified' } });
  });

  it.each([
    ['no bundle', Buffer.from('{"mediaType":"x"}'), 'BUNDLE_INVALID'],
    ['nothing', Buffer.alloc(0), 'BUNDLE_INVALID'],
  ])('rejects a referrer that holds %s', async (_what, bytes, code) => {
    expect(await read(laptop.registry, await laptop.attach(image, bytes))).toMatchObject({ kind: 'attestation', verification: { state: 'rejected', code } });
  });

  it('rejects a bundle for which no memory is left', async () => {
    const { verification } = await read(laptop.registry, digest, 100);
    expect(verification).toMatchObject({ state: 'rejected', code: 'REFERRER_INVALID', reason: expect.stringContaining('only 100 of') });
  });

  it('rejects a bundle that the registry changed', async () => {
    laptop.faults.registry = ({ path }) => (path.includes('/blobs/') ? { kind: 'corrupt' } : undefined);
    const { verification } = await read(laptop.registry);
    laptop.faults.registry = undefined;
    expect(verification).toMatchObject({ state: 'rejected', code: 'DIGEST_MISMATCH' });
  });
});
