// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { describe, expect, test } from 'vitest';
import { selectComponents, startInOrder } from './order.ts';

const component = (name: string, needs: string[] = [], groups: string[] = []) => ({ name, needs, groups });
const all = [
  component('pods', ['api', 'runtime'], ['kubernetes']),
  component('api', ['store'], ['kubernetes']),
  component('store', [], ['kubernetes']),
  component('runtime', ['registry'], ['kubernetes']),
  component('registry', [], ['registries']),
  component('log', [], ['sigstore']),
];
const names = (selected: { name: string }[]) => selected.map(({ name }) => name);

describe('selectComponents', () => {
  test.each([
    ['everything, each after what it needs', {}, ['store', 'api', 'registry', 'runtime', 'pods', 'log']],
    ['a component with all that it needs, however far', { only: ['pods'] }, ['store', 'api', 'registry', 'runtime', 'pods']],
    ['a group with what it needs of others', { only: ['kubernetes'] }, ['store', 'api', 'registry', 'runtime', 'pods']],
    ['several at once', { only: ['sigstore', 'store'] }, ['store', 'log']],
    ['without what is skipped and what needs it', { skip: ['registry'] }, ['store', 'api', 'log']],
    ['a group without one of its own', { only: ['kubernetes'], skip: ['runtime'] }, ['store', 'api']],
  ])('gives %s', (_what, selection, expected) => {
    expect(names(selectComponents(all, selection))).toEqual(expected);
  });

  test('skipping one takes nothing from what needs it not', () => {
    expect(names(selectComponents(all, { only: ['api', 'log'], skip: ['registry'] }))).toEqual(['store', 'api', 'log']);
  });

  test.each([{ only: ['apo'] }, { skip: ['apo'] }])('refuses a name that is neither component nor group: %j', (selection) => {
    expect(() => selectComponents(all, selection)).toThrow(
      expect.objectContaining({ code: 'COMPONENT_UNKNOWN', hint: expect.stringMatching(/groups: kubernetes, registries, sigstore; components: pods, api/) }),
    );
  });

  test.each([
    { only: ['pods'], skip: ['store'] },
    { only: ['api'], skip: ['api'] },
  ])('refuses to leave out what was asked for by name: %j', (selection) => {
    expect(() => selectComponents(all, selection)).toThrow(expect.objectContaining({ kind: 'input', code: 'SELECTION_CONFLICT' }));
  });

  test.each([
    ['needs each other', [component('a', ['b']), component('b', ['a'])], 'a → b → a'],
    ['needs what there is not', [component('a', ['b'])], 'a needs b'],
    ['has a name twice', [component('a'), component('a')], 'one name'],
  ])('finds a table that %s', (_what, table, message) => {
    expect(() => selectComponents(table, {})).toThrow(expect.objectContaining({ code: 'COMPONENTS_INVALID', message: expect.stringContaining(message) }));
  });
});

describe('startInOrder', () => {
  const inOrder = selectComponents(all, {});

  test('starts what can start side by side, and nothing before what it needs', async () => {
    const [running, done, together] = [new Set<string>(), new Set<string>(), new Set<string>()];
    await startInOrder(inOrder, async ({ name, needs }) => {
      for (const need of needs) expect(done).toContain(need);
      running.add(name);
      await sleep(20);
      if (running.size > 1) for (const each of running) together.add(each);
      running.delete(name);
      done.add(name);
    });
    expect([...done].sort()).toEqual(names(all).sort());
    expect(together).toEqual(new Set(['store', 'registry', 'log', 'api', 'runtime']));
  });

  test('a selection may lack what is needed: it runs already', async () => {
    const started: string[] = [];
    await startInOrder([component('pods', ['api'])], async ({ name }) => void started.push(name));
    expect(started).toEqual(['pods']);
  });

  test('after a failure it starts nothing more, waits for what runs, and throws that failure', async () => {
    const [started, ended]: [string[], string[]] = [[], []];
    const failing = startInOrder(inOrder, async ({ name }) => {
      started.push(name);
      if (name === 'store') throw new Error('no store');
      await sleep(30);
      ended.push(name);
    });
    await expect(failing).rejects.toThrow('no store');
    expect(started).toEqual(['store', 'registry', 'log']);
    expect(ended).toEqual(['registry', 'log']);
  });
});
