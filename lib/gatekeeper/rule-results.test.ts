// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import type { Verdict } from '../policy/verdict.ts';
import type { Review } from './gatekeeper.ts';
import { gatekeeperRules, withRules } from './rule-results.ts';

const object = (name: string, namespace = 'shop') => ({ file: `manifests/${name}.yaml`, apiVersion: 'v1', kind: 'Pod', namespace, name });
const violation = (name: string, more: Partial<Review['violations'][number]> = {}): Review['violations'][number] => ({
  ...{ object: 0, kind: 'Signed', name, message: 'no', action: 'deny', reviewed: object('a') },
  ...more,
});

function rules(actions: string[] | null, violations: Review['violations'] = []) {
  return gatekeeperRules({ constraints: [{ kind: 'Signed', name: 'all', actions }], objects: [object('a'), object('b', '')], violations }, 'the manifests');
}

describe('gatekeeperRules', () => {
  test.each([
    [['deny'], 'enforce'],
    [['warn'], 'warn'],
    [['dryrun'], 'warn'],
    [['warn', 'deny'], 'enforce'],
    [['a-word-that-nobody-knows'], 'enforce'],
  ])('a Constraint with the actions %j is of level %s', (actions, level) => {
    expect(rules(actions)).toMatchObject([{ id: 'Signed/all', type: 'gatekeeper', level, outcome: 'passed', summary: 'no violation in 2 objects' }]);
  });

  test.each([null, []])('one for other places alone (%j) is no rule', (actions) => {
    expect(rules(actions)).toEqual([]);
  });

  test('each violation is a problem on one line, with its object and file', () => {
    const [rule] = rules(
      ['deny'],
      [violation('all', { message: 'first\nsecond' }), violation('all', { object: 1, reviewed: object('b', '') }), violation('other')],
    );
    expect(rule).toMatchObject({ outcome: 'failed', summary: '2 violations in 2 of 2 objects' });
    expect(rule?.problems).toEqual([
      { object: 'Pod shop/a', reason: 'first second', remedy: 'change it in manifests/a.yaml, or the constraint' },
      { object: 'Pod b', reason: 'no', remedy: 'change it in manifests/b.yaml, or the constraint' },
    ]);
  });

  test('what an ExpansionTemplate says about a violation, and a scoped action, decide', () => {
    expect(rules(['deny'], [violation('all', { action: 'warn' })])).toMatchObject([{ level: 'warn' }]);
    expect(rules(['deny'], [violation('all', { action: 'warn' }), violation('all')])).toMatchObject([{ level: 'enforce' }]);
    expect(rules(['warn'], [violation('all', { action: 'scoped', actions: ['warn'] })])).toMatchObject([{ level: 'warn' }]);
  });

  test('lists no more than 200, and says so', () => {
    const [rule] = rules(
      ['deny'],
      Array.from({ length: 300 }, () => violation('all')),
    );
    expect(rule?.problems).toHaveLength(200);
    expect(rule?.facts).toContain('300 violations, of which the first 200 are listed');
  });
});

test('withRules fails a verdict by an enforced rule alone, and never mends one', () => {
  const verdict = (outcome: Verdict['outcome']) => ({ outcome, rules: [] as Verdict['rules'] }) as Verdict;
  const [denied, warned, passed] = [rules(['deny'], [violation('all')]), rules(['warn'], [violation('all', { action: 'warn' })]), rules(['deny'])];
  expect([denied, warned, passed].map((added) => withRules(verdict('passed'), added).outcome)).toEqual(['failed', 'passed', 'passed']);
  expect(withRules(verdict('failed'), passed).outcome).toBe('failed');
});
