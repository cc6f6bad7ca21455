// SPDX-License-Identifier: Apache-2.0
import { parsePolicy } from '../policy/policy.ts';
import { API_VERSION } from '../policy/policy-schema.ts';
import { sha256Digest } from '../reference/digest.ts';
import { type LoadedPolicy, policySigners } from './load-policy.ts';

/** What `cosign verify --key` asks, as a policy: a signature by the key (PEM), and, unless `logged` is false, one that is in a transparency log. Throws input POLICY_INVALID and KEY_INVALID for a key that is none. */
export function keyPolicy(publicPem: string, { logged }: { logged: boolean }): LoadedPolicy {
  const signers = { any: ['key'] };
  const content = {
    apiVersion: API_VERSION,
    kind: 'Policy',
    metadata: { name: 'key' },
    signers: [{ name: 'key', key: { data: publicPem } }],
    rules: [{ id: 'signed', type: 'signature', signers }, ...(logged ? [{ id: 'logged', type: 'log-entry', for: ['signature'], signers }] : [])],
  };
  const bytes = Buffer.from(JSON.stringify(content));
  const policy = parsePolicy(bytes, 'the policy made of the key');
  return { policy, digest: sha256Digest(bytes), ...policySigners(policy, new Map()) };
}
