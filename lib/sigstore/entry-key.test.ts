// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { entryPublicKey } from './entry-key.ts';
import { hashedRekordBody, keyDetailsOf } from './hashedrekord.ts';
import { spkiDer } from './public-key.ts';
import { newSigningKey } from './test-keys.ts';

const { key } = newSigningKey('release');
const signed = { digest: Buffer.alloc(32), signature: Buffer.from('sig'), keyDetails: keyDetailsOf(key) };

function body(spec: unknown): Buffer {
  return Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }));
}

describe('entryPublicKey', () => {
  it('reads the key of an entry', () => {
    expect(entryPublicKey(hashedRekordBody({ ...signed, verifier: { publicKey: spkiDer(key) } }))).toEqual(spkiDer(key));
  });

  it.each([
    ['an entry with a certificate', hashedRekordBody({ ...signed, verifier: { x509Certificate: Buffer.from('cert') } })],
    ['an entry of Rekor v1', body({ signature: { publicKey: { content: 'AAAA' } } })],
    ['a key that is not base64', body({ hashedRekordV002: { signature: { verifier: { publicKey: { rawBytes: 'no!' } } } } })],
    ['a key that is a number', body({ hashedRekordV002: { signature: { verifier: { publicKey: { rawBytes: 7 } } } } })],
    ['null', Buffer.from('null')],
    ['no JSON', Buffer.from('{')],
    ['nothing', Buffer.alloc(0)],
  ])('finds none in %s', (_what, bytes) => {
    expect(() => entryPublicKey(bytes)).toThrow();
  });
});
