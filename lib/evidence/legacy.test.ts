// SPDX-License-Identifier: Apache-2.0
import { sign } from 'node:crypto';
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { encodeEnvelope } from '../intoto/dsse.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { encodeSimpleSigning } from '../intoto/simple-signing.ts';
import { encodeStatement } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import { type DigestReference, repositoryName } from '../reference/reference.ts';
import { MEDIA_TYPE } from '../registry/oci.ts';
import { signStatement, statementBytes } from '../sigstore/bundle.ts';
import { DSSE_ENVELOPE_TYPE, LEGACY_ANNOTATION, SIMPLE_SIGNING_TYPE } from '../sigstore/legacy-layer.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { verifiedPieces } from './evidence.ts';
import { LEGACY_KINDS, type LegacyKind, legacyTag } from './legacy.ts';
import { type Laptop, startLaptop } from './test-laptop.ts';

const [SIG, ATT] = LEGACY_KINDS;

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterEach(() => {
  laptop.faults.registry = undefined;
});
afterAll(() => laptop.close());

type Layer = { bytes: Buffer; annotations: Record<string, string>; mediaType?: string };

/** Puts a layer under the tag of the image, as anybody with write access can. */
async function put(image: DigestReference, kind: LegacyKind, { bytes, annotations, mediaType = kind.mediaType }: Layer): Promise<void> {
  await laptop.registry.addTaggedLayer(legacyTag(image, kind), { mediaType, bytes, annotations });
}

function signatureOf(image: DigestReference, payload = encodeSimpleSigning(repositoryName(image), image.digest), key = laptop.key): Layer {
  return { bytes: payload, annotations: { [LEGACY_ANNOTATION.signature]: sign('sha256', payload, key.privateKey).toString('base64') } };
}

function attestationOf(image: DigestReference, predicateType: string = PREDICATE_TYPE.cyclonedx): Layer {
  const bundle = signStatement(encodeStatement([{ sha256: digestHex(image.digest) }], predicateType, {}), laptop.key.privateKey);
  return { bytes: Buffer.from(encodeEnvelope(bundle, bundle.signature)), annotations: { [LEGACY_ANNOTATION.signature]: '' } };
}

async function states(image: DigestReference): Promise<string[]> {
  const { pieces } = await laptop.collect(image);
  return pieces.map(({ kind, verification }) => `${kind} ${verification.state === 'verified' ? 'verified' : verification.code}`);
}

describe("cosign's legacy tags", () => {
  it('hold a signature and an attestation, each told apart by its own kind', async () => {
    const image = await laptop.image();
    await put(image, SIG, signatureOf(image));
    await put(image, ATT, attestationOf(image));
    const evidence = await laptop.collect(image);
    expect(verifiedPieces(evidence, 'signature')).toMatchObject([{ tag: legacyTag(image, SIG).tag, artifactType: SIMPLE_SIGNING_TYPE }]);
    expect(verifiedPieces(evidence, 'attestation')).toMatchObject([{ tag: legacyTag(image, ATT).tag, artifactType: DSSE_ENVELOPE_TYPE }]);
  });

  it('hold no signature when there is an attestation alone, whatever type it claims', async () => {
    const image = await laptop.image();
    await put(image, ATT, attestationOf(image, PREDICATE_TYPE.signature));
    expect(verifiedPieces(await laptop.collect(image), 'signature')).toEqual([]);
  });

  it.each<[string, LegacyKind, (image: DigestReference, other: DigestReference) => Layer, string]>([
    ['a signature about another artifact', SIG, (_image, other) => signatureOf(other), 'signature SUBJECT_MISMATCH'],
    ['an attestation about another artifact', ATT, (_image, other) => attestationOf(other), 'attestation SUBJECT_MISMATCH'],
    ['a signature by another key', SIG, (image) => signatureOf(image, undefined, newSigningKey('stranger')), 'signature SIGNATURE_UNKNOWN'],
    [
      'a signature over other JSON',
      SIG,
      (image) => signatureOf(image, Buffer.from('{"critical":{"type":"atomic container signature"}}')),
      'signature SIMPLE_SIGNING_INVALID',
    ],
    ['what an envelope signs, with its signature', SIG, (image) => bareEnvelope(image), 'signature SIMPLE_SIGNING_INVALID'],
    ['a signed file that is no JSON', SIG, (image) => signatureOf(image, Buffer.from('hello')), 'signature SIMPLE_SIGNING_INVALID'],
    ['a payload without signature', SIG, (image) => ({ ...signatureOf(image), annotations: {} }), 'signature LEGACY_LAYER_INVALID'],
    [
      'an attestation under the tag of signatures',
      SIG,
      (image) => ({ ...attestationOf(image), mediaType: DSSE_ENVELOPE_TYPE }),
      'signature LEGACY_LAYER_INVALID',
    ],
    ['an attestation that calls itself a signature', SIG, (image) => attestationOf(image), 'signature LEGACY_LAYER_INVALID'],
    ['a signature under the tag of attestations', ATT, (image) => signatureOf(image), 'attestation LEGACY_LAYER_INVALID'],
    [
      'a log entry that is none',
      SIG,
      (image) => withAnnotation(signatureOf(image), LEGACY_ANNOTATION.bundle, '{"Payload":{}}'),
      'signature LEGACY_LAYER_INVALID',
    ],
    ['a certificate that is none', SIG, (image) => withAnnotation(signatureOf(image), LEGACY_ANNOTATION.certificate, 'x'), 'signature LEGACY_LAYER_INVALID'],
  ])('do not count with %s', async (_what, kind, make, expected) => {
    const [image, other] = [await laptop.image(), await laptop.image()];
    await put(image, kind, make(image, other));
    expect(await states(image)).toEqual([expected]);
  });

  function bareEnvelope(image: DigestReference): Layer {
    const payload = encodeStatement([{ sha256: digestHex(image.digest) }], PREDICATE_TYPE.signature, {});
    return signatureOf(image, statementBytes(payload));
  }

  function withAnnotation(layer: Layer, name: string, value: string): Layer {
    return { ...layer, annotations: { ...layer.annotations, [name]: value } };
  }

  it('count once with a bundle of the same statement', async () => {
    const image = await laptop.image();
    const layer = attestationOf(image);
    const statement = encodeStatement([{ sha256: digestHex(image.digest) }], PREDICATE_TYPE.cyclonedx, {});
    await put(image, ATT, layer);
    await laptop.attach(image, signStatement(statement, laptop.key.privateKey));
    const pieces = verifiedPieces(await laptop.collect(image), 'attestation');
    expect(pieces).toHaveLength(2);
    expect(new Set(pieces.map(({ payloadDigest }) => payloadDigest)).size).toBe(1);
  });

  it.each([
    ['refused', 403, { kind: 'refused', code: 'REGISTRY_DENIED' }],
    ['throttled', 429, { kind: 'transient', code: 'HTTP_THROTTLED' }],
    ['failing', 503, { kind: 'transient', code: 'HTTP_SERVER_ERROR' }],
  ])('are never "unsigned" when reading them is %s', async (_what, status, error) => {
    const image = await laptop.image();
    await put(image, SIG, signatureOf(image));
    laptop.faults.registry = ({ path }) => (path.endsWith('.sig') ? { kind: 'reply', status } : undefined);
    await expect(laptop.collect(image)).rejects.toMatchObject(error);
  });

  it('are refused when they hold an index', async () => {
    const image = await laptop.image();
    const index = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests: [] }));
    await laptop.registry.putManifest(legacyTag(image, SIG), index, MEDIA_TYPE.ociIndex);
    await expect(laptop.collect(image)).rejects.toMatchObject({ kind: 'refused', code: 'LEGACY_TAG_INVALID' });
  });

  it('count against the limit of pieces', async () => {
    const image = await laptop.image();
    const layer = { mediaType: SIMPLE_SIGNING_TYPE, digest: `sha256:${'0'.repeat(64)}`, size: 1 };
    const config = { mediaType: MEDIA_TYPE.ociConfig, digest: layer.digest, size: 1 };
    const flood = Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociManifest, config, layers: Array(501).fill(layer) }));
    const flooded = {
      ...laptop.registry,
      resolve: async () => ({ mediaType: MEDIA_TYPE.ociManifest, digest: layer.digest, size: flood.length }),
      manifest: async () => ({ bytes: flood, descriptor: { mediaType: MEDIA_TYPE.ociManifest, digest: layer.digest, size: flood.length } }),
    };
    await expect(laptop.collect(image, {}, flooded)).rejects.toMatchObject({ kind: 'denied', code: 'TOO_MANY_REFERRERS' });
  });
});
