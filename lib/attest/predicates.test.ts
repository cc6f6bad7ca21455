// SPDX-License-Identifier: Apache-2.0
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Laptop, startLaptop } from '../evidence/test-laptop.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';

let laptop: Laptop;
beforeAll(async () => {
  laptop = await startLaptop();
});
afterAll(() => laptop.close());

describe('predicates', () => {
  const VSA = {
    verifier: { id: 'https://example.com/policy-check' },
    policy: { uri: 'policy.yaml', digest: { sha256: 'a'.repeat(64) } },
    inputAttestations: [{ digest: { sha256: 'b'.repeat(64) } }, { digest: { sha256: 'c'.repeat(64) } }],
    verificationResult: 'PASSED',
  };
  const { verifier, ...rest } = VSA;

  it.each([
    ['as it was', VSA],
    ['with its members in another order', { ...rest, verifier }],
    ['with members that JSON does not have', { ...VSA, dependencyLevels: undefined }],
  ])('the same: %s', async (_what, predicate) => {
    const image = await laptop.image();
    const first = await laptop.attest(image, 'now', { predicateType: PREDICATE_TYPE.vsa, predicate: VSA });
    const second = await laptop.attest(image, 'now', { predicateType: PREDICATE_TYPE.vsa, predicate });
    expect(second).toEqual({ ...first, action: 'kept' });
  });

  it.each([
    ['another result', { ...VSA, verificationResult: 'FAILED' }],
    ['another policy', { ...VSA, policy: { ...VSA.policy, digest: { sha256: 'd'.repeat(64) } } }],
    ['inputs in another order', { ...VSA, inputAttestations: VSA.inputAttestations.toReversed() }],
    ['one input less', { ...VSA, inputAttestations: VSA.inputAttestations.slice(1) }],
    ['a member more', { ...VSA, slsaVersion: '1.2' }],
    ['a member less', rest],
    ['a number in place of its text', { ...VSA, verificationResult: 1 }],
    ['nothing', {}],
  ])('different: %s', async (_what, predicate) => {
    const image = await laptop.image();
    await laptop.attest(image, 'never', { predicateType: PREDICATE_TYPE.vsa, predicate: VSA });
    expect(await laptop.attest(image, 'never', { predicateType: PREDICATE_TYPE.vsa, predicate })).toMatchObject({ action: 'signed' });
    expect(await laptop.registry.referrers(image)).toHaveLength(2);
  });

  it('the same of another type is another statement', async () => {
    const image = await laptop.image();
    await laptop.attest(image, 'never', { predicateType: PREDICATE_TYPE.vsa, predicate: VSA });
    expect(await laptop.attest(image, 'never', { predicateType: PREDICATE_TYPE.custom, predicate: VSA })).toMatchObject({ action: 'signed' });
  });
});
