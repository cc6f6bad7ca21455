// SPDX-License-Identifier: Apache-2.0
// A verifier and its summary policy, for tests.

import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { STAGE_FIELD } from '../policy/vsa.ts';

export const VERIFIER = 'https://verifier.example.com/policy-check';
export const POLICY_DIGEST = `sha256:${'b'.repeat(64)}`;

/** A summary policy that believes signer `verifier`, whose key lies beside it in `verifier.pub`. */
export const SUMMARY_POLICY = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: SummaryPolicy
metadata: { name: cluster }
signers: [{ name: verifier, key: { file: verifier.pub } }]
accept:
  signers: { any: [verifier] }
  verifier: ${VERIFIER}
  policies: [{ digest: "${POLICY_DIGEST}" }]
  maxAgeHours: 48
`;

export const SUMMARY_TYPE: string = PREDICATE_TYPE.vsa;

/** A predicate that this policy accepts for the repository at the time, but for what is told otherwise. */
export function summaryOf(repository: string, timeVerified: string, more: object = {}): Record<string, unknown> {
  return {
    verifier: { id: VERIFIER },
    timeVerified,
    resourceUri: `oci://${repository}`,
    policy: { uri: 'file:policy.yaml', digest: { sha256: POLICY_DIGEST.slice('sha256:'.length) } },
    inputAttestations: [],
    verificationResult: 'PASSED',
    verifiedLevels: ['TSC_LOGGED', 'TSC_SIGNED'],
    slsaVersion: '1.2',
    [STAGE_FIELD]: 'deploy',
    ...more,
  };
}
