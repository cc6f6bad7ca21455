// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { parsePolicy } from '../../lib/policy/policy.ts';

test('the policy in NOTES.md is the sample policy, and can be judged by', () => {
  const notes = readFileSync(new URL('NOTES.md', import.meta.url), 'utf8');
  const [, shown = ''] = /```yaml\n([\s\S]*?)```/.exec(notes) ?? [];
  expect(shown).toBe(readFileSync(new URL('../../lib/policy/sample-policy.yaml', import.meta.url), 'utf8'));
  expect(parsePolicy(Buffer.from(shown), 'NOTES.md').rules.length).toBeGreaterThan(0);
});
