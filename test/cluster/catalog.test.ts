// SPDX-License-Identifier: Apache-2.0
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type ApiServer, type CommandResult, startApiServer } from './api-server.ts';
import { catalogFiles, catalogKinds } from './catalog-files.ts';
import { installTektonWebhook, type TektonWebhook } from './tekton-webhook.ts';

const catalog = join(import.meta.dirname, '..', '..', 'catalog');
const files = catalogFiles(catalog);
const resources = files.filter(({ sample }) => !sample);
const samples = files.filter(({ sample }) => sample);

const dir = mkdtempSync(join(tmpdir(), 'catalog-cluster-'));
const log = (line: string) => console.error(line);
let api: ApiServer | undefined;
let webhook: TektonWebhook | undefined;

beforeAll(async () => {
  api = await startApiServer({ dir, log });
  webhook = await installTektonWebhook(api, { dir, log });
});

afterAll(async () => {
  await webhook?.stop();
  await api?.stop();
  rmSync(dir, { recursive: true, force: true });
});

function kubectl(args: string[], stdin?: string): Promise<CommandResult> {
  if (!api) throw new Error('the API server did not start');
  return api.kubectl(args, stdin);
}

function create(manifest: object): Promise<CommandResult> {
  return kubectl(['create', '-f', '-'], JSON.stringify(manifest));
}

describe('the catalog', () => {
  test.each(catalogKinds)('holds at least one %s', (kind) => {
    expect(resources.filter((file) => file.kind === kind)).not.toEqual([]);
  });

  test.each(resources)('$name is taken by Tekton', async ({ path }) => {
    const result = await kubectl(['apply', '-f', path]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });

  test.each(samples)('$name would be taken by Tekton', async ({ path }) => {
    // Not "apply": a sample run has a generateName. The file goes to kubectl as it is, because its YAML 1.1 reads `n` and `on` as booleans.
    const result = await kubectl(['create', '--dry-run=server', '-f', path]);
    expect(result).toMatchObject({ code: 0, stderr: '' });
  });
});

const step = { name: 'work', image: 'example.com/work@sha256:0', command: ['work'] };
const task = (name: string, spec: object) => ({ apiVersion: 'tekton.dev/v1', kind: 'Task', metadata: { name, namespace: 'default' }, spec });
const pipeline = (name: string, tasks: object[]) => ({
  apiVersion: 'tekton.dev/v1',
  kind: 'Pipeline',
  metadata: { name, namespace: 'default' },
  spec: { tasks },
});
const stepAction = (name: string, spec: object) => ({ apiVersion: 'tekton.dev/v1beta1', kind: 'StepAction', metadata: { name, namespace: 'default' }, spec });

describe("Tekton's admission", () => {
  test('fills in defaults of a good Task', async () => {
    const created = await create(task('good', { params: [{ name: 'image' }], steps: [{ ...step, args: ['--image=$(params.image)'] }] }));
    expect(created).toMatchObject({ code: 0, stderr: '' });
    const stored = await kubectl(['get', 'task', 'good', '-o', 'json']);
    expect(JSON.parse(stored.stdout)).toMatchObject({ spec: { params: [{ name: 'image', type: 'string' }] } });
  });

  const ref = { name: 'some-task' };
  // A validating webhook is asked after the CRD schema has passed, so its name in the refusal shows that the schema would have let this through.
  test.each([
    ['an undeclared param', task('bad', { steps: [{ ...step, args: ['$(params.undeclared)'] }] }), 'non-existent variable in "$(params.undeclared)"'],
    ['two steps of one name', task('bad', { steps: [step, step] }), 'expected exactly one, got both'],
    ['a workspace that the Task does not declare', task('bad', { steps: [{ ...step, workspaces: [{ name: 'missing' }] }] }), 'undefined workspace'],
    ['a StepAction without image', stepAction('bad', { command: ['work'] }), 'missing field(s): spec.Image'],
    [
      'a StepAction with params in its script',
      stepAction('bad', { image: step.image, params: [{ name: 'p' }], script: 'echo $(params.p)' }),
      'param substitution in scripts is not allowed',
    ],
    [
      'an order that is a circle',
      pipeline('bad', [
        { name: 'a', taskRef: ref, runAfter: ['b'] },
        { name: 'b', taskRef: ref, runAfter: ['a'] },
      ]),
      'cycle',
    ],
    ['an order after a task that is not there', pipeline('bad', [{ name: 'a', taskRef: ref, runAfter: ['nobody'] }]), 'nobody'],
  ])('the webhook refuses %s', async (_what, manifest, expected) => {
    const { code, stderr } = await create(manifest);
    expect(code).toBe(1);
    expect(stderr).toContain('admission webhook "validation.webhook.pipeline.tekton.dev" denied the request');
    expect(stderr).toContain(expected);
  });

  test.each([
    ['an unknown field in a Task', task('bad', { steps: [step], colour: 'red' })],
    ['an unknown field in a step', task('bad', { steps: [{ ...step, colour: 'red' }] })],
    ['an unknown field in a StepAction', stepAction('bad', { image: step.image, colour: 'red' })],
  ])('%s is refused', async (_what, manifest) => {
    const { code, stderr } = await create(manifest);
    expect(code).toBe(1);
    expect(stderr).toContain('colour');
  });

  test('nothing of what was refused is stored', async () => {
    const { stdout } = await kubectl(['get', 'tasks,stepactions,pipelines', '-n', 'default', '-o', 'name', '--field-selector=metadata.name=bad']);
    expect(stdout).toBe('');
  });
});
