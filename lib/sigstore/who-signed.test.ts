// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { publicKeyHint } from './public-key.ts';
import { newSigningKey } from './test-keys.ts';
import { altered, flippedBase64, signedBundle } from './test-log.ts';
import { wholeTextPattern } from './text-pattern.ts';
import { type NamedIdentity, whoIsNamed, whoSigned } from './who-signed.ts';

const release = newSigningKey('release');
const other = newSigningKey('other');
const bundle = signedBundle(release);

describe('whoSigned', () => {
  it.each([
    ['its key alone', [release], ['release']],
    ['its key among others', [other, release], ['release']],
    ['its key under two names', [release, other, { ...release, name: 'alias' }], ['release', 'alias']],
    ['another key', [other], []],
    ['no key', [], []],
  ])('finds by %s', (_what, keys, names) => {
    expect(whoSigned(bundle, keys).map(({ name }) => name)).toEqual(names);
  });

  it('does not care for the hint', () => {
    const foreign = altered(bundle, (json) => {
      json.verificationMaterial.publicKey.hint = publicKeyHint(other.key);
    });
    expect(whoSigned(foreign, [other, release])).toEqual([release]);
  });

  it.each([
    ['payload', (json: { dsseEnvelope: { payload: string } }) => Object.assign(json.dsseEnvelope, { payload: flippedBase64(json.dsseEnvelope.payload, 5) })],
    ['payload type', (json: { dsseEnvelope: object }) => Object.assign(json.dsseEnvelope, { payloadType: 'application/json' })],
    [
      'signature',
      (json: { dsseEnvelope: object }) => Object.assign(json.dsseEnvelope, { signatures: [{ sig: flippedBase64(bundle.signature.toString('base64'), 20) }] }),
    ],
    ['signature cut short', (json: { dsseEnvelope: object }) => Object.assign(json.dsseEnvelope, { signatures: [{ sig: 'MA==' }] })],
    ['signature that is huge', (json: { dsseEnvelope: object }) => Object.assign(json.dsseEnvelope, { signatures: [{ sig: 'A'.repeat(1024 * 1024) }] })],
    [
      'signature of zeros',
      (json: { dsseEnvelope: object }) =>
        Object.assign(json.dsseEnvelope, { signatures: [{ sig: Buffer.from('3006020100020100', 'hex').toString('base64') }] }),
    ],
  ])('nobody signed another %s', (_what, change) => {
    expect(whoSigned(altered(bundle, change), [release, other])).toEqual([]);
  });

  it('does not pass over a key that it cannot verify with', () => {
    const { publicKey } = generateKeyPairSync('ed448');
    expect(() => whoSigned(bundle, [release, { name: 'ed', key: publicKey }])).toThrowError(
      expect.objectContaining({ kind: 'input', code: 'KEY_UNSUPPORTED', message: expect.stringContaining('the key ed') }),
    );
  });
});

describe('whoIsNamed', () => {
  const verified = { subject: 'release@example.com', issuer: 'https://issuer.example.com' };
  const identity = (subject: NamedIdentity['subject'], issuer: NamedIdentity['issuer'] = verified.issuer): NamedIdentity => ({
    name: 'release',
    subject,
    issuer,
  });

  it.each([
    ['both texts', identity(verified.subject)],
    ['a pattern for the subject', identity(wholeTextPattern('.+@example\\.com'))],
    ['a pattern for the issuer', identity(verified.subject, wholeTextPattern('https://.+'))],
  ])('knows it by %s', (_what, given) => {
    expect(whoIsNamed(verified, [given])).toEqual([given]);
  });

  it.each([
    ['another subject', identity('other@example.com')],
    ['another issuer', identity(verified.subject, 'https://issuer.example.org')],
    ['a subject in other letters', identity('Release@example.com')],
    ['a part of the subject', identity('example.com')],
    ['a pattern for a part', identity(wholeTextPattern('release'))],
    ['subject and issuer exchanged', identity(verified.issuer, verified.subject)],
    ['nothing', identity('', '')],
  ])('does not take it for %s', (_what, given) => {
    expect(whoIsNamed(verified, [given])).toEqual([]);
  });
});
