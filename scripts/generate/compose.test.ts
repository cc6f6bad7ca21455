// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { parse, stringify } from 'yaml';
import { composePipeline } from './compose.ts';

type Loose = Record<string, unknown>;

const bake = `kind: Pipeline
spec:
  params:
    - name: flour
      description: What to bake from.
    - {name: oven, default: hot}
    - {name: icing, default: ""}
  workspaces:
    - {name: kitchen}
    - {name: pantry, optional: true}
    - {name: fridge}
  results:
    - {name: bread, value: $(tasks.knead.results.bread)}
    - {name: cake, value: $(tasks.ice.results.cake)}
  tasks:
    - name: knead
      # Slowly.
      params: [{name: flour, value: $(params.flour)}]
      workspaces: [{name: kitchen, workspace: kitchen}, {name: pantry}]

    - name: ice
      runAfter: [knead]
      params: [{name: icing, value: $(params.icing)}, {name: oven, value: $(params.oven)}]
      workspaces: [{name: fridge, workspace: fridge}]
  finally:
    - name: clean
      params: [{name: status, value: $(tasks.status)}, {name: flour, value: $(params.flour)}]
`;
const sell = `kind: Pipeline
spec:
  params:
    - {name: bread}
    - {name: flour, description: Other words., default: rye}
    - {name: oven, default: hot}
  workspaces:
    - {name: pantry}
  results:
    - {name: bread, value: $(tasks.knead.results.bread)}
  tasks:
    - name: weigh
      params: [{name: bread, value: $(params.bread)}, {name: oven, value: $(params.oven)}]
      workspaces: [{name: pantry, workspace: pantry}]
    - name: knead
      runAfter: [weigh]
      when: [{input: $(tasks.weigh.results.weight), operator: notin, values: [""]}]
      params: [{name: flour, value: of $(params.flour)}]
`;
const parts = new Map([
  ['bake', bake],
  ['sell', sell],
]);
const whole = [
  { pipeline: 'bake', without: ['ice'] },
  { pipeline: 'sell', wire: { bread: '$(tasks.knead.results.bread)', oven: 'true' }, rename: { knead: 'knead-again' }, results: { bread: 'sold' } },
];

function compose(entries: readonly Loose[], more: Loose = {}): string {
  return composePipeline(stringify({ metadata: { name: 'bakery', labels: {} }, description: 'Bakes and sells.', parts: entries, ...more }), parts);
}

test('the parts follow each other, wired and renamed', () => {
  const { metadata, spec } = parse(compose(whole));
  expect(metadata).toEqual({ name: 'bakery', labels: {} });
  expect(spec.description).toBe('Bakes and sells.');
  expect(spec.tasks.map(({ name }: Loose) => name)).toEqual(['knead', 'weigh', 'knead-again']);
  expect(spec.tasks[1].params).toEqual([
    { name: 'bread', value: '$(tasks.knead.results.bread)' },
    { name: 'oven', value: 'true' },
  ]);
  expect(spec.tasks[2]).toMatchObject({ runAfter: ['weigh'], when: [{ input: '$(tasks.weigh.results.weight)' }] });
  expect(spec.results).toEqual([
    { name: 'bread', value: '$(tasks.knead.results.bread)' },
    { name: 'sold', value: '$(tasks.knead-again.results.bread)' },
  ]);
  expect(spec.finally.map(({ name }: Loose) => name)).toEqual(['clean']);
});

test('a param or workspace of several parts is one, in the first words, required where one part requires it; unused ones go', () => {
  const { spec } = parse(compose(whole));
  expect(spec.params).toEqual([{ name: 'flour', description: 'What to bake from.' }]);
  expect(spec.workspaces).toEqual([{ name: 'kitchen' }, { name: 'pantry' }]);
});

test('comments and style stay, and each part is named where it begins', () => {
  const text = compose(whole);
  expect(text).toContain('    # bake\n    - name: knead\n      # Slowly.\n      params: [{name: flour, value: $(params.flour)}]\n');
  expect(text).toContain('\n\n    # sell\n    - name: weigh\n');
  expect(compose(whole)).toBe(text);
});

test('a single param of a task can be left out', () => {
  const { spec } = parse(compose([{ pipeline: 'bake', without: ['clean.flour'] }]));
  expect(spec.finally[0].params).toEqual([{ name: 'status', value: '$(tasks.status)' }]);
});

const [, second] = whole;
test.each<[string, readonly Loose[], string]>([
  ['a part that is no Pipeline', [{ pipeline: 'eat' }], 'there is no Pipeline eat'],
  ['a task that is not there', [{ pipeline: 'bake', without: ['fry'] }], 'without names fry'],
  ['a param of a task that is not given', [{ pipeline: 'bake', without: ['knead.salt'] }], 'without names knead.salt'],
  ['a wired param that is not there', [{ pipeline: 'bake', wire: { salt: 'x' } }], 'wire names salt'],
  ['a renamed task that is not there', [{ pipeline: 'bake', rename: { fry: 'x' } }], 'rename names fry'],
  ['a renamed result that is not there', [{ pipeline: 'bake', results: { pie: 'x' } }], 'results names pie'],
  ['two tasks of one name', [{ pipeline: 'bake' }, { ...second, rename: {} }], 'the task knead is one of another part too'],
  ['two results of one name', [{ pipeline: 'bake' }, { ...second, results: {} }], 'the result bread is one of another part too'],
  ['a task that runs after one that goes', [{ pipeline: 'bake', without: ['knead'] }], 'the task ice needs knead, which is left out'],
  ['a task that uses a result of one that goes', [{ pipeline: 'sell', without: ['weigh'] }], 'the task knead needs weigh'],
  ['no parts', [], 'parts'],
  ['an unknown field', [{ pipeline: 'bake', prefix: 'x' }], 'prefix'],
])('%s is refused', (_what, entries, problem) => {
  expect(() => compose(entries)).toThrow(expect.objectContaining({ code: 'COMPOSE_INVALID', message: expect.stringContaining(problem) }));
});

test('two defaults of one param are refused', () => {
  const other = new Map([...parts, ['sell', sell.replace('default: hot', 'default: cold')]]);
  const text = stringify({
    metadata: { name: 'bakery' },
    description: '',
    parts: [{ pipeline: 'bake' }, { pipeline: 'sell', rename: { knead: 'x' }, results: { bread: 'y' } }],
  });
  expect(() => composePipeline(text, other)).toThrow(
    expect.objectContaining({ message: 'sell: the param oven defaults to "cold" here, and to "hot" in another part' }),
  );
});
