// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { entryVerifier } from './entry-key.ts';
import { hashedRekordBody, keyDetailsOf } from './hashedrekord.ts';
import { spkiDer } from './public-key.ts';
import { CERTIFICATE, newSigningKey } from './test-keys.ts';

const { key } = newSigningKey('release');
const signed = { digest: Buffer.alloc(32), signature: Buffer.from('sig'), keyDetails: keyDetailsOf(key) };

function body(spec: unknown): Buffer {
  return Buffer.from(JSON.stringify({ apiVersion: '0.0.2', kind: 'hashedrekord', spec }));
}

function naming(verifier: unknown): Buffer {
  return body({ hashedRekordV002: { signature: { verifier } } });
}

describe('entryVerifier', () => {
  it.each([{ publicKey: spkiDer(key) }, { x509Certificate: CERTIFICATE }])('reads whom an entry names', (verifier) => {
    expect(entryVerifier(hashedRekordBody({ ...signed, verifier }))).toEqual(verifier);
  });

  it.each([
    ['an entry of Rekor v1', body({ signature: { publicKey: { content: 'AAAA' } } })],
    ['a key that is not base64', naming({ publicKey: { rawBytes: 'no!' } })],
    ['a key that is a number', naming({ publicKey: { rawBytes: 7 } })],
    ['a key and a certificate', naming({ publicKey: { rawBytes: 'AAAA' }, x509Certificate: { rawBytes: 'AAAA' } })],
    ['neither', naming({})],
    ['null', Buffer.from('null')],
    ['no JSON', Buffer.from('{')],
    ['nothing', Buffer.alloc(0)],
  ])('finds none in %s', (_what, bytes) => {
    expect(() => entryVerifier(bytes)).toThrow();
  });
});
