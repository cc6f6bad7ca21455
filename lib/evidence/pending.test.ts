// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { spkiDer } from '../sigstore/public-key.ts';
import { newSigningKey } from '../sigstore/test-keys.ts';
import { PUBLIC_KEY_ANNOTATION, pendingKey } from './pending.ts';

const { key } = newSigningKey('release');
const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('pendingKey', () => {
  it('is the key in the annotation', () => {
    const found = pendingKey({ digest: DIGEST, manifest: { annotations: { [PUBLIC_KEY_ANNOTATION]: spkiDer(key).toString('base64') } } });
    expect(found.name).toContain(DIGEST);
    expect(found.key.equals(key)).toBe(true);
  });

  const rsa = generateKeyPairSync('rsa', { modulusLength: 1024 }).publicKey;
  it.each([
    ['no manifest', undefined],
    ['no annotations', {}],
    ['no such annotation', { annotations: { other: 'AAAA' } }],
    ['an empty annotation', { annotations: { [PUBLIC_KEY_ANNOTATION]: '' } }],
    ['no key', { annotations: { [PUBLIC_KEY_ANNOTATION]: 'AAAA' } }],
    ['half a key', { annotations: { [PUBLIC_KEY_ANNOTATION]: spkiDer(key).subarray(0, 50).toString('base64') } }],
    ['a key in PEM form', { annotations: { [PUBLIC_KEY_ANNOTATION]: key.export({ format: 'pem', type: 'spki' }).toString() } }],
    ['a key of a type that is not supported', { annotations: { [PUBLIC_KEY_ANNOTATION]: spkiDer(rsa).toString('base64') } }],
  ])('is denied when there is %s', (_what, manifest) => {
    expect(() => pendingKey({ digest: DIGEST, manifest })).toThrowError(
      expect.objectContaining({ kind: 'denied', code: 'PENDING_INVALID', message: expect.stringContaining(DIGEST) }),
    );
  });
});
