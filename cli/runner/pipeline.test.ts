// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { StepError } from '../../lib/errors/errors.ts';
import { loadPipeline } from './pipeline.ts';

const TASK = `
apiVersion: tekton.dev/v1
kind: Task
metadata: { name: sign, labels: { app.kubernetes.io/version: 0.1.0 } }
spec:
  description: Signs
  params:
    - { name: image, type: string }
  steps:
    - name: sign
      image: example.test/sign:0.1.0
      command: [node, /step/main.mjs]
      securityContext: { runAsNonRoot: true }
      computeResources: { requests: { memory: 64Mi } }
`;

const PIPELINE = `
apiVersion: tekton.dev/v1
kind: Pipeline
metadata: { name: release }
spec:
  params: [{ name: image }]
  tasks:
    - name: sign-it
      taskRef: { name: sign }
      params: [{ name: image, value: $(params.image) }]
`;

async function failure(pipeline: string, task: string | undefined = TASK): Promise<StepError> {
  try {
    await loadPipeline(pipeline, () => task);
  } catch (error) {
    if (error instanceof StepError) return error;
    throw error;
  }
  throw new Error('it was accepted');
}

const inTask = (lines: string) => PIPELINE.replace('taskRef: { name: sign }', `taskRef: { name: sign }\n      ${lines}`);
const inStep = (lines: string) => TASK.replace('name: sign\n      image', `name: sign\n      ${lines}\n      image`);
const inTaskSpec = (lines: string) => TASK.replace('description: Signs', lines);

describe('loadPipeline', () => {
  it('takes what the catalog holds, and asks for each Task once per use', async () => {
    const asked: string[] = [];
    const loaded = await loadPipeline(PIPELINE, async (name) => {
      asked.push(name);
      return TASK;
    });
    expect(asked).toEqual(['sign']);
    expect(loaded.pipeline.name).toBe('release');
    expect(loaded.tasks.get('sign-it')?.spec.params).toEqual([{ name: 'image', type: 'string', default: undefined, properties: undefined }]);
  });

  it('takes Tasks from the same file and an embedded taskSpec', async () => {
    const embedded = PIPELINE.replace(
      'taskRef: { name: sign }',
      'taskSpec: { metadata: { labels: {} }, params: [{ name: image }], steps: [{ image: a, command: [b] }] }',
    );
    expect((await loadPipeline(`${PIPELINE}---${TASK}`, () => undefined)).tasks.get('sign-it')?.name).toBe('sign');
    expect((await loadPipeline(embedded, () => undefined)).tasks.get('sign-it')?.name).toBe('sign-it');
  });

  it.each([
    ['matrix: { params: [] }', 'matrix'],
    ['pipelineRef: { name: other }', 'pipelineRef'],
    ['when: [{ cel: "1 == 1" }]', 'when[0].cel'],
    ['inventedByNobody: 1', 'inventedByNobody'],
  ])('refuses a pipeline task with %s by name', async (lines, field) => {
    const error = await failure(inTask(lines));
    expect(error).toMatchObject({ kind: 'input', code: 'RUNNER_UNSUPPORTED' });
    expect(error.message).toBe(`Pipeline release, task sign-it: ${field} is not supported by the laptop runner`);
  });

  it.each([
    ['{ apiVersion: example.test/v1, kind: Gate, name: g, resolver: git }', 'taskRef.resolver'],
    ['{ apiVersion: tekton.dev/v1, name: sign }', 'taskRef.apiVersion'],
    ['{ resolver: git, params: [] }', 'taskRef.resolver'],
    ['{ name: sign, bundle: example.test/b }', 'taskRef.bundle'],
    ['{ name: sign, kind: ClusterTask }', 'this taskRef.kind'],
  ])('refuses taskRef %s by name', async (reference, field) => {
    const error = await failure(PIPELINE.replace('{ name: sign }', reference));
    expect(error.code).toBe('RUNNER_UNSUPPORTED');
    expect(error.message.split('\n')[0]).toBe(`Pipeline release, task sign-it: ${field} is not supported by the laptop runner`);
  });

  it.each([
    [inStep('script: echo hi'), ', step sign: script'],
    [inStep('ref: { name: action }'), ', step sign: ref'],
    [inStep('onError: continue'), ', step sign: onError'],
    [inStep('timeout: 5m'), ', step sign: timeout'],
    [inStep('envFrom: []'), ', step sign: envFrom'],
    [inStep('results: []'), ', step sign: results'],
    [inStep('workspaces: []'), ', step sign: workspaces'],
    [inStep('stdoutConfig: { path: /x }'), ', step sign: stdoutConfig'],
    [inStep('env: [{ name: A, valueFrom: { secretKeyRef: { name: s, key: k } } }]'), ', step sign: env[A].valueFrom'],
    [inStep('volumeMounts: [{ name: v, mountPath: /v, subPath: x }]'), ', step sign: volumeMounts[v].subPath'],
    [inTaskSpec('sidecars: []'), ': spec.sidecars'],
    [inTaskSpec('volumes: [{ name: v, secret: { secretName: s } }]'), ': spec.volumes[v].secret'],
    [inTaskSpec('volumes: [{ name: v, hostPath: { path: / } }]'), ': spec.volumes[v].hostPath'],
    [inTaskSpec('params: [{ name: image, enum: [a] }]'), ': spec.params[image].enum'],
    [inTaskSpec('stepTemplate: { command: [x] }'), ': spec.stepTemplate.command'],
    [inTaskSpec('results: [{ name: r, value: $(steps.s.results.r) }]'), ': spec.results[r].value'],
  ])('refuses a Task field by name %#', async (task, field) => {
    const error = await failure(PIPELINE, task.replace('  params:\n    - { name: image, type: string }\n', field.includes('params') ? '' : '$&'));
    expect(error.code).toBe('RUNNER_UNSUPPORTED');
    expect(error.message).toBe(`Pipeline release, task sign-it, Task sign${field} is not supported by the laptop runner`);
  });

  it('tells everything that is wrong at once', async () => {
    const error = await failure(
      inTask('matrix: { params: [] }\n      inventedByNobody: 1').replace('params: [{ name: image }]', 'params: [{ name: image, default: 3 }]'),
    );
    expect(error.message.split('\n')).toHaveLength(3);
    expect(error.message).toContain('spec.params[image].default must be a string');
  });

  it.each([
    ['two Pipelines', `${PIPELINE}---${PIPELINE}`, 'holds 2 Pipelines'],
    ['none', TASK, 'holds 0 Pipelines'],
    ['broken YAML', '{ a: [', 'not valid YAML'],
    ['a bomb of aliases', `a: &a [x,x,x,x,x,x,x,x,x,x]\nb: &b [${'*a,'.repeat(20)}]\nc: &c [${'*b,'.repeat(20)}]\nd: [${'*c,'.repeat(20)}]`, 'not valid YAML'],
    ['a huge file', `#${'x'.repeat(1024 * 1024)}`, 'larger than'],
    ['an older API', PIPELINE.replace('tekton.dev/v1', 'tekton.dev/v1beta1'), 'this apiVersion is not supported'],
    ['a name that leads elsewhere', PIPELINE.replace('sign-it', '../../x'), 'lower-case letters'],
    ['a task named twice', `${PIPELINE}    - { name: sign-it, taskRef: { name: sign } }\n`, 'used twice'],
    ['neither taskRef nor taskSpec', PIPELINE.replace('taskRef: { name: sign }', 'runAfter: []'), 'exactly one of taskRef and taskSpec'],
    ['runAfter in finally', `${PIPELINE}  finally: [{ name: z, taskRef: { name: sign }, runAfter: [sign-it] }]\n`, 'cannot have runAfter'],
  ])('refuses %s', async (_, text, message) => {
    const error = await failure(text);
    expect(error.kind).toBe('input');
    expect(error.message).toContain(message);
  });

  it.each([
    ['no Task of that name', TASK.replace('name: sign,', 'name: other,'), 'there is no Task sign'],
    ['a result that would leave its folder', inTaskSpec('results: [{ name: ../../etc/passwd }]'), 'spec.results[../../etc/passwd].name'],
    ['a mount without a volume', inStep('volumeMounts: [{ name: gone, mountPath: /v }]'), 'which is no volume'],
    ['a number as an argument', inStep('args: [8080]'), 'must be a string (quote numbers'],
  ])('refuses %s', async (_, task, message) => {
    expect((await failure(PIPELINE, task)).message).toContain(message);
  });
});

describe('a slot', () => {
  const slot = `apiVersion: tekton.dev/v1
kind: Pipeline
metadata: {name: slots}
spec:
  params: [{name: scanner, default: scan-none}]
  tasks:
    - name: scan
      taskRef: {resolver: cluster, params: [{name: kind, value: task}, {name: name, value: $(params.scanner)}, {name: namespace, value: build}]}
`;
  const task = (name: string): string => `apiVersion: tekton.dev/v1
kind: Task
metadata: {name: ${name}}
spec: {steps: [{name: s, image: registry.example.com/s:1, command: ['true']}]}
`;

  it.each([
    [{}, 'scan-none'],
    [{ scanner: 'grype' }, 'grype'],
  ])('with params %j is the Task %s', async (params, expected) => {
    const loaded = await loadPipeline(slot, task, params);
    expect(loaded.tasks.get('scan')?.name).toBe(expected);
  });

  it('names the Task that is missing', async () => {
    await expect(loadPipeline(slot, () => undefined, { scanner: 'grype' })).rejects.toThrow('there is no Task grype');
  });
});
