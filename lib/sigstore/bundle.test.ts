// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import { type DsseBundle, decodeBundle, encodeBundle, signStatement, withLogEntry } from './bundle.ts';
import { HASHED_REKORD, hashedRekordBody, keyDetailsOf } from './hashedrekord.ts';
import { publicKeyHint, spkiDer } from './public-key.ts';
import { newSigningKey } from './test-keys.ts';
import { altered, lyingLog, signedBundle } from './test-log.ts';

const key = newSigningKey('release');
const payload = Buffer.from('{"_type":"x"}');
const bundle = signStatement(payload, key.privateKey);

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
function jsonOf(of: DsseBundle): any {
  return JSON.parse(encodeBundle(of).toString());
}

function entryFor(of: DsseBundle): unknown {
  const digest = createHash('sha256').update(preAuthenticationEncoding(of.payloadType, of.payload)).digest();
  const body = hashedRekordBody({ digest, signature: of.signature, keyDetails: keyDetailsOf(key.key), verifier: { publicKey: spkiDer(key.key) } });
  return { ...lyingLog().entry(body), inclusionPromise: null };
}

describe('signStatement', () => {
  it('signs the pre-authentication encoding', () => {
    const signed = Buffer.from(`DSSEv1 28 application/vnd.in-toto+json ${payload.length} ${payload}`);
    expect(verify('sha256', signed, key.key, bundle.signature)).toBe(true);
  });

  it('writes what cosign 3 writes: v0.3, the hint of sigstore-go, no keyid', () => {
    expect(jsonOf(bundle)).toEqual({
      mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
      verificationMaterial: { publicKey: { hint: publicKeyHint(key.key) }, timestampVerificationData: {} },
      dsseEnvelope: {
        payload: payload.toString('base64'),
        payloadType: 'application/vnd.in-toto+json',
        signatures: [{ sig: bundle.signature.toString('base64') }],
      },
    });
  });

  it('refuses a key that others could not verify', () => {
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'secp256k1' });
    expect(() => signStatement(payload, privateKey)).toThrowError(expect.objectContaining({ kind: 'input', code: 'KEY_UNSUPPORTED' }));
  });
});

describe('encodeBundle and decodeBundle', () => {
  it('keep everything, and give equal bytes for equal bundles', () => {
    const bytes = encodeBundle(bundle);
    const again = decodeBundle(bytes, 'it');
    expect(again).toMatchObject({
      payload,
      payloadType: 'application/vnd.in-toto+json',
      signature: bundle.signature,
      hint: publicKeyHint(key.key),
      logEntries: [],
    });
    expect(encodeBundle(again)).toEqual(bytes);
  });

  it('read version 0.3 in its older spelling', () => {
    const json = { ...jsonOf(bundle), mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.3' };
    expect(decodeBundle(Buffer.from(JSON.stringify(json)), 'it').signature).toEqual(bundle.signature);
  });

  it('a certificate has no hint', () => {
    const json = jsonOf(bundle);
    json.verificationMaterial = { certificate: { rawBytes: 'AAAA' }, tlogEntries: [] };
    expect(decodeBundle(Buffer.from(JSON.stringify(json)), 'it').hint).toBeUndefined();
  });

  const message = { messageDigest: { algorithm: 'SHA2_256', digest: 'AAAA' }, signature: 'AAAA' };
  it.each([
    ['no JSON', () => '{"mediaType":', 'is not a Sigstore bundle'],
    ['nothing', () => '', 'is not a Sigstore bundle'],
    ['null', () => 'null', 'is not a Sigstore bundle'],
    ['an empty object', () => '{}', 'is not a Sigstore bundle'],
    ['very deep JSON', () => '['.repeat(100_000), 'is not a Sigstore bundle'],
    ['a bare envelope', () => JSON.stringify(jsonOf(bundle).dsseEnvelope), 'is not a Sigstore bundle'],
    ['another media type', () => JSON.stringify({ ...jsonOf(bundle), mediaType: 'application/json' }), 'is not a Sigstore bundle'],
    [
      'a bundle of version 0.2, which may lack an inclusion proof',
      () => JSON.stringify({ ...jsonOf(bundle), mediaType: 'application/vnd.dev.sigstore.bundle+json;version=0.2' }),
      'is of type "application/vnd.dev.sigstore.bundle\\+json;version=0.2"',
    ],
    [
      'a version that is not there yet',
      () => JSON.stringify({ ...jsonOf(bundle), mediaType: 'application/vnd.dev.sigstore.bundle.v0.4+json' }),
      'is of type "application/vnd.dev.sigstore.bundle.v0.4',
    ],
    ['no verification material', () => JSON.stringify({ ...jsonOf(bundle), verificationMaterial: undefined }), 'is not a Sigstore bundle'],
    ['no key and no certificate', () => JSON.stringify({ ...jsonOf(bundle), verificationMaterial: { tlogEntries: [] } }), 'is not a Sigstore bundle'],
    ['no signature', () => JSON.stringify({ ...jsonOf(bundle), dsseEnvelope: { ...jsonOf(bundle).dsseEnvelope, signatures: [] } }), 'is not a Sigstore bundle'],
    [
      'two signatures',
      () => JSON.stringify({ ...jsonOf(bundle), dsseEnvelope: { ...jsonOf(bundle).dsseEnvelope, signatures: Array(2).fill({ sig: 'AAAA' }) } }),
      'is not a Sigstore bundle',
    ],
    [
      'an empty payload',
      () => JSON.stringify({ ...jsonOf(bundle), dsseEnvelope: { ...jsonOf(bundle).dsseEnvelope, payload: '' } }),
      'is not a Sigstore bundle',
    ],
    ['a message signature', () => JSON.stringify({ ...jsonOf(bundle), dsseEnvelope: undefined, messageSignature: message }), 'holds a message signature'],
  ])('refuse %s', (_what, text, part) => {
    expect(() => decodeBundle(Buffer.from(text()), 'referrer 7')).toThrowError(
      expect.objectContaining({ kind: 'denied', code: 'BUNDLE_INVALID', message: expect.stringMatching(new RegExp(`^referrer 7 ${part}`)) }),
    );
  });
});

describe('withLogEntry', () => {
  it('adds the entry behind those that are there and changes nothing else', () => {
    const unlogged = signedBundle(key);
    const entry = entryFor(unlogged);
    const once = withLogEntry(unlogged, entry);
    expect(unlogged.logEntries).toEqual([]);
    expect(once.logEntries).toHaveLength(1);
    expect(once.logEntries[0]).toMatchObject({ logIndex: '0', kindVersion: HASHED_REKORD });
    expect(encodeBundle(altered(once, (json) => json.verificationMaterial.tlogEntries.pop()))).toEqual(encodeBundle(unlogged));
    expect(withLogEntry(once, entryFor(unlogged)).logEntries).toHaveLength(2);
  });

  it.each([[{}], [{ logIndex: '1' }], [{ ...(entryFor(bundle) as object), inclusionProof: undefined }]])('refuses %j, which proves nothing', (entry) => {
    expect(() => withLogEntry(bundle, entry)).toThrowError(expect.objectContaining({ kind: 'denied', code: 'BUNDLE_INVALID' }));
  });
});
