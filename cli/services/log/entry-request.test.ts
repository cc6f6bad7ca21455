// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, type KeyObject, sign } from 'node:crypto';
import { expect, it } from 'vitest';
import { hashedRekordBody, hashedRekordRequest, keyDetailsOf, type SignedDigest } from '../../../lib/sigstore/hashedrekord.ts';
import { readEntryRequest } from './entry-request.ts';

const p256 = generateKeyPairSync('ec', { namedCurve: 'P-256' });
const message = Buffer.from('message');
const base = {
  digest: createHash('sha256').update(message).digest(),
  signature: sign('sha256', message, p256.privateKey),
  keyDetails: keyDetailsOf(p256.publicKey),
};

it('takes the key out of a certificate and logs the certificate', () => {
  const signed: SignedDigest = { ...base, verifier: { x509Certificate: certificate(p256.publicKey) } };
  expect(readEntryRequest(hashedRekordRequest(signed))).toEqual({ body: hashedRekordBody(signed) });
});

it('refuses the certificate of another key', () => {
  const other = generateKeyPairSync('ec', { namedCurve: 'P-256' }).publicKey;
  const request = hashedRekordRequest({ ...base, verifier: { x509Certificate: certificate(other) } });
  expect(readEntryRequest(request)).toEqual({ refusal: 'invalid hashedrekord request: signature does not verify' });
});

it('refuses key and certificate together', () => {
  const json = JSON.parse(hashedRekordRequest({ ...base, verifier: { x509Certificate: certificate(p256.publicKey) } }).toString());
  json.hashedRekordRequestV002.signature.verifier.publicKey = { rawBytes: 'AAAA' };
  expect(readEntryRequest(Buffer.from(JSON.stringify(json)))).toMatchObject({ refusal: expect.stringContaining('either a public key or') });
});

it('refuses an entry that no bundle of a log could hold', () => {
  const request = hashedRekordRequest({ ...base, verifier: { x509Certificate: certificate(p256.publicKey, 60_000) } });
  expect(readEntryRequest(request)).toMatchObject({ refusal: expect.stringContaining('more than 65535') });
});

it('says that it cannot verify Ed25519ph', () => {
  const { publicKey } = generateKeyPairSync('ed25519');
  const signed = {
    digest: Buffer.alloc(64),
    signature: Buffer.alloc(64),
    keyDetails: keyDetailsOf(publicKey),
    verifier: { publicKey: publicKey.export({ format: 'der', type: 'spki' }) },
  };
  expect(readEntryRequest(hashedRekordRequest(signed))).toMatchObject({ refusal: expect.stringContaining('cannot verify Ed25519ph') });
});

/** A certificate of the key in DER that parses and nothing more: its own signature is empty (RFC 5280 section 4.1). `padding` lengthens the subject. */
function certificate(publicKey: KeyObject, padding = 1): Buffer {
  const ecdsaWithSha256 = der(0x30, der(0x06, Buffer.from('2a8648ce3d040302', 'hex')));
  const name = der(0x30, der(0x31, der(0x30, der(0x06, Buffer.from('550403', 'hex')), der(0x0c, Buffer.alloc(padding, 'x')))));
  const validity = der(0x30, der(0x17, Buffer.from('260101000000Z')), der(0x17, Buffer.from('360101000000Z')));
  const version = der(0xa0, der(0x02, Buffer.from([2])));
  const toBeSigned = der(0x30, version, der(0x02, Buffer.from([1])), ecdsaWithSha256, name, validity, name, publicKey.export({ format: 'der', type: 'spki' }));
  return der(0x30, toBeSigned, ecdsaWithSha256, der(0x03, Buffer.from([0])));
}

function der(tag: number, ...parts: Buffer[]): Buffer {
  const content = Buffer.concat(parts);
  if (content.length < 0x80) return Buffer.concat([Buffer.from([tag, content.length]), content]);
  const length = Buffer.alloc(4);
  length.writeUInt32BE(content.length);
  return Buffer.concat([Buffer.from([tag, 0x84]), length, content]);
}
