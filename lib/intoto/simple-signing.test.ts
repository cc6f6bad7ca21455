// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { encodeEnvelope } from './dsse.ts';
import { encodeSimpleSigning, simpleSigningDigest } from './simple-signing.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

describe('simple signing', () => {
  it('is written as cosign writes it, and read back', () => {
    const payload = encodeSimpleSigning('registry.example.com/team/app', DIGEST);
    expect(payload.toString()).toBe(
      `{"critical":{"identity":{"docker-reference":"registry.example.com/team/app"},"image":{"docker-manifest-digest":"${DIGEST}"},"type":"cosign container image signature"},"optional":null}`,
    );
    expect(simpleSigningDigest(payload, 'it')).toBe(DIGEST);
  });

  it.each([
    ['no JSON', 'DSSEv1 28 application/vnd.in-toto+json', 'does not hold JSON'],
    [
      'JSON with a key twice',
      `{"critical":{"type":"cosign container image signature","image":{"docker-manifest-digest":"${DIGEST}","docker-manifest-digest":"x"}}}`,
      'twice',
    ],
    [
      'another type',
      encodeSimpleSigning('r/a', DIGEST).toString().replace('cosign container', 'atomic container'),
      'is not a "cosign container image signature"',
    ],
    ['no digest', '{"critical":{"type":"cosign container image signature","image":{}}}', 'is not a'],
    ['null', 'null', 'is not a'],
  ])('is not %s', (_what, text, message) => {
    expect(() => simpleSigningDigest(Buffer.from(text), 'layer 7')).toThrowError(
      expect.objectContaining({ kind: 'denied', code: 'SIMPLE_SIGNING_INVALID', message: expect.stringContaining(message) }),
    );
  });
});

it('an envelope is equal text for equal input, with one signature and no keyid', () => {
  const envelope = { payload: Buffer.from('{}'), payloadType: 'application/vnd.in-toto+json' };
  expect(encodeEnvelope(envelope, Buffer.from('s'))).toBe('{"payload":"e30=","payloadType":"application/vnd.in-toto+json","signatures":[{"sig":"cw=="}]}');
});
