// SPDX-License-Identifier: Apache-2.0
import { createHash, generateKeyPairSync, type KeyObject, sign, verify } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { verifiesDigest } from './digest-signature.ts';
import { keyDetailsOf } from './hashedrekord.ts';

const message = Buffer.from('what was signed');
const P256_ORDER = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n;

const keys: Record<string, { publicKey: KeyObject; privateKey: KeyObject }> = {
  'P-256': generateKeyPairSync('ec', { namedCurve: 'P-256' }),
  'P-384': generateKeyPairSync('ec', { namedCurve: 'P-384' }),
  'P-521': generateKeyPairSync('ec', { namedCurve: 'P-521' }),
  'RSA 2048': generateKeyPairSync('rsa', { modulusLength: 2048 }),
};

function claimOf({ publicKey, privateKey }: { publicKey: KeyObject; privateKey: KeyObject }) {
  const keyDetails = keyDetailsOf(publicKey);
  const digest = createHash(keyDetails.hash).update(message).digest();
  return { digest, signature: sign(keyDetails.hash, message, privateKey), publicKey, keyDetails };
}

function changed(bytes: Buffer, offset: number): Buffer {
  const copy = Buffer.from(bytes);
  copy.writeUInt8(copy.readUInt8(offset) ^ 1, offset);
  return copy;
}

describe.each(Object.entries(keys))('%s', (_name, pair) => {
  it('verifies what node signed over the message', () => {
    for (let round = 0; round < 5; round += 1) expect(verifiesDigest(claimOf(pair))).toBe(true);
  });

  it('refuses another digest, a changed signature, another key, no signature', () => {
    const claim = claimOf(pair);
    const other = pair.publicKey.asymmetricKeyType === 'rsa' ? generateKeyPairSync('rsa', { modulusLength: 2048 }).publicKey : generateOther(pair.publicKey);
    expect(verifiesDigest({ ...claim, digest: changed(claim.digest, 0) })).toBe(false);
    expect(verifiesDigest({ ...claim, signature: changed(claim.signature, claim.signature.length - 1) })).toBe(false);
    expect(verifiesDigest({ ...claim, publicKey: other })).toBe(false);
    expect(verifiesDigest({ ...claim, signature: Buffer.alloc(0) })).toBe(false);
    expect(verifiesDigest({ ...claim, signature: Buffer.alloc(claim.signature.length) })).toBe(false);
  });
});

function generateOther(publicKey: KeyObject): KeyObject {
  return generateKeyPairSync('ec', { namedCurve: publicKey.asymmetricKeyDetails?.namedCurve ?? '' }).publicKey;
}

it('takes ECDSA signatures with a high s, which many signers make', () => {
  const claim = claimOf(keys['P-256'] as { publicKey: KeyObject; privateKey: KeyObject });
  const flipped = flipS(claim.signature);
  expect(verify('sha256', message, claim.publicKey, flipped)).toBe(true);
  expect(verifiesDigest({ ...claim, signature: flipped })).toBe(true);
  expect(verifiesDigest({ ...claim, signature: claim.signature })).toBe(true);
});

it('refuses an RSA signature with PSS padding or over another hash', () => {
  const pair = keys['RSA 2048'] as { publicKey: KeyObject; privateKey: KeyObject };
  const claim = claimOf(pair);
  expect(verifiesDigest({ ...claim, signature: sign('sha512', message, pair.privateKey) })).toBe(false);
  expect(verifiesDigest({ ...claim, signature: sign('sha256', message, { key: pair.privateKey, padding: 6 }) })).toBe(false);
});

/** The other valid signature of the same message: s replaced by n − s, in DER. */
function flipS(der: Buffer): Buffer {
  const rLength = der.readUInt8(3);
  const r = der.subarray(4, 4 + rLength);
  const s = BigInt(`0x${der.subarray(6 + rLength).toString('hex')}`);
  const flipped = Buffer.from((P256_ORDER - s).toString(16).padStart(64, '0'), 'hex');
  const minimal = flipped.subarray(flipped.findIndex((byte) => byte !== 0));
  const sBytes = minimal.readUInt8(0) >= 0x80 ? Buffer.concat([Buffer.from([0]), minimal]) : minimal;
  const body = Buffer.concat([Buffer.from([2, r.length]), r, Buffer.from([2, sBytes.length]), sBytes]);
  return Buffer.concat([Buffer.from([0x30, body.length]), body]);
}
