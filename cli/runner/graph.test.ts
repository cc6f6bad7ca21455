// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { buildGraph } from './graph.ts';
import { loadPipeline } from './pipeline.ts';

const step = { image: 'a', command: ['b'] };

async function graphOf(tasks: object[], last: object[] = []) {
  const spec = { tasks: tasks.map(withSpec), finally: last.map(withSpec) };
  const text = JSON.stringify({ apiVersion: 'tekton.dev/v1', kind: 'Pipeline', metadata: { name: 'p' }, spec });
  return buildGraph(await loadPipeline(text, () => undefined));
}

function withSpec(task: object): object {
  const { reads = [], ...rest } = task as { reads?: string[] };
  const params = reads.map((value, index) => ({ name: `p${index}`, value }));
  return { taskSpec: { steps: [step], results: [{ name: 'out' }], params: params.map(({ name }) => ({ name })) }, params, ...rest };
}

describe('buildGraph', () => {
  it('orders by runAfter and by every place that reads a result', async () => {
    const { graph, problems } = await graphOf(
      [
        { name: 'a' },
        { name: 'b', reads: ['x-$(tasks.a.results.out)'] },
        { name: 'c', when: [{ input: 'x', operator: 'in', values: ['$(tasks.a.results["out"])'] }] },
        { name: 'd', runAfter: ['b', 'c'] },
      ],
      [{ name: 'z', reads: ['$(tasks.a.results.out)', '$(tasks.a.status)'] }],
    );
    expect(problems).toEqual([]);
    expect([...graph.tasks].map(([name, { parents }]) => [name, ...parents])).toEqual([['a'], ['b', 'a'], ['c', 'a'], ['d', 'b', 'c']]);
    expect(graph.finally.get('z')).toMatchObject({ consumes: [{ task: 'a', result: 'out' }], parents: new Set() });
  });

  it.each<[string, object[], object[], string]>([
    ['runAfter nobody', [{ name: 'a', runAfter: ['gone'] }], [], 'task a: runAfter names "gone", which is no task'],
    ['a result of nobody', [{ name: 'a', reads: ['$(tasks.gone.results.out)'] }], [], 'refers to no task that runs before it'],
    ['a result that is not declared', [{ name: 'a' }, { name: 'b', reads: ['$(tasks.a.results.none)'] }], [], 'a result that Task a does not declare'],
    ['a result of a finally task', [{ name: 'a' }], [{ name: 'y' }, { name: 'z', reads: ['$(tasks.y.results.out)'] }], 'refers to no task that runs before'],
    ['runAfter a finally task', [{ name: 'a', runAfter: ['z'] }], [{ name: 'z' }], 'runAfter names "z"'],
    ['itself', [{ name: 'a', runAfter: ['a'] }], [], 'wait for each other: a → a'],
    [
      'a circle',
      [{ name: 'start' }, { name: 'a', reads: ['$(tasks.c.results.out)'] }, { name: 'b', runAfter: ['a', 'start'] }, { name: 'c', runAfter: ['b'] }],
      [],
      'tasks wait for each other: a → b → c → a',
    ],
  ])('reports %s', async (_, tasks, last, problem) => {
    const { problems } = await graphOf(tasks, last);
    expect(problems).toHaveLength(1);
    expect(problems[0]).toContain(problem);
  });
});
