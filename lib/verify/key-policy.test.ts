// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { COSIGN_KEY } from '../sigstore/test-keys.ts';
import { keyPolicy } from './key-policy.ts';

test.each([
  [true, ['signature', 'log-entry']],
  [false, ['signature']],
])('a key is asked for a signature, and for one in a log: %s', (logged, types) => {
  const { policy, keys } = keyPolicy(COSIGN_KEY.publicPem, { logged });
  expect(policy.rules.map(({ type }) => type)).toEqual(types);
  expect(keys.map(({ key }) => key.export({ format: 'pem', type: 'spki' }))).toEqual([COSIGN_KEY.publicPem]);
});

test('what is no public key makes no policy', () => {
  expect(() => keyPolicy(COSIGN_KEY.privatePem, { logged: true })).toThrowError(expect.objectContaining({ kind: 'input', code: 'POLICY_INVALID' }));
});
