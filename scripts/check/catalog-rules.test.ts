// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { stringify } from 'yaml';
import { CATALOG_RULES, checkCatalog } from './catalog-rules.ts';

type Loose = Record<string, unknown>;

const metadata = (name: string) => ({
  name,
  labels: { 'app.kubernetes.io/version': '1.2.3' },
  annotations: {
    'tekton.dev/displayName': 'Weigh an artifact',
    'tekton.dev/categories': 'Security',
    'tekton.dev/tags': 'weight, sbom',
    'tekton.dev/platforms': 'linux/amd64,linux/arm64',
    'tekton.dev/pipelines.minVersion': '1.9.0',
    'artifacthub.io/category': 'security',
  },
});
const securityContext = {
  runAsNonRoot: true,
  allowPrivilegeEscalation: false,
  readOnlyRootFilesystem: true,
  capabilities: { drop: ['ALL'] },
  seccompProfile: { type: 'RuntimeDefault' },
};
const step = {
  name: 'weigh',
  image: 'registry.example.com/team/weigh:1.2.3',
  command: ['/weigh'],
  args: ['--image=$(params.image)', '--enforce=$(params.enforce)'],
  env: [{ name: 'RESULT_WEIGHT', value: '$(results.weight.path)' }],
  computeResources: { requests: { cpu: '10m', memory: '32Mi' }, limits: { memory: '64Mi' } },
  securityContext,
};
const params = [
  { name: 'image', description: 'The artifact by digest.' },
  { name: 'enforce', description: 'Whether too heavy fails.', default: 'true' },
];
const results = [{ name: 'weight', description: 'Weight in bytes.' }];
const workspaces = [{ name: 'scale', description: 'Folder with the scale.' }];
const task = {
  apiVersion: 'tekton.dev/v1',
  kind: 'Task',
  metadata: metadata('weigh'),
  spec: { description: 'Weighs an artifact of any kind.', params, workspaces, results, steps: [step] },
};
const { computeResources: _, name: __, ...actionStep } = step;
const action = {
  apiVersion: 'tekton.dev/v1beta1',
  kind: 'StepAction',
  metadata: metadata('weigh'),
  spec: { description: 'Weighs an artifact of any kind.', params, results, ...actionStep },
};
const use = {
  name: 'first',
  taskRef: { name: 'weigh' },
  params: [{ name: 'image', value: '$(params.image)' }],
  workspaces: [{ name: 'scale', workspace: 'scale' }],
};
const pipeline = {
  apiVersion: 'tekton.dev/v1',
  kind: 'Pipeline',
  metadata: metadata('market'),
  spec: {
    description: 'Weighs an artifact and weighs it again.',
    params: [{ name: 'image', description: 'The artifact by digest.' }],
    workspaces,
    results: [{ name: 'weight', description: 'Weight in bytes.', value: '$(tasks.first.results.weight)' }],
    tasks: [use, { ...use, name: 'second', runAfter: ['first'], params: [{ name: 'image', value: '$(params.image)' }] }],
    finally: [{ ...use, name: 'last' }],
  },
};
const run = (reference: Loose) => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'TaskRun',
  metadata: { generateName: 'try-' },
  spec: { ...reference, params: [{ name: 'image', value: 'x@sha256:0' }], workspaces: [{ name: 'scale', emptyDir: {} }] },
});

const good = {
  'task/weigh/weigh.yaml': task,
  'task/weigh/samples/run.yaml': run({ taskRef: { name: 'weigh' } }),
  'stepaction/weigh/weigh.yaml': action,
  'pipeline/market/market.yaml': pipeline,
  'pipeline/market/samples/run.yaml': run({ pipelineRef: { name: 'market' } }),
};

function check(files: Loose, options = { version: '1.2.3', rendered: false }): string[] {
  return checkCatalog(new Map(Object.entries(files).map(([path, value]) => [path, typeof value === 'string' ? value : stringify(value)])), options);
}

/** The good catalog with one manifest changed. */
function changed(path: keyof typeof good, change: (manifest: never) => unknown): Loose {
  return { ...good, [path]: change(structuredClone(good[path]) as never) };
}

const inTask = (change: Loose) => changed('task/weigh/weigh.yaml', (manifest: typeof task) => ({ ...manifest, spec: { ...manifest.spec, ...change } }));
const inStep = (change: Loose) => inTask({ steps: [{ ...step, ...change }] });
const annotated = (annotations: Loose) =>
  changed('task/weigh/weigh.yaml', (manifest: typeof task) => ({
    ...manifest,
    metadata: { ...manifest.metadata, annotations: { ...manifest.metadata.annotations, ...annotations } },
  }));
const inPipeline = (change: Loose) =>
  changed('pipeline/market/market.yaml', (manifest: typeof pipeline) => ({ ...manifest, spec: { ...manifest.spec, ...change } }));
const inUse = (change: Loose) => inPipeline({ tasks: [use, { ...use, name: 'second', ...change }] });

test('a good catalog breaks no rule', () => {
  expect(check(good)).toEqual([]);
});

const bad: readonly (readonly [rule: string, what: string, files: Loose, problem: string])[] = [
  ['version-label', 'no label', changed('task/weigh/weigh.yaml', (m: typeof task) => ({ ...m, metadata: { ...m.metadata, labels: {} } })), 'has no label'],
  [
    'version-label',
    'another version',
    changed('stepaction/weigh/weigh.yaml', (m: typeof action) => ({ ...m, metadata: { ...m.metadata, labels: { 'app.kubernetes.io/version': '1.2.4' } } })),
    'package.json says 1.2.3',
  ],
  [
    'version-label',
    'no semantic version',
    changed('task/weigh/weigh.yaml', (m: typeof task) => ({ ...m, metadata: { ...m.metadata, labels: { 'app.kubernetes.io/version': '1.2' } } })),
    'is no semantic version',
  ],
  ['min-version', 'a bad version', annotated({ 'tekton.dev/pipelines.minVersion': 'v1.9' }), 'does not match'],
  ['description', 'an empty one', inTask({ description: ' ' }), 'must say in a sentence'],
  ['categories', 'an unknown category', annotated({ 'tekton.dev/categories': 'Security, Weighing' }), '"Weighing" is no category of the catalog'],
  ['categories', 'an unknown hub category', annotated({ 'artifacthub.io/category': 'weighing' }), '"weighing" is no category of Artifact Hub'],
  ['display-name', 'an empty one', annotated({ 'tekton.dev/displayName': '' }), 'does not match'],
  ['tags', 'a tag with a capital', annotated({ 'tekton.dev/tags': 'Weight' }), 'does not match'],
  ['platforms', 'a variant', annotated({ 'tekton.dev/platforms': 'linux/arm/v7' }), 'does not match'],
  ['file-name', 'a file of another name', { ...good, 'task/weigh/task.yaml': task }, 'must be the file task/weigh/weigh.yaml'],
  ['samples', 'none', Object.fromEntries(Object.entries(good).filter(([path]) => path !== 'task/weigh/samples/run.yaml')), 'samples holds no manifest'],
  ['line-limit', 'a long Task', { ...good, 'task/weigh/weigh.yaml': stringify(task) + '# more\n'.repeat(150) }, 'lines, more than 150'],
  ['no-script', 'a script', inStep({ script: 'true' }), 'has a script'],
  ['command', 'none', inStep({ command: [] }), 'has no command'],
  ['image', 'no host', inStep({ image: 'team/weigh:1.2.3' }), 'must be HOST/NAME:VERSION'],
  ['image', 'no tag', inStep({ image: 'registry.example.com/weigh' }), 'must be HOST/NAME:VERSION'],
  ['image', 'latest', inStep({ image: 'registry.example.com/weigh:latest' }), 'and not latest'],
  ['image', 'a param', inStep({ image: 'registry.example.com/weigh:$(params.image)' }), 'must be HOST/NAME:VERSION'],
  [
    'restricted',
    'a root file system that can be written',
    inStep({ securityContext: { ...securityContext, readOnlyRootFilesystem: false } }),
    'readOnlyRootFilesystem must be true',
  ],
  ['restricted', 'no security context', inStep({ securityContext: undefined }), 'seccompProfile must be'],
  [
    'restricted',
    'added capabilities',
    inStep({ securityContext: { ...securityContext, capabilities: { drop: ['ALL'], add: ['NET_RAW'] } } }),
    'capabilities must be',
  ],
  ['restricted', 'a fixed uid', inStep({ securityContext: { ...securityContext, runAsUser: 1000 } }), 'runAsUser must be left'],
  ['no-interpolation', 'a param in the command', inStep({ command: ['$(params.image)'] }), 'stands where a shell'],
  [
    'no-interpolation',
    'a param in a shell argument',
    inStep({ command: ['/bin/sh', '-c'], args: ['weigh $(params.image) $(params.enforce)'] }),
    'stands where a shell',
  ],
  ['no-interpolation', 'a bare param', inStep({ args: ['$(params.image)', '--enforce=$(params.enforce)'] }), 'can be taken for a flag'],
  ['no-secret-env', 'a secret value', inStep({ env: [{ name: 'TOKEN', valueFrom: { secretKeyRef: { name: 'a', key: 'b' } } }] }), 'env TOKEN holds a secret'],
  ['no-secret-env', 'a whole secret', inStep({ envFrom: [{ secretRef: { name: 'a' } }] }), 'envFrom takes a Secret'],
  ['resources', 'no requests', inStep({ computeResources: { limits: { memory: '1Gi' } } }), 'requests no cpu'],
  ['resources', 'a CPU limit', inStep({ computeResources: { requests: { cpu: 1, memory: 1 }, limits: { cpu: 1, memory: 1 } } }), 'has a CPU limit'],
  [
    'step-action-shape',
    'a workspace',
    changed('stepaction/weigh/weigh.yaml', (m: typeof action) => ({ ...m, spec: { ...m.spec, workspaces } })),
    'has workspaces',
  ],
  ['chains-claims', 'IMAGE_URL', inTask({ results: [...results, { name: 'image-url', description: 'A claim.' }] }), 'reads as the claim'],
  ['chains-claims', 'IMAGES', inTask({ results: [...results, { name: 'IMAGES', description: 'A claim.' }] }), 'reads as the claim'],
  ['chains-claims', 'a suffix', inTask({ results: [...results, { name: 'sbom_ARTIFACT_OUTPUTS', description: 'A claim.' }] }), 'reads as the claim'],
  ['declarations', 'a result in camel case', inTask({ results: [...results, { name: 'netWeight', description: 'Net.' }] }), 'is not in kebab-case'],
  ['declarations', 'no description', inTask({ results: [...results, { name: 'net' }] }), 'needs a description'],
  [
    'params-used',
    'one that nothing reads',
    inTask({ params: [...params, { name: 'unit', description: 'The unit.', default: 'g' }] }),
    'param unit is declared and not used',
  ],
  ['pipeline-references', 'an unknown Task', inUse({ taskRef: { name: 'wiegh' } }), 'there is no Task wiegh'],
  ['pipeline-references', 'an unknown param', inUse({ params: [...use.params, { name: 'unit', value: 'g' }] }), 'there is no param unit'],
  ['pipeline-references', 'a required param not given', inUse({ params: [] }), 'the param image is required'],
  ['pipeline-references', 'a required workspace not given', inUse({ workspaces: [] }), 'the workspace scale is required'],
  [
    'pipeline-references',
    'an undeclared workspace',
    inUse({ workspaces: [{ name: 'scale', workspace: 'balance' }] }),
    'balance is no workspace of the Pipeline',
  ],
  [
    'pipeline-references',
    'an optional workspace for a required one',
    inPipeline({ workspaces: [{ ...workspaces[0], optional: true }] }),
    'scale is optional in the Pipeline',
  ],
  [
    'pipeline-references',
    'an undeclared param',
    inUse({ params: [{ name: 'image', value: '$(params.picture)' }] }),
    '$(params.picture) is no param of the Pipeline',
  ],
  ['pipeline-references', 'an unknown predecessor', inUse({ runAfter: ['zeroth'] }), 'runAfter names zeroth'],
  ['pipeline-references', 'an unknown result', inUse({ params: [{ name: 'image', value: '$(tasks.first.results.size)' }] }), 'names no result of that Task'],
  [
    'pipeline-references',
    'a result of nobody',
    inPipeline({ results: [{ ...results[0], value: '$(tasks.zeroth.results.weight)' }] }),
    'names no task of the Pipeline',
  ],
  [
    'pipeline-references',
    'a result that is none of a task',
    inPipeline({ results: [{ ...results[0], value: '$(params.image)@$(tasks.first.results.weight)' }] }),
    'results: $(params.image) is no result of a task',
  ],
  [
    'finally-without-results',
    'a result in finally',
    inPipeline({ finally: [{ ...use, name: 'last', params: [{ name: 'image', value: '$(tasks.first.results.weight)' }] }] }),
    'refers to $(tasks.first.results.weight)',
  ],
  ['no-retries-on-verdicts', 'retries', inUse({ retries: 2 }), 'task second has retries'],
  ['samples-fit', 'a sample of something else', { ...good, 'task/weigh/samples/run.yaml': run({ taskRef: { name: 'measure' } }) }, 'runs measure, not weigh'],
  [
    'samples-fit',
    'an unknown param',
    {
      ...good,
      'pipeline/market/samples/run.yaml': {
        ...run({ pipelineRef: { name: 'market' } }),
        spec: { pipelineRef: { name: 'market' }, params: [{ name: 'picture', value: '' }] },
      },
    },
    'there is no param picture',
  ],
];

test.each(bad)('%s finds %s', (rule, _what, files, problem) => {
  const found = check(files).filter((line) => line.includes(`: ${rule}: `));
  expect(found.join('\n')).toContain(problem);
});

test('every rule has a bad example', () => {
  // Those about triggers have theirs in trigger-rules.test.ts.
  const ids = CATALOG_RULES.map(({ id }) => id).filter((id) => !id.startsWith('trigger-'));
  expect(ids.filter((id) => !bad.some(([rule]) => rule === id))).toEqual([]);
});

test('every rule says why and where it comes from, under a name of its own', () => {
  expect(new Set(CATALOG_RULES.map(({ id }) => id)).size).toBe(CATALOG_RULES.length);
  for (const { why, source, kinds } of CATALOG_RULES) expect([why.length > 10, source.length > 3, kinds.length > 0]).toEqual([true, true, true]);
});

test('a rendered catalog must be pinned', () => {
  expect(check(good, { version: '1.2.3', rendered: true })).toContain(
    'task/weigh/weigh.yaml: image: step weigh: image "registry.example.com/team/weigh:1.2.3" is not pinned by digest',
  );
  const pinned = `registry.example.com/team/weigh:1.2.3@sha256:${'a'.repeat(64)}`;
  const files = {
    'task/weigh/weigh.yaml': { ...task, spec: { ...task.spec, steps: [{ ...step, image: pinned }] } },
    'task/weigh/samples/run.yaml': good['task/weigh/samples/run.yaml'],
  };
  expect(check(files, { version: '1.2.3', rendered: true })).toEqual([]);
});

test.each([
  ['no YAML', 'a: [', 'is no YAML'],
  ['no manifest', 'a: 1\n', 'manifest: '],
  ['another kind', stringify({ ...task, kind: 'ClusterTask' }), 'has no place in the catalog'],
])('%s is told', (_what, text, problem) => {
  expect(check({ 'task/x/x.yaml': text }).join('\n')).toContain(problem);
});
