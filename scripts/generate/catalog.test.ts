// SPDX-License-Identifier: Apache-2.0
import { Ajv2020 } from 'ajv/dist/2020.js';
import { describe, expect, test } from 'vitest';
import { parse } from 'yaml';
import * as z from 'zod';
import { defaulted, optional, required } from '../../lib/spec/param.ts';
import { Flag, WorkspacePath } from '../../lib/spec/param-types.ts';
import { defineTask } from '../../lib/spec/spec.ts';
import { TASKS } from '../tasks.ts';
import { generateCatalog } from './catalog.ts';
import { paramsSchema } from './params-schema.ts';
import { stampVersion } from './stamp.ts';
import { stepActionYaml } from './step-action-yaml.ts';
import { taskYaml } from './task-yaml.ts';

const spec = defineTask({
  name: 'weigh',
  title: 'Weigh an artifact',
  description: 'Weighs an artifact.',
  categories: ['Security'],
  tags: ['weight'],
  image: 'required',
  params: {
    scale: required(WorkspacePath, { description: 'The scale | balance.', example: 'a.scale' }),
    unit: defaulted(z.enum(['g', 'kg']), 'g', { description: 'The unit. One of g, kg.', example: 'kg' }),
    enforce: defaulted(Flag, 'true', { description: 'Whether too heavy fails.', example: 'false' }),
    note: optional(z.string(), { description: 'A note.', example: 'x' }),
  },
  workspaces: {
    shed: { description: 'Where the scales are.', optional: false, readOnly: true },
    notes: { description: 'Where notes go.', optional: true, readOnly: false },
  },
  results: { 'net-weight': { description: 'Weight in bytes.' } },
  failures: { TOO_HEAVY: { kind: 'denied', hint: 'leave something out' } },
  network: ['the registry'],
  resources: { requests: { cpu: '1m', memory: '1Mi' }, limits: { memory: '2Mi' } },
});

const sample = { name: 'run.yaml', text: 'kind: TaskRun\n' };
const manifest = (kind: string) =>
  `# kept\nkind: ${kind}\nmetadata:\n  name: market\n  labels: {app.kubernetes.io/version: "0.0.0"} # kept too\n  annotations: {tekton.dev/displayName: Market}\n`;
const sources = {
  version: '1.2.3',
  tasks: [{ spec, notes: '## Notes\n\nWord for word.\n', samples: [sample] }],
  manifests: [
    {
      ...{ name: 'market', origin: 'pipelines/market/', yaml: manifest('Pipeline'), readme: '# market\n', samples: [sample] },
      triggers: { readme: '# triggers\n', files: [{ name: 'push.yaml', text: 'kind: EventListener\n' }] },
    },
  ],
  services: [{ name: 'guard', readme: '# guard\n', manifests: [{ name: '10-deployment.yaml', text: manifest('Deployment') }] }],
};

describe('the catalog', () => {
  test('holds all files of a Task, a StepAction and a Pipeline, the same ones each time', () => {
    const files = generateCatalog(sources);
    expect([...files.keys()]).toEqual([
      'README.md',
      'task/weigh/weigh.yaml',
      'task/weigh/README.md',
      'task/weigh/params.schema.json',
      'task/weigh/samples/run.yaml',
      'stepaction/weigh/weigh.yaml',
      'stepaction/weigh/README.md',
      'pipeline/market/market.yaml',
      'pipeline/market/README.md',
      'pipeline/market/samples/run.yaml',
      'install/market-triggers/README.md',
      'install/market-triggers/push.yaml',
      'install/guard/README.md',
      'install/guard/10-deployment.yaml',
    ]);
    expect(generateCatalog(sources)).toEqual(files);
    expect(files.get('task/weigh/samples/run.yaml')).toBe(sample.text);
  });

  test('has the notes word for word, and the tables of the spec', () => {
    const readme = generateCatalog(sources).get('task/weigh/README.md') ?? '';
    expect(readme).toContain('\n## Notes\n\nWord for word.\n');
    expect(readme).toContain('| `scale` | **required** | The scale \\| balance. | `a.scale` |');
    expect(readme).toContain('| `TOO_HEAVY` | 20 denied | leave something out |');
    expect(readme).toContain('| `notes` | optional | read, write | Where notes go. |');
    expect(readme).toContain('```yaml\nkind: TaskRun\n```');
  });

  test('says where a manifest comes from, and lists what starts it', () => {
    const files = generateCatalog(sources);
    expect(files.get('pipeline/market/market.yaml')).toMatch(/^# Copied from pipelines\/market\/ by/);
    expect(files.get('install/market-triggers/push.yaml')).toMatch(/^# Copied from pipelines\/market\/triggers\/ by .*\nkind: EventListener\n$/);
    expect(files.get('README.md')).toContain('| [market-triggers](install/market-triggers/README.md) | [market](pipeline/market/README.md) |');
    const composed = { ...sources, manifests: sources.manifests.map((each) => ({ ...each, origin: 'pipelines/market/compose.yaml', triggers: undefined })) };
    expect(generateCatalog(composed).get('pipeline/market/market.yaml')).toMatch(/^# Composed from pipelines\/market\/compose.yaml by/);
  });

  test('refuses a manifest of a kind that it has no place for', () => {
    const broken = { ...sources, manifests: sources.manifests.map((each) => ({ ...each, yaml: manifest('ConfigMap') })) };
    expect(() => generateCatalog(broken)).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });
});

describe('a Task', () => {
  const task = parse(taskYaml(spec, '1.2.3'));

  test('passes each param as one argument and the rest by env', () => {
    const [step] = task.spec.steps;
    expect(step.args.slice(0, 3)).toEqual(['--image=$(params.image)', '--scale=$(params.scale)', '--unit=$(params.unit)']);
    expect(step.env).toContainEqual({ name: 'RESULT_NET_WEIGHT', value: '$(results.net-weight.path)' });
    expect(step.env).toContainEqual({ name: 'WORKSPACE_SHED', value: '$(workspaces.shed.path)' });
    expect(step.image).toBe('ghcr.io/tekton-supply-chain/weigh:1.2.3');
  });

  test('declares no default for a required param, and strings for the others', () => {
    const byName = new Map(task.spec.params.map((param: { name: string }) => [param.name, param]));
    expect(byName.get('scale')).not.toHaveProperty('default');
    expect(byName.get('enforce')).toMatchObject({ default: 'true' });
    expect(byName.get('note')).toMatchObject({ default: '' });
  });

  test('reads the same for a YAML 1.1 parser, as Kubernetes has one', () => {
    for (const each of TASKS) expect(parse(taskYaml(each, '1.2.3'), { version: '1.1' })).toEqual(parse(taskYaml(each, '1.2.3')));
  });

  test('has no line that is too wide or ends in spaces', () => {
    for (const each of TASKS)
      expect(
        taskYaml(each, '1.2.3')
          .split('\n')
          .filter((line) => line.length > 120 || /\s$/.test(line)),
      ).toEqual([]);
  });
});

describe('a StepAction', () => {
  test('has params with folders for the workspaces, required where the workspace is', () => {
    const { spec: action } = parse(stepActionYaml(spec, '1.2.3'));
    const folders = action.params.filter(({ name }: { name: string }) => name.endsWith('-path'));
    expect(folders.map(({ name, default: value }: { name: string; default?: string }) => [name, value])).toEqual([
      ['shed-path', undefined],
      ['notes-path', ''],
      ['registry-credentials-path', ''],
      ['trust-path', ''],
    ]);
    expect(action.env).toContainEqual({ name: 'WORKSPACE_SHED', value: '$(params.shed-path)' });
    expect(action.env).toContainEqual({ name: 'RESULT_NET_WEIGHT', value: '$(step.results.net-weight.path)' });
    expect(action).not.toHaveProperty('workspaces');
    expect(action).not.toHaveProperty('computeResources');
  });

  test('cannot be made when a param has the name of a folder', () => {
    const clash = { ...spec, params: { ...spec.params, 'shed-path': spec.params.scale } };
    expect(() => stepActionYaml(clash, '1.2.3')).toThrow(expect.objectContaining({ code: 'PARAM_CLASH' }));
  });
});

describe('the schema of params', () => {
  const validate = new Ajv2020().compile(JSON.parse(paramsSchema(spec)));
  const image = 'x@sha256:0';

  test.each([
    { image, scale: 'a' },
    { image, scale: 'a', unit: 'kg' },
    { image, scale: 'a', unit: '' },
    { image, scale: 'a', timeout: '90s' },
  ])('takes %o', (params) => {
    expect(validate(params)).toBe(true);
  });

  test.each([
    { image },
    { image: '', scale: 'a' },
    { image, scale: 'a', unit: 't' },
    { image, scale: 'a', timeout: 'soon' },
    { image, scale: 'a', colour: 'red' },
    { image, scale: 1 },
  ])('refuses %o', (params) => {
    expect(validate(params)).toBe(false);
  });

  test.each(TASKS.map((each) => [each.name, each] as const))('of %s takes its own defaults and examples', (_name, each) => {
    const check = new Ajv2020().compile(JSON.parse(paramsSchema(each)));
    const params = Object.entries(each.params);
    expect(check(Object.fromEntries(params.map(([name, { example }]) => [name, example]))), JSON.stringify(check.errors)).toBe(true);
    expect(check(Object.fromEntries(params.map(([name, { default: value, example }]) => [name, value ?? example])))).toBe(true);
  });
});

describe('the version of a hand-written manifest', () => {
  test('goes into the label and into our images, and nothing else changes', () => {
    const yaml = `${manifest('Task')}spec:\n  steps:\n    - image: ghcr.io/tekton-supply-chain/sign:0.0.0 # ours\n    - image: ghcr.io/acme/sign:0.0.0\n`;
    const { kind, text } = stampVersion(yaml, '1.2.3', 'x.yaml');
    expect(kind).toBe('Task');
    expect(text).toBe(yaml.replace('"0.0.0"', '"1.2.3"').replace('tekton-supply-chain/sign:0.0.0', 'tekton-supply-chain/sign:1.2.3'));
  });

  test.each([
    ['without the label', 'kind: Task\nmetadata: {name: x}\n'],
    ['with a version of its own', 'kind: Task\nmetadata: {labels: {app.kubernetes.io/version: "3.0.0"}}\n'],
    ['without a kind', 'metadata: {labels: {app.kubernetes.io/version: "0.0.0"}}\n'],
    ['that is no YAML', 'kind: [\n'],
  ])('is refused in a manifest %s', (_what, yaml) => {
    expect(() => stampVersion(yaml, '1.2.3', 'x.yaml')).toThrow(expect.objectContaining({ code: 'MANIFEST_INVALID' }));
  });
});
