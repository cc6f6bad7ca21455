// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { digestHex } from '../reference/digest.ts';
import { judge } from './judge.ts';
import { parsePolicy } from './policy.ts';
import type { Stage } from './policy-schema.ts';
import { evidence, NOW, OTHER_DIGEST, piece, readTestSbom, SUBJECT, sbom, signature } from './test-evidence.ts';
import { sameVsa, type VsaContext, vsaPredicate } from './vsa.ts';

const POLICY = parsePolicy(
  Buffer.from(`
apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata: { name: test }
signers: [{ name: release, key: { file: a.pub } }]
rules:
  - { id: signed, type: signature, signers: { any: [release] } }
  - { id: sbom, type: sbom, level: warn, signers: { any: [release] } }
  - { id: logged, type: log-entry, level: warn, signers: { any: [release] } }
  - { id: logged-sbom, type: log-entry, level: warn, for: [cyclonedx], signers: { any: [release] } }
`),
  'policy.yaml',
);
const CONTEXT: VsaContext = {
  verifier: { id: 'https://example.com/policy-check', version: { 'policy-check': '0.1.0' } },
  resourceUri: SUBJECT,
  policyUri: 'policy.yaml',
};

function vsa(pieces: Parameters<typeof evidence>, { stage = 'build' as Stage, now = NOW, policyDigest = OTHER_DIGEST, context = CONTEXT } = {}) {
  return vsaPredicate(judge({ policy: POLICY, policyDigest, evidence: evidence(...pieces), stage, now, readSbom: readTestSbom }), context);
}

describe('the verification summary', () => {
  it('of a passed verdict claims what passed and lists what counted', () => {
    const pieces = [signature({ index: 5 }), sbom()];
    expect(vsa(pieces)).toEqual({
      verifier: CONTEXT.verifier,
      timeVerified: '2026-08-15T12:00:00.000Z',
      resourceUri: SUBJECT,
      policy: { uri: 'policy.yaml', digest: { sha256: digestHex(OTHER_DIGEST) } },
      inputAttestations: pieces
        .map(({ digest }) => ({ uri: `registry.example.com/team/app@${digest}`, digest: { sha256: digestHex(digest) } }))
        .sort((a, b) => (a.uri < b.uri ? -1 : 1)),
      verificationResult: 'PASSED',
      // TSC_LOGGED is not there: one of the two rules about log entries failed.
      verifiedLevels: ['TSC_SBOM', 'TSC_SIGNED'],
      slsaVersion: '1.2',
      'https://supply-chain.tekton.dev/vsa/stage': 'build',
    });
  });

  it('of a failed verdict claims nothing', () => {
    expect(vsa([sbom()])).toMatchObject({ verificationResult: 'FAILED', verifiedLevels: ['FAILED'] });
  });

  it('never rests on a summary, nor on what was rejected or pending', () => {
    const extra = [piece(PREDICATE_TYPE.vsa), signature({ rejected: 'x' }), sbom({}, { kind: 'pending' })];
    expect(vsa([signature(), ...extra]).inputAttestations).toEqual(vsa([signature()]).inputAttestations);
  });
});

describe('whether a summary says the same', () => {
  const base = vsa([signature()]);
  it.each<[name: string, other: unknown, same: boolean]>([
    ['itself, read back from JSON', JSON.parse(JSON.stringify(base)), true],
    ['at another time', vsa([signature()], { now: new Date('2027-01-01T00:00:00Z') }), true],
    ['with a summary published since', vsa([signature(), piece(PREDICATE_TYPE.vsa)]), true],
    ['by another policy', vsa([signature()], { policyDigest: `sha256:${'1'.repeat(64)}` }), false],
    ['of another stage', vsa([signature()], { stage: 'deploy' }), false],
    ['with another input', vsa([signature({ index: 5 })]), false],
    ['with another result', vsa([]), false],
    ['of another artifact', vsa([signature()], { context: { ...CONTEXT, resourceUri: 'registry.example.com/other' } }), false],
    ['by another verifier', vsa([signature()], { context: { ...CONTEXT, verifier: { id: 'https://evil.example', version: {} } } }), false],
    ['with a field more', { ...base, dependencyLevels: {} }, false],
    ['with a field less', { ...base, slsaVersion: undefined }, false],
    ['with another order of inputs', { ...vsa([signature(), sbom()]), inputAttestations: [...vsa([signature(), sbom()]).inputAttestations].reverse() }, false],
    ['nothing', undefined, false],
    ['text', 'PASSED', false],
    ['a deep thing', JSON.parse('['.repeat(50_000) + ']'.repeat(50_000)), false],
  ])('%s', (_name, other, same) => {
    expect(sameVsa(base, other)).toBe(same);
    expect(sameVsa(other, base)).toBe(same);
  });

  it('does not call two things of another shape equal', () => {
    expect(sameVsa({}, {})).toBe(false);
  });
});
