// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import type { ParamSpec } from './manifest.ts';
import { bindParams } from './params.ts';
import type { Value } from './substitute.ts';

const specs: ParamSpec[] = [
  { name: 'image', type: 'string', default: undefined, properties: undefined },
  { name: 'level', type: 'string', default: 'high', properties: undefined },
  { name: 'names', type: 'array', default: [], properties: undefined },
  { name: 'target', type: 'object', default: { host: 'h', port: '1' }, properties: ['host', 'port', 'path'] },
];

const bind = (given: Record<string, Value>) => bindParams(specs, new Map(Object.entries(given)), 'Pipeline p');

describe('bindParams', () => {
  it('fills in defaults, also key by key', () => {
    const { values, problems } = bind({ image: '', target: { path: '/', port: '2' } });
    expect(problems).toEqual([]);
    expect(Object.fromEntries(values)).toEqual({ image: '', level: 'high', names: [], target: { host: 'h', port: '2', path: '/' } });
  });

  it('reports everything at once', () => {
    expect(bind({ level: ['x'], names: 'one', target: {}, imagee: 'typo' }).problems).toEqual([
      'Pipeline p has no param "imagee"',
      'Pipeline p needs param "image"',
      'Pipeline p param "level" must be a string, not an array',
      'Pipeline p param "names" must be an array, not a string',
      'Pipeline p param "target" lacks the key "path"',
    ]);
  });

  it('does not take a key of the prototype for one that was given', () => {
    const spec: ParamSpec = { name: 'o', type: 'object', default: undefined, properties: ['constructor'] };
    expect(bindParams([spec], new Map([['o', {}]]), 'Task t').problems).toEqual(['Task t param "o" lacks the key "constructor"']);
  });
});
