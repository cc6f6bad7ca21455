// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { encodeEnvelope } from '../intoto/dsse.ts';
import { decodeLegacyLayer, LEGACY_ANNOTATION, type LegacyLayer, logAnnotation, timestampAnnotation } from './legacy-layer.ts';
import { certificatePem } from './rekor-v1.ts';
import { flippedBase64 } from './test-log.ts';
import { type BundleName, recordedBundle, SIGNED, stackParties, stackTrust } from './test-real-stack.ts';
import { type VerifiedBundle, verifyBundle } from './verify-bundle.ts';

const { bundle: LOG, certificate: CERTIFICATE, timestamp: TIMESTAMP } = LEGACY_ANNOTATION;

/** What cosign would have put under the tag of attestations in place of a recorded bundle, with its entry of Rekor v1. */
function layerOf(name: BundleName): LegacyLayer {
  const bundle = recordedBundle(name);
  const [entry] = bundle.logEntries;
  if (!entry) throw new Error('there is no entry');
  const certificate = bundle.certificate && { [CERTIFICATE]: certificatePem(bundle.certificate) };
  return { kind: 'attestation', bytes: Buffer.from(encodeEnvelope(bundle, bundle.signature)), annotations: { ...certificate, ...logAnnotation(entry) } };
}

function annotated(layer: LegacyLayer, changes: Record<string, string>): LegacyLayer {
  return { ...layer, annotations: { ...layer.annotations, ...changes } };
}

/** With another annotation of the log; the entry is the one thing in it that says what the log signed. */
function relogged(change: (entry: { SignedEntryTimestamp: string; Payload: { body: string; integratedTime: number; logIndex: number } }) => void): LegacyLayer {
  const layer = layerOf('keylessV1');
  const json = JSON.parse(layer.annotations[LOG] ?? '');
  change(json);
  return annotated(layer, { [LOG]: JSON.stringify(json) });
}

function tokenOf(name: BundleName): Buffer {
  const [timestamp] = recordedBundle(name).bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
  if (!timestamp) throw new Error('there is no timestamp');
  return timestamp.signedTimestamp;
}

function verify(layer: LegacyLayer, trust = stackTrust()): VerifiedBundle {
  return verifyBundle(decodeLegacyLayer(layer, 'the layer'), stackParties({ trust }), 'the layer');
}

describe('a layer of what real servers made', () => {
  it('is by whom its certificate names, at the time that the log promised', () => {
    expect(verify(layerOf('keylessV1'))).toMatchObject({
      signers: [{ name: 'bot', identity: { subject: SIGNED.subject, issuer: SIGNED.issuer } }],
      log: { entry: { index: expect.any(Number) } },
      time: { at: expect.any(Date) },
    });
  });

  it('is by the key, and logged', () => {
    expect(verify(layerOf('keyV1'))).toMatchObject({ signers: [{ name: 'release' }], log: { entry: { index: expect.any(Number) } } });
  });

  it.each<[string, () => LegacyLayer, string]>([
    ['without the word of the log, so that nobody says when', () => annotated(layerOf('keylessV1'), { [LOG]: '' }), 'CERTIFICATE_UNTIMED'],
    ['with the entry of another signature', () => annotated(layerOf('keylessV1'), logAnnotationOf('keylessV1WithoutTsa')), 'LOG_ENTRY_INVALID'],
    ['by a key, with the entry of another signature', () => annotated(layerOf('keyV1'), logAnnotationOf('keylessV1')), 'LOG_ENTRY_INVALID'],
    [
      'at another time than the log signed',
      () => relogged(({ Payload }) => Object.assign(Payload, { integratedTime: Payload.integratedTime - 1 })),
      'LOG_ENTRY_INVALID',
    ],
    ['at another index than the log signed', () => relogged(({ Payload }) => Object.assign(Payload, { logIndex: Payload.logIndex + 1 })), 'LOG_ENTRY_INVALID'],
    [
      'with a promise that is none',
      () => relogged((entry) => Object.assign(entry, { SignedEntryTimestamp: flippedBase64(entry.SignedEntryTimestamp) })),
      'LOG_ENTRY_INVALID',
    ],
    ['with the certificate of another signature', () => annotated(layerOf('keylessV1'), certificateOf('keylessV2')), 'LOG_ENTRY_INVALID'],
    [
      'with a timestamp of the signature alone, where cosign has the envelope stamped',
      () => annotated(layerOf('keylessV1'), timestampAnnotation(tokenOf('keylessV1'))),
      'TIMESTAMP_INVALID',
    ],
    [
      'with an entry of Rekor v2, which proves nothing without a proof',
      () => relogged(({ Payload }) => Object.assign(Payload, { body: asV2(Payload.body) })),
      'LOG_ENTRY_INVALID',
    ],
  ])('%s does not verify', (_what, make, code) => {
    expect(() => verify(make())).toThrowError(expect.objectContaining({ kind: 'denied', code }));
  });

  it.each<[string, string, string]>([
    ['certificate authority', 'certificateAuthorities', 'CERTIFICATE_INVALID'],
    ['certificate log', 'ctlogs', 'CERTIFICATE_INVALID'],
    ['log', 'tlogs', 'CERTIFICATE_UNTIMED'],
  ])('does not verify where no %s is trusted', (_what, member, code) => {
    const trust = stackTrust((json) => Object.assign(json, { [member]: [] }));
    expect(() => verify(layerOf('keylessV1'), trust)).toThrowError(expect.objectContaining({ kind: 'denied', code }));
  });

  it.each<[string, Record<string, string>]>([
    ['two certificates', { [CERTIFICATE]: (layerOf('keylessV1').annotations[CERTIFICATE] ?? '').repeat(2) }],
    ['a log entry in no form', { [LOG]: '[]' }],
    ['a timestamp in no form', { [TIMESTAMP]: '{}' }],
  ])('with %s is not what cosign writes', (_what, changes) => {
    expect(() => verify(annotated(layerOf('keylessV1'), changes))).toThrowError(expect.objectContaining({ code: 'LEGACY_LAYER_INVALID' }));
  });

  it.each([0, 2])('with %d signatures is not what cosign writes', (count) => {
    const layer = layerOf('keyV1');
    const json = JSON.parse(layer.bytes.toString());
    const bytes = Buffer.from(JSON.stringify({ ...json, signatures: Array(count).fill(json.signatures[0]) }));
    expect(() => verify({ ...layer, bytes })).toThrowError(expect.objectContaining({ code: 'LEGACY_LAYER_INVALID' }));
  });
});

function logAnnotationOf(name: BundleName): Record<string, string> {
  return { [LOG]: layerOf(name).annotations[LOG] ?? '' };
}

function certificateOf(name: BundleName): Record<string, string> {
  const { certificate } = recordedBundle(name);
  return { [CERTIFICATE]: certificatePem(certificate ?? Buffer.alloc(0)) };
}

function asV2(body: string): string {
  const json = JSON.parse(Buffer.from(body, 'base64').toString());
  return Buffer.from(JSON.stringify({ ...json, kind: 'hashedrekord', apiVersion: '0.0.2' })).toString('base64');
}
