// SPDX-License-Identifier: Apache-2.0
// Judges single rules for the tests of this room.
import process from 'node:process';
import { expect } from 'vitest';
import type { Evidence } from '../evidence/evidence.ts';
import { type JudgeInput, judge } from './judge.ts';
import { parsePolicy } from './policy.ts';
import { NOW, OTHER_DIGEST, readTestSbom } from './test-evidence.ts';
import type { RuleResult, Verdict } from './verdict.ts';

/** A policy with the rule, and with the signers that it names. */
function policyOf(...rules: string[]): JudgeInput['policy'] {
  const names = [...new Set(rules.flatMap((rule) => [...rule.matchAll(/(?:any|all|of): \[([a-z, ]+)\]/g)].flatMap(([, list = '']) => list.split(', '))))];
  const signers = names.map((name) => `{ name: ${name}, key: { file: ${name}.pub } }`);
  const text = `apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: { name: test }\nsigners: [${signers.join(', ')}]\nrules:\n${rules.map((rule) => `  - { ${rule} }`).join('\n')}`;
  return parsePolicy(Buffer.from(text), 'policy.yaml');
}

export function verdictOf(rules: string[], given: Evidence, extra: Partial<JudgeInput> = {}): Verdict {
  return judge({ policy: policyOf(...rules), policyDigest: OTHER_DIGEST, evidence: given, stage: 'build', now: NOW, readSbom: readTestSbom, ...extra });
}

export function resultOf(rule: string, given: Evidence, extra: Partial<JudgeInput> = {}): RuleResult {
  const [result] = verdictOf([`id: rule, ${rule}`], given, extra).rules;
  if (result === undefined) throw new Error('the rule was not judged');
  return result;
}

/** `passed`, or a text that a problem of the failed rule holds. */
export function expectResult(result: RuleResult, expected: string): void {
  const problems = result.problems.map(({ object, reason, remedy }) => `${object}: ${reason}; ${remedy}`).join('\n');
  expect(`${result.outcome}\n${problems}`).toContain(expected);
  expect(result.outcome === 'passed').toBe(expected === 'passed');
  expect(result.problems.length > 0).toBe(result.outcome === 'failed');
  for (const problem of result.problems) for (const text of Object.values(problem)) expect(text.length).toBeGreaterThan(0);
}

/** Milliseconds of processor time that it takes, which do not depend on what else the machine does. */
export function cpuMs(run: () => void): number {
  const started = process.cpuUsage();
  run();
  const { user, system } = process.cpuUsage(started);
  return (user + system) / 1000;
}
