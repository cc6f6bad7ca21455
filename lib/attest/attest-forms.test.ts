// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { LEGACY_KINDS, legacyTag } from '../evidence/legacy.ts';
import { type Laptop, startLaptop } from '../evidence/test-laptop.ts';
import { encodeEnvelope } from '../intoto/dsse.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import { MEDIA_TYPE, parseManifest } from '../registry/oci.ts';
import { signStatement } from '../sigstore/bundle.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { type Attested, attest, type Format, type What } from './attest.ts';
import { attestAll, withChildren } from './attest-all.ts';

const [SIG, ATT] = LEGACY_KINDS;
const SIGNATURE = { predicateType: PREDICATE_TYPE.signature, predicate: {} };
const SBOM = { predicateType: PREDICATE_TYPE.cyclonedx, predicate: { bomFormat: 'CycloneDX' } };

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

function run(image: DigestReference, what: { predicateType: string; predicate: unknown }, format: Format, key = laptop.key): Promise<Attested> {
  return attest(laptop.context, image, key, { ...what, log: 'never', format });
}

async function layersOf(image: DigestReference, kind: (typeof LEGACY_KINDS)[number]): Promise<number> {
  const { digest } = await laptop.registry.resolve(legacyTag(image, kind));
  const { bytes } = await laptop.registry.manifest({ ...image, digest });
  const manifest = parseManifest(bytes, undefined);
  return manifest.kind === 'manifest' ? manifest.layers.length : -1;
}

async function found(image: DigestReference): Promise<string[]> {
  const { pieces } = await laptop.collect(image);
  return pieces.map(({ kind, tag, verification }) => `${kind}${tag === undefined ? '' : ` .${tag.split('.')[1]}`} ${verification.state}`).sort();
}

describe('the format', () => {
  it.each<[Format, { predicateType: string; predicate: unknown }, string[]]>([
    ['bundle', SIGNATURE, ['signature verified']],
    ['legacy', SIGNATURE, ['signature .sig verified']],
    ['both', SIGNATURE, ['signature .sig verified', 'signature verified']],
    ['legacy', SBOM, ['attestation .att verified']],
    ['both', SBOM, ['attestation .att verified', 'attestation verified']],
  ])('%s is written once and kept then', async (format, what, expected) => {
    const image = await laptop.image();
    expect(await run(image, what, format)).toMatchObject({ action: 'signed', bundleDigest: expect.stringMatching(/^sha256:/) });
    expect(await run(image, what, format)).toMatchObject({ action: 'kept' });
    expect(await found(image)).toEqual(expected);
  });

  it('both adds what is missing', async () => {
    const image = await laptop.image();
    await run(image, SIGNATURE, 'bundle');
    expect(await run(image, SIGNATURE, 'both')).toMatchObject({ action: 'signed' });
    expect(await found(image)).toEqual(['signature .sig verified', 'signature verified']);
  });

  it('both says the same in both, so that it counts once', async () => {
    const image = await laptop.image();
    await run(image, SBOM, 'both');
    const { pieces } = await laptop.collect(image);
    expect(new Set(pieces.map(({ payloadDigest }) => payloadDigest)).size).toBe(1);
  });

  it('a legacy signature is none where a bundle is asked for', async () => {
    const image = await laptop.image();
    await run(image, SIGNATURE, 'legacy');
    expect(await run(image, SIGNATURE, 'bundle')).toMatchObject({ action: 'signed' });
  });

  it('legacy is not kept for a statement of that type under the tag of attestations, which is no signature to anybody', async () => {
    const image = await laptop.image();
    const bundle = signStatement(encodeStatement([{ sha256: digestHex(image.digest) }], SIGNATURE.predicateType, SIGNATURE.predicate), laptop.key.privateKey);
    const annotations = { 'dev.cosignproject.cosign/signature': '' };
    const layer = { mediaType: ATT.mediaType, bytes: Buffer.from(encodeEnvelope(bundle, bundle.signature)), annotations };
    await laptop.registry.addTaggedLayer(legacyTag(image, ATT), layer);
    expect(await run(image, SIGNATURE, 'legacy')).toMatchObject({ action: 'signed' });
    expect(await layersOf(image, SIG)).toBe(1);
  });

  it('legacy of several signers at once ends with all of them', async () => {
    const image = await laptop.image();
    const keys = Array.from({ length: 4 }, (_, index) => newSigningKey(`signer-${index}`));
    await Promise.all(keys.map((key) => run(image, SIGNATURE, 'legacy', key)));
    expect(await layersOf(image, SIG)).toBe(4);
    await Promise.all(['a', 'b', 'c'].map((name) => run(image, { ...SBOM, predicate: { name } }, 'legacy')));
    expect(await layersOf(image, ATT)).toBe(3);
  });

  it.each([
    ['later', 'log=later is not possible'],
    ['now', 'hold log entries of Rekor v1 alone'],
  ] as const)('legacy is refused with log=%s and Rekor v2', async (log, message) => {
    const image = await laptop.image();
    await expect(attest(laptop.context, image, laptop.key, { ...SIGNATURE, log, format: 'both' })).rejects.toMatchObject({
      kind: 'input',
      code: 'LEGACY_IMPOSSIBLE',
      message: expect.stringContaining(message),
    });
    expect(await found(image)).toEqual([]);
  });
});

describe('an index', () => {
  async function index(): Promise<{ images: DigestReference[] }> {
    const children = [await laptop.image(), await laptop.image()].map(({ digest }) => digest);
    const image = await laptop.image();
    for (const [number, digest] of children.entries()) {
      const from = { ...image, repository: `team/app-${Number(image.repository.split('-')[1]) - 2 + number}`, digest };
      const { bytes, descriptor } = await laptop.registry.manifest(from);
      const manifest = parseManifest(bytes, undefined);
      if (manifest.kind !== 'manifest') throw new Error('no manifest');
      for (const blob of [manifest.config, ...manifest.layers]) {
        await laptop.registry.putBlob(image, { descriptor: blob, open: () => laptop.registry.blob(from, blob) });
      }
      await laptop.registry.putManifest({ registry: image.registry, repository: image.repository }, bytes, descriptor.mediaType);
    }
    const manifests = await Promise.all(children.map((digest) => laptop.registry.resolve({ ...image, digest })));
    const bytes = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }));
    const { digest } = await laptop.registry.putManifest({ registry: image.registry, repository: image.repository }, bytes, MEDIA_TYPE.ociIndex);
    return { images: await withChildren(laptop.registry, { ...image, digest }) };
  }

  const what: What = { ...SIGNATURE, log: 'now' };
  const referrersOf = (image: DigestReference) => laptop.registry.referrers(image);

  it('is signed with its children by one statement and one entry, and kept then', async () => {
    const { images } = await index();
    expect(images).toHaveLength(3);
    const before = await laptop.logSize();
    expect(await attestAll(laptop.context, images, laptop.key, what)).toMatchObject({ action: 'signed', logIndex: before });
    expect(await laptop.logSize()).toBe(before + 1);
    const collected = await Promise.all(images.map((image) => laptop.collect(image)));
    const pieces = collected.flatMap((evidence) => evidence.pieces);
    expect(pieces).toHaveLength(3);
    expect(new Set(pieces.map(({ payloadDigest }) => payloadDigest)).size).toBe(1);
    for (const { kind, verification } of pieces) expect([kind, verification]).toMatchObject(['signature', { state: 'verified', log: { index: before } }]);
    expect(await attestAll(laptop.context, images, laptop.key, what)).toMatchObject({
      action: 'kept',
      bundleDigest: (await referrersOf(images[0] as DigestReference))[0]?.digest,
    });
    expect(await laptop.logSize()).toBe(before + 1);
  });

  it('goes on with the same signature after an interruption', async () => {
    const { images } = await index();
    const [, , last] = images;
    const cut = {
      ...laptop.registry,
      pushReferrer: async (...[subject, content]: Parameters<typeof laptop.registry.pushReferrer>) => {
        if (subject.digest === last?.digest) throw new Error('killed');
        return laptop.registry.pushReferrer(subject, content);
      },
    };
    await expect(attestAll({ ...laptop.context, registry: cut }, images, laptop.key, what)).rejects.toThrow('killed');
    const size = await laptop.logSize();
    expect(await attestAll(laptop.context, images, laptop.key, what)).toMatchObject({ action: 'signed' });
    expect(await laptop.logSize()).toBe(size);
    for (const image of images) expect(await found(image)).toEqual(['signature verified']);
  });

  it('gets a legacy signature for each digest', async () => {
    const { images } = await index();
    const both: What = { ...SIGNATURE, log: 'never', format: 'both' };
    expect(await attestAll(laptop.context, images, laptop.key, both)).toMatchObject({ action: 'signed' });
    expect(await attestAll(laptop.context, images, laptop.key, both)).toMatchObject({ action: 'kept' });
    for (const image of images) expect(await found(image)).toEqual(['signature .sig verified', 'signature verified']);
  });

  it('is not signed for later', async () => {
    const { images } = await index();
    await expect(attestAll(laptop.context, images, laptop.key, { ...what, log: 'later' })).rejects.toMatchObject({
      kind: 'input',
      code: 'RECURSIVE_IMPOSSIBLE',
    });
  });
});
