// SPDX-License-Identifier: Apache-2.0

import type { Identity } from '../policy/identity-schema.ts';
import { parsePolicy } from '../policy/policy.ts';
import { API_VERSION } from '../policy/policy-schema.ts';
import { sha256Digest } from '../reference/digest.ts';
import { type LoadedPolicy, policySigners } from './load-policy.ts';

/** What `cosign verify --certificate-identity` asks, as a policy: a signature by this identity that is in a transparency log. Throws input POLICY_INVALID for an identity that is none. */
export function identityPolicy(identity: Identity): LoadedPolicy {
  const signers = { any: ['identity'] };
  const content = {
    apiVersion: API_VERSION,
    kind: 'Policy',
    metadata: { name: 'certificate-identity' },
    signers: [{ name: 'identity', identity }],
    rules: [
      { id: 'signed', type: 'signature', signers },
      { id: 'logged', type: 'log-entry', for: ['signature'], signers },
    ],
  };
  const bytes = Buffer.from(JSON.stringify(content));
  const policy = parsePolicy(bytes, 'the policy made of the certificate identity and issuer');
  return { policy, digest: sha256Digest(bytes), ...policySigners(policy, new Map()) };
}
