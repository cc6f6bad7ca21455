// SPDX-License-Identifier: Apache-2.0
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { LOOP_GUARD } from '../../tasks/gitops-commit/params.ts';
import { checkCatalog } from './catalog-rules.ts';
import { TRIGGER_RULES } from './trigger-rules.ts';

type Loose = Record<string, unknown>;

const triggers = (kind: string, name: string, spec: Loose) => ({ apiVersion: 'triggers.tekton.dev/v1beta1', kind, metadata: { name }, spec });
const account = { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: 'robot' } };
const pipeline = {
  apiVersion: 'tekton.dev/v1',
  kind: 'Pipeline',
  metadata: { name: 'market' },
  spec: {
    params: [{ name: 'commit' }],
    workspaces: [{ name: 'scale' }],
    tasks: [{ name: 'gate', taskRef: { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', name: 'release' } }],
  },
};
const run = {
  pipelineRef: { name: 'market' },
  timeouts: { pipeline: '75h', tasks: '74h' },
  taskRunTemplate: { serviceAccountName: 'robot' },
  params: [{ name: 'commit', value: '$(tt.params.commit)' }],
  workspaces: [{ name: 'scale', emptyDir: {} }],
};
const template = (spec: Loose, params: Loose[] = [{ name: 'commit' }]) =>
  triggers('TriggerTemplate', 'market', { params, resourcetemplates: [{ apiVersion: 'tekton.dev/v1', kind: 'PipelineRun', spec }] });
const binding = (params: Loose[]) => triggers('TriggerBinding', 'push', { params });
const signature = {
  ref: { name: 'github' },
  params: [
    { name: 'secretRef', value: {} },
    { name: 'eventTypes', value: ['push'] },
  ],
};
const filter = { name: 'filter', value: `!body.head_commit.message.contains('${LOOP_GUARD}: true')` };
const guard = { ref: { name: 'cel' }, params: [filter, { name: 'overlays', value: [{ key: 'branch', expression: 'body.ref' }] }] };
const trigger = { interceptors: [signature, guard], bindings: [{ ref: 'push' }], template: { ref: 'market' } };
const listener = (change: Loose = {}, serviceAccountName = 'robot') =>
  triggers('EventListener', 'push', { serviceAccountName, triggers: [{ ...trigger, ...change }] });

const good = {
  account,
  pipeline,
  template: template(run),
  binding: binding([{ name: 'commit', value: '$(body.after)$(extensions.branch)' }]),
  listener: listener(),
};

/** What the rules about triggers say of the good objects with some in place of others. */
function check(change: Partial<Record<keyof typeof good, unknown>>): string[] {
  const { pipeline: own, ...installed } = { ...good, ...change };
  const text = Object.values(installed)
    .filter((value) => value !== undefined)
    .map((value) => (typeof value === 'string' ? value : stringify(value)))
    .join('---\n');
  const files = new Map([
    ['pipeline/market/market.yaml', stringify(own)],
    ['install/market-triggers/all.yaml', text],
  ]);
  return checkCatalog(files, { version: '1.2.3', rendered: false, slots: {} }).filter((line) => line.startsWith('install/'));
}

test('good triggers break no rule', () => {
  expect(check({})).toEqual([]);
});

const bad: readonly [rule: string, what: string, change: Parameters<typeof check>[0], problem: string][] = [
  ['trigger-run-fits', 'another Pipeline', { template: template({ ...run, pipelineRef: { name: 'shop' } }) }, 'runs shop, which is no Pipeline'],
  [
    'trigger-run-fits',
    'a param of nobody',
    { template: template({ ...run, params: [...run.params, { name: 'unit', value: 'g' }] }) },
    'there is no param unit',
  ],
  ['trigger-run-fits', 'a missing workspace', { template: template({ ...run, workspaces: [] }) }, 'the workspace scale is required'],
  ['trigger-run-fits', 'an undeclared param', { template: template(run, []) }, '$(tt.params.commit) is no param of the template'],
  [
    'trigger-run-fits',
    'an unused param',
    { template: template(run, [{ name: 'commit' }, { name: 'who', default: '' }]) },
    '$(tt.params.who) is declared and not used',
  ],
  [
    'trigger-run-fits',
    'an unknown account',
    { template: template({ ...run, taskRunTemplate: {} }) },
    'runs as default, a ServiceAccount that no file here makes',
  ],
  ['trigger-run-fits', 'a gate without time', { template: template({ ...run, timeouts: undefined }) }, 'without timeouts Tekton ends it after an hour'],
  [
    'trigger-run-fits',
    'no run',
    { template: triggers('TriggerTemplate', 'market', { resourcetemplates: [{ kind: 'TaskRun', spec: {} }] }) },
    'makes a TaskRun',
  ],
  ['trigger-references', 'no account', { listener: listener({}, 'nobody') }, 'there is no ServiceAccount nobody'],
  ['trigger-references', 'no template', { listener: listener({ template: { ref: 'shop' } }) }, 'there is no TriggerTemplate shop'],
  ['trigger-references', 'no binding', { listener: listener({ bindings: [{ ref: 'pull' }] }) }, 'there is no TriggerBinding pull'],
  ['trigger-references', 'a binding that nothing uses', { listener: listener({ bindings: [] }) }, 'no EventListener of this folder uses it'],
  ['trigger-references', 'a param that nothing gives', { binding: binding([]) }, 'no binding gives the param commit'],
  ['trigger-references', 'a param that nobody wants', { binding: binding([{ name: 'unit', value: 'g' }]) }, 'the template has no param unit'],
  [
    'trigger-references',
    'an extension that nothing makes',
    { binding: binding([{ name: 'commit', value: '$(extensions.tag)' }]) },
    'no overlay makes $(extensions.tag)',
  ],
  ['trigger-references', 'no triggers', { listener: triggers('EventListener', 'push', {}) }, 'spec.triggers: '],
  ['trigger-guarded', 'no signature', { listener: listener({ interceptors: [guard] }) }, 'the first interceptor must be github'],
  [
    'trigger-guarded',
    'a signature without secret',
    { listener: listener({ interceptors: [{ ...signature, params: [] }, guard] }) },
    'must be github with secretRef',
  ],
  ['trigger-guarded', 'the filter first', { listener: listener({ interceptors: [guard, signature] }) }, 'the first interceptor must be github'],
  ['trigger-guarded', 'no loop guard', { listener: listener({ interceptors: [signature] }) }, `no cel filter looks for "${LOOP_GUARD}: true"`],
  ['manifest', 'no YAML', { account: 'a: [\n' }, 'is no YAML'],
  ['manifest', 'a kind without rules', { account: triggers('Trigger', 'push', {}) }, 'kind Trigger has no place in the catalog'],
];

test.each(bad)('%s finds %s', (rule, _what, change, problem) => {
  const found = check(change).filter((line) => line.includes(`: ${rule}: `));
  expect(found.join('\n')).toContain(problem);
});

test('every rule has a bad example', () => {
  expect(TRIGGER_RULES.map(({ id }) => id).filter((id) => !bad.some(([rule]) => rule === id))).toEqual([]);
});

test('the listeners of both forges differ in names alone, so that what holds for one holds for the other', () => {
  const read = (name: string) => readFileSync(join(import.meta.dirname, '../../pipelines/deliver/triggers', `${name}.yaml`), 'utf8');
  const common = (text: string) => text.replace(' Gitea signs as GitHub does.', '').replaceAll(/github|gitea/gi, 'FORGE');
  expect(common(read('gitea'))).toBe(common(read('github')));
});
