// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync, type KeyObject } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { hashedRekordBody, hashedRekordRequest, keyDetailsOf, type SignedDigest } from './hashedrekord.ts';

const ec = (namedCurve: string): KeyObject => generateKeyPairSync('ec', { namedCurve }).publicKey;
const rsa = (modulusLength: number): KeyObject => generateKeyPairSync('rsa', { modulusLength }).publicKey;

describe('key details', () => {
  it.each([
    ['P-256', ec('P-256'), 'PKIX_ECDSA_P256_SHA_256', 32],
    ['P-384', ec('P-384'), 'PKIX_ECDSA_P384_SHA_384', 48],
    ['P-521', ec('P-521'), 'PKIX_ECDSA_P521_SHA_512', 64],
    ['RSA 2048', rsa(2048), 'PKIX_RSA_PKCS1V15_2048_SHA256', 32],
    ['RSA 3072', rsa(3072), 'PKIX_RSA_PKCS1V15_3072_SHA256', 32],
    ['Ed25519', generateKeyPairSync('ed25519').publicKey, 'PKIX_ED25519_PH', 64],
  ])('of %s', (_name, key, name, digestSize) => {
    expect(keyDetailsOf(key)).toMatchObject({ name, digestSize });
  });

  it.each([
    ['secp256k1', ec('secp256k1'), 'ec (secp256k1)'],
    ['RSA 1024', rsa(1024), 'rsa (1024)'],
    ['RSA-PSS', generateKeyPairSync('rsa-pss', { modulusLength: 2048 }).publicKey, 'rsa-pss (2048)'],
    ['X25519', generateKeyPairSync('x25519').publicKey, 'x25519'],
  ])('of %s there are none', (_name, key, shown) => {
    expect(() => keyDetailsOf(key)).toThrow(expect.objectContaining({ kind: 'input', code: 'KEY_NOT_LOGGABLE', message: expect.stringContaining(shown) }));
  });
});

const signed: SignedDigest = {
  digest: Buffer.alloc(32, 1),
  signature: Buffer.from('signature?>'),
  keyDetails: keyDetailsOf(ec('P-256')),
  verifier: { publicKey: Buffer.from('spki') },
};

describe('entry', () => {
  it('is byte for byte what rekor-tiles v2.3.0 keeps', () => {
    expect(hashedRekordBody(signed).toString()).toBe(
      '{"apiVersion":"0.0.2","kind":"hashedrekord","spec":{"hashedRekordV002":{"data":{"algorithm":"SHA2_256",' +
        '"digest":"AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="},"signature":{"content":"c2lnbmF0dXJlPz4=",' +
        '"verifier":{"keyDetails":"PKIX_ECDSA_P256_SHA_256","publicKey":{"rawBytes":"c3BraQ=="}}}}}}',
    );
  });

  it.each([
    ['a key', signed],
    ['a certificate', { ...signed, verifier: { x509Certificate: Buffer.from('der') } }],
  ])('with %s has its keys in the order of RFC 8785', (_name, entry) => {
    const text = hashedRekordBody(entry).toString();
    expect(text).toBe(JSON.stringify(sorted(JSON.parse(text))));
  });

  it('is not the same for another signature, digest or key', () => {
    const others: SignedDigest[] = [
      { ...signed, signature: Buffer.from('other') },
      { ...signed, digest: Buffer.alloc(32, 2) },
      { ...signed, verifier: { publicKey: Buffer.from('other') } },
      { ...signed, verifier: { x509Certificate: Buffer.from('spki') } },
    ];
    expect(new Set([signed, ...others].map((entry) => hashedRekordBody(entry).toString())).size).toBe(5);
  });

  it('is asked for with the names of the proto', () => {
    expect(JSON.parse(hashedRekordRequest({ ...signed, verifier: { x509Certificate: Buffer.from('der') } }).toString())).toEqual({
      hashedRekordRequestV002: {
        digest: signed.digest.toString('base64'),
        signature: { content: 'c2lnbmF0dXJlPz4=', verifier: { x509Certificate: { rawBytes: 'ZGVy' }, keyDetails: 'PKIX_ECDSA_P256_SHA_256' } },
      },
    });
  });
});

function sorted(value: unknown): unknown {
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value)
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([key, member]) => [key, sorted(member)]),
  );
}
