// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { stringify } from 'yaml';
import { checkCatalog } from './catalog-rules.ts';
import type { Slot } from './manifest.ts';

type Loose = Record<string, unknown>;

const contract = {
  params: new Map([
    ['IMAGE', { required: true }],
    ['CONTEXT', { required: false }],
  ]),
  workspaces: new Map([
    ['source', { required: true }],
    ['login', { required: false }],
  ]),
  results: new Set(['IMAGE_URL']),
};
const slots: Record<string, Slot> = {
  'build-task': { fits: ['oven', 'stove'], contract, claims: { IMAGE_URL: 'IMAGE_URL' } },
  'taste-task': { placeholder: 'taste-none' },
};
const placeholder = {
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: { name: 'taste-none' },
  spec: { params: [{ name: 'image' }], workspaces: [{ name: 'plate' }], results: [{ name: 'taste' }], steps: [] },
};
const through = (param: string) => ({ resolver: 'cluster', params: [{ name: 'name', value: `$(params.${param})` }] });
const build = {
  name: 'build',
  taskRef: through('build-task'),
  params: [{ name: 'IMAGE', value: 'x' }],
  workspaces: [{ name: 'source' }],
};
const taste = {
  name: 'taste',
  taskRef: through('taste-task'),
  params: [{ name: 'image', value: '$(tasks.build.results.IMAGE_URL)' }],
  workspaces: [{ name: 'plate', workspace: 'source' }],
};
const params = [
  { name: 'build-task', default: 'oven' },
  { name: 'taste-task', default: 'taste-none' },
];
const results = [{ name: 'IMAGE_URL', description: 'A claim.', value: '$(tasks.build.results.IMAGE_URL)' }];

/** What two rules, and those about results, say of a Pipeline with these tasks and that spec. */
function check(tasks: readonly Loose[], spec: Loose = {}, more: Loose = {}): string[] {
  const pipeline = {
    apiVersion: 'tekton.dev/v1',
    kind: 'Pipeline',
    metadata: { name: 'bake' },
    spec: { params, workspaces: [{ name: 'source' }, { name: 'logins', optional: true }], results, tasks, ...spec },
  };
  const files = { 'pipeline/bake/bake.yaml': pipeline, 'task/taste-none/taste-none.yaml': placeholder, ...more };
  const found = checkCatalog(new Map(Object.entries(files).map(([path, value]) => [path, stringify(value)])), { version: '1.2.3', rendered: false, slots });
  return found.filter((line) => /: (pipeline-references|chains-claims|samples-fit|params-used): /.test(line));
}

test('Tasks from elsewhere and a placeholder fill their slots', () => {
  expect(check([build, taste])).toEqual([]);
  const more = [
    { ...build, params: [...build.params, { name: 'CONTEXT', value: '.' }], workspaces: [...build.workspaces, { name: 'login', workspace: 'logins' }] },
    taste,
  ];
  expect(check(more, { params: [{ name: 'build-task', default: 'stove' }, params[1]] })).toEqual([]);
});

test.each<[string, Loose, string]>([
  ['a param that the Task from elsewhere does not take', { params: [...build.params, { name: 'TARGET', value: 'x' }] }, 'there is no param TARGET'],
  ['no value for one that it requires', { params: [] }, 'the param IMAGE is required'],
  ['a workspace that it does not know', { workspaces: [...build.workspaces, { name: 'cache', workspace: 'source' }] }, 'there is no workspace cache'],
  ['an optional workspace for one that it requires', { workspaces: [{ name: 'source', workspace: 'logins' }] }, 'logins is optional in the Pipeline'],
  ['a slot that nobody knows', { taskRef: through('shape-task') }, '$(params.shape-task) is no slot that scripts/check/slots.ts knows'],
  ['a name that webhooks refuse for a slot that nobody knows', { taskRef: { name: '$(params.shape-task)' } }, '$(params.shape-task) is no slot'],
])('%s is told', (_what, change, problem) => {
  expect(check([{ ...build, ...change }, taste]).join('\n')).toContain(problem);
});

test.each([
  ['from elsewhere', taste, '$(tasks.build.results.IMAGE_DIGEST)'],
  ['of the catalog', build, '$(tasks.taste.results.colour)'],
])('a result that a Task %s does not give is told', (_what, use, value) => {
  const tasks = [build, taste].map((each) => (each === use ? { ...each, params: [{ ...each.params[0], value }] } : each));
  expect(check(tasks).join('\n')).toContain(`$(${value.slice(2, -1)}) names no result of that Task`);
});

test.each([
  ['build-task', 'fridge', 'the param build-task defaults to fridge, not to oven or stove'],
  ['taste-task', 'oven', 'the param taste-task defaults to oven, not to taste-none'],
  ['taste-task', undefined, 'the param taste-task defaults to undefined'],
])('a default of %s that does not fit is told', (name, value, problem) => {
  expect(check([build, taste], { params: params.map((param) => (param.name === name ? { ...param, default: value } : param)) }).join('\n')).toContain(problem);
});

test('a slot without its placeholder is told', () => {
  expect(check([build, taste], {}, { 'task/taste-none/taste-none.yaml': { ...placeholder, metadata: { name: 'other' } } }).join('\n')).toContain('is no slot');
});

describe('what Tekton Chains would read as built here', () => {
  test.each([
    ['from a slot that only tastes', '$(tasks.taste.results.taste)'],
    ['that is put together', 'x$(tasks.build.results.IMAGE_URL)'],
    ['that a param gives', '$(params.build-task)'],
  ])('may not be a result %s', (_what, value) => {
    expect(check([build, taste], { results: [{ ...results[0], value }] }).join('\n')).toContain('chains-claims: result IMAGE_URL reads as the claim');
  });

  test('may not be a result under another name', () => {
    expect(check([build, taste], { results: [{ ...results[0], name: 'copy-IMAGE_URL' }] }).join('\n')).toContain('result copy-IMAGE_URL reads as the claim');
  });
});

describe('a sample of a Task for a slot', () => {
  const sample = (change: Loose) => ({ 'task/taste-none/samples/own.yaml': { ...placeholder, spec: { ...placeholder.spec, ...change } } });

  test('fits with optional params of its own', () => {
    expect(check([build, taste], {}, sample({ params: [{ name: 'image' }, { name: 'salt', default: '' }] }))).not.toContain('salt is required');
  });

  test.each<[string, Loose, string]>([
    ['requires more', { params: [{ name: 'image' }, { name: 'salt' }] }, 'the param salt is required and not given'],
    ['takes less', { params: [] }, 'there is no param image'],
    ['lacks a workspace', { workspaces: [] }, 'there is no workspace plate'],
    ['gives less', { results: [] }, 'there is no result taste'],
  ])('does not fit when it %s', (_what, change, problem) => {
    expect(check([build, taste], {}, sample(change)).join('\n')).toContain(`samples-fit: task/taste-none/samples/own.yaml: ${problem}`);
  });
});
