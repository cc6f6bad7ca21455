// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { RuleResult, Verdict } from '../policy/verdict.ts';
import { verdictValue } from './verdict-value.ts';

const DIGEST = `sha256:${'a'.repeat(64)}`;

function rule(id: string, type: RuleResult['type'], outcome: RuleResult['outcome'], more: Partial<RuleResult> = {}): RuleResult {
  const problems = outcome === 'failed' ? [{ object: DIGEST, reason: `there is no ${type}`, remedy: 'make one' }] : [];
  return { id, type, level: 'enforce', outcome, summary: `about ${id}`, facts: [], problems, evidence: [], ...more };
}

function verdict(rules: RuleResult[], more: Partial<Verdict> = {}): Verdict {
  return {
    apiVersion: 'supply-chain.tekton.dev/v1alpha1',
    kind: 'Verdict',
    subject: { reference: `registry.example.com/app@${DIGEST}`, digest: DIGEST },
    policy: { name: 'default', digest: DIGEST },
    stage: 'deploy',
    judgedAt: '2026-08-15T12:00:00.000Z',
    outcome: rules.every(({ outcome }) => outcome === 'passed') ? 'passed' : 'failed',
    problems: [],
    rules,
    notJudged: [],
    evidence: [],
    notes: [],
    ...more,
  };
}

describe('the value of a verdict', () => {
  test('names image, policy, and what failed with its remedy', () => {
    expect(verdictValue(verdict([rule('signed', 'signature', 'passed'), rule('bom', 'sbom', 'failed')]))).toEqual({
      verdict: 'failed',
      image: `registry.example.com/app@${DIGEST}`,
      policy: { name: 'default', digest: DIGEST },
      stage: 'deploy',
      judgedAt: '2026-08-15T12:00:00.000Z',
      checks: { signature: 'passed', sbom: 'failed' },
      rules: { signed: 'passed', bom: 'failed' },
      failures: [{ rule: 'bom', type: 'sbom', message: `about bom; ${DIGEST}: there is no sbom`, remedy: 'make one' }],
    });
  });

  test.each([
    ['every rule of the type passed', ['passed', 'passed'], ['enforce', 'enforce'], 'passed'],
    ['one of two failed', ['passed', 'failed'], ['enforce', 'enforce'], 'failed'],
    ['only one that warns failed', ['passed', 'failed'], ['enforce', 'warn'], 'passed'],
    ['the one that enforces failed', ['failed', 'passed'], ['enforce', 'warn'], 'failed'],
    ['there are only such that warn, and one failed', ['passed', 'failed'], ['warn', 'warn'], 'failed'],
    ['there are only such that warn, and they passed', ['passed', 'passed'], ['warn', 'warn'], 'passed'],
  ] as const)('a check where %s', (_what, outcomes, levels, expected) => {
    const rules = outcomes.map((outcome, at) => rule(`r${at}`, 'sbom', outcome, { level: levels[at] ?? 'enforce' }));
    expect(verdictValue(verdict(rules)).checks).toEqual({ sbom: expected });
  });

  test('says why where the policy itself is at fault', () => {
    const problems = [{ object: 'policy default', reason: 'enforces nothing', remedy: 'give a rule level enforce' }];
    const { failures } = verdictValue(verdict([rule('signed', 'signature', 'passed')], { outcome: 'failed', problems }));
    expect(failures).toEqual([{ rule: 'policy', type: 'policy', message: 'policy default: enforces nothing', remedy: 'give a rule level enforce' }]);
  });

  test('is small whatever the verdict is', () => {
    const long = 'x'.repeat(10_000);
    const problems = Array.from({ length: 200 }, () => ({ object: long, reason: long, remedy: long }));
    const rules = Array.from({ length: 500 }, (_, at) => rule(`r${at}`, 'sbom', 'failed', { summary: long, problems }));
    expect(JSON.stringify(verdictValue(verdict(rules))).length).toBeLessThan(40_000);
  });
});
