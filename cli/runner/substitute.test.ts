// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { type Scope, scopeKey, substituteList, substituteText, substituteValue, UNKNOWN_ARRAY, type Value, variablesIn } from './substitute.ts';

const scope: Scope = new Map<string, Value>([
  [scopeKey('params', 'x'), 'plain'],
  [scopeKey('params', 'dotted.name'), 'dotted'],
  [scopeKey('params', 'hostile'), '$(params.x) $(tasks.a.results.r) `id` $(id) $& $1'],
  [scopeKey('params', 'arr'), ['one', '$(params.x)', '']],
  [scopeKey('params', 'obj'), { key: 'value', 'odd-key': 'odd' }],
  [scopeKey('params', 'later'), UNKNOWN_ARRAY],
  [scopeKey('tasks', 'sign', 'results', 'subject'), 'repo@sha256:1'],
  [scopeKey('tasks', 'sign', 'status'), 'Succeeded'],
  [scopeKey('tasks', 'status'), 'Completed'],
  [scopeKey('context', 'pipelineRun', 'name'), 'run-1'],
  [scopeKey('workspaces', 'source', 'bound'), 'false'],
  [scopeKey('workspaces', 'source', 'path'), ''],
]);

describe('substituteText', () => {
  it.each([
    ['$(params.x)', 'plain'],
    ['--a=$(params.x)-$(params.x)!', '--a=plain-plain!'],
    [`$(params["x"])$(params['x'])`, 'plainplain'],
    ['$(params["dotted.name"])', 'dotted'],
    ['$(params.arr[0])', 'one'],
    ['$(params["arr"][2])', ''],
    ['$(params.obj.key)', 'value'],
    ['$(params.obj.odd-key)', 'odd'],
    ['$(tasks.sign.results.subject)', 'repo@sha256:1'],
    [`$(tasks.sign.results['subject'])`, 'repo@sha256:1'],
    ['$(tasks.sign.status)/$(tasks.status)', 'Succeeded/Completed'],
    ['$(context.pipelineRun.name)', 'run-1'],
    ['[$(workspaces.source.path)] $(workspaces.source.bound)', '[] false'],
    ['no variable, $HOME,, $(date +%s), $()', 'no variable, $HOME,, $(date +%s), $()'],
    ['$(params.later[7])', ''],
  ])('%s', (text, expected) => {
    expect(substituteText(text, scope)).toBe(expected);
  });

  it('leaves what a value holds alone', () => {
    expect(substituteText('<$(params.hostile)>', scope)).toBe('<$(params.x) $(tasks.a.results.r) `id` $(id) $& $1>');
    expect(substituteText('$(params.arr[1])', scope)).toBe('$(params.x)');
  });

  it.each([
    ['$(params.nope)', 'unknown variable $(params.nope)'],
    ['$(params.dotted.name)', 'unknown variable $(params.dotted.name)'],
    ['$(params.obj.toString)', 'unknown variable $(params.obj.toString)'],
    ['$(params.obj.__proto__)', 'unknown variable $(params.obj.__proto__)'],
    ['$(params.x.length)', 'unknown variable'],
    ['$(HOME)', 'unknown variable $(HOME)'],
    ['$(tasks.sign.results.other)', 'unknown variable'],
    ['$(context.pipelineRun.secret)', 'unknown variable'],
    ['$(params.arr[3])', 'out of bounds: the array has 3 items'],
    ['$(params.x[0])', 'not an array'],
    ['$(params.x[*])', 'all items of a string'],
    ['a $(params.arr[*])', 'an array and cannot stand inside a string'],
    ['$(params.obj[*])', 'an object and cannot stand inside a string'],
    ['$(params.)', 'not a well-formed variable'],
    ['$(params.a b)', 'not a well-formed variable'],
    ['$(tasks.x.results.y', 'not a well-formed variable'],
    ['$(params["x)', 'not a well-formed variable'],
  ])('refuses %s', (text, message) => {
    expect(() => substituteText(text, scope)).toThrow(message);
  });
});

describe('substituteList', () => {
  it('spreads an array that stands alone and nothing else', () => {
    expect(substituteList(['--', '$(params.arr[*])', '$(params.x)'], scope)).toEqual(['--', 'one', '$(params.x)', '', 'plain']);
    expect(() => substituteList(['--all=$(params.arr[*])'], scope)).toThrow('cannot stand inside a string');
    expect(() => substituteList(['$(params.obj[*])'], scope)).toThrow('an object');
  });
});

describe('substituteValue', () => {
  it.each<[Value, Value]>([
    ['$(params.arr[*])', ['one', '$(params.x)', '']],
    ['$(params.obj[*])', { key: 'value', 'odd-key': 'odd' }],
    [
      ['$(params.arr[*])', 'end'],
      ['one', '$(params.x)', '', 'end'],
    ],
    [{ '$(params.x)': '$(params.x)' }, { '$(params.x)': 'plain' }],
    ['$(params.x)', 'plain'],
  ])('%j', (value, expected) => {
    expect(substituteValue(value, scope)).toEqual(expected);
  });
});

it('variablesIn tells paths, not text', () => {
  expect(variablesIn('$(tasks.a.results.r[*]) $(tasks.b.results["c.d"][1])').map(({ path, index }) => [...path, index])).toEqual([
    ['tasks', 'a', 'results', 'r', '*'],
    ['tasks', 'b', 'results', 'c.d', 1],
  ]);
});
