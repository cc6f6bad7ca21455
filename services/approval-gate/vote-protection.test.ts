// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { refusedError } from '../../lib/errors/errors.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { assertVotesProtected } from './vote-protection.ts';

const POLICY = '12-vote-policy.yaml';
const BINDING = '13-vote-policy-binding.yaml';

/** An API server that holds the manifests as they are shipped, edited by `edit`; one that becomes empty is not there. */
function serverWith(edit: (file: string, text: string) => string = (_file, text) => text): KubeClient {
  return {
    async get({ plural }: { plural: string }) {
      const file = plural.endsWith('bindings') ? BINDING : POLICY;
      const text = edit(file, readFileSync(join(import.meta.dirname, 'manifests', file), 'utf8'));
      if (text === '') throw refusedError('KUBE_NOT_FOUND', 'gone');
      return parse(text);
    },
  } as unknown as KubeClient;
}

test('the manifests that are shipped protect votes as the controller asks for it', async () => {
  await expect(assertVotesProtected(serverWith())).resolves.toBeUndefined();
});

test.each([
  ['the policy fails open', POLICY, 'failurePolicy: Fail', 'failurePolicy: Ignore'],
  ['the policy is not about votes being cast', POLICY, 'operations: [CREATE, ', 'operations: ['],
  ['the policy is about policies', POLICY, 'resources: [approvalvotes]', 'resources: [approvalgates]'],
  ['the binding only audits', BINDING, '[Deny]', '[Audit]'],
  ['the binding is of another policy', BINDING, 'policyName: approval-gate-votes', 'policyName: approval-gate-vote'],
])('they would not when %s', async (_what, edited, find, replace) => {
  const server = serverWith((file, text) => {
    if (file !== edited) return text;
    expect(text).toContain(find);
    return text.replace(find, replace);
  });
  await expect(assertVotesProtected(server)).rejects.toMatchObject({ kind: 'refused', code: 'VOTES_UNPROTECTED' });
});

test.each([POLICY, BINDING])('nor without %s', async (missing) => {
  const server = serverWith((file, text) => (file === missing ? '' : text));
  await expect(assertVotesProtected(server)).rejects.toMatchObject({ code: 'VOTES_UNPROTECTED', message: expect.stringContaining('is not there') });
});
