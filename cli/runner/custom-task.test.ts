// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, realpath, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import type { CustomRunEnd, CustomRunInput, CustomTasks } from './custom-task.ts';
import { type PipelineRun, SKIP } from './run-document.ts';
import type { RunOptions } from './run-pipeline.ts';
import { ECHO, NEVER, runShort, type ShortTask, write } from './test-run.ts';

const REF = { apiVersion: 'example.test/v1', kind: 'Gate', name: 'prod' };
const DONE: CustomRunEnd = { state: 'Succeeded', reason: 'Opened', message: 'open', results: { word: 'yes' } };

const custom = (more: object = {}): ShortTask => ({ name: 'gate', taskSpec: undefined, taskRef: REF, ...more });
const after: ShortTask = { name: 'after', runAfter: ['gate'] };

/** Options with a custom task `example.test/v1/Gate` that does what `run` does. */
function withGate(run: (input: CustomRunInput) => Promise<CustomRunEnd>, more: Partial<RunOptions> = {}): Partial<RunOptions> {
  const customTasks: CustomTasks = new Map([['example.test/v1/Gate', { results: ['word', 'list'], run }]]);
  return { customTasks, ...more };
}

describe('a custom task', () => {
  it('gets params, retries and timeout as the Pipeline has them, in its turn, and its results go on', async () => {
    const seen: CustomRunInput[] = [];
    const run = await runShort(
      {
        params: [{ name: 'who', default: 'zoe' }],
        tasks: [
          { name: 'last', code: ECHO, reads: { word: '$(tasks.gate.results.word)', list: '$(tasks.gate.results.list)' } },
          custom({
            params: [
              { name: 'text', value: '$(params.who): $(tasks.first.results.out)' },
              { name: 'left', value: '$(context.pipelineTask.retries)' },
              { name: 'all', value: ['$(params.who)', 'b'] },
            ],
            retries: 2,
            timeout: '1h',
          }),
          { name: 'first', code: write('one') },
        ],
        results: [{ name: 'answer', value: '$(tasks.gate.results.word)' }],
      },
      withGate(async (input) => {
        seen.push(input);
        input.onLine('hello');
        return { ...DONE, results: { word: '$(params.who)', list: '["x","y"]' }, extraFields: { votes: 1 }, retries: 1 };
      }),
    );
    expect(seen).toHaveLength(1);
    expect(seen[0]).toMatchObject({ pipelineTask: 'gate', reference: REF, pipelineRun: run.name, retries: 2, timeout: '1h' });
    expect(Object.fromEntries(seen[0]?.params ?? [])).toEqual({ text: 'zoe: one', left: '2', all: ['zoe', 'b'] });
    expect(run).toMatchObject({ status: 'Succeeded', results: { answer: '$(params.who)' } });
    expect(run.task('gate')).toMatchObject({
      task: 'prod',
      customRun: { apiVersion: 'example.test/v1', kind: 'Gate', name: `${run.name}-gate` },
      ...{ state: 'Succeeded', reason: 'Opened', message: 'open', retries: 1, steps: [], extraFields: { votes: 1 } },
      results: { word: '$(params.who)', list: '["x","y"]' },
    });
    expect(run.task('gate')).not.toHaveProperty('taskRun');
    expect(run.log).toEqual(['+first', '-first', '+gate', 'gate: hello', '-gate', '+last', 'last: $(params.who)|["x","y"]', '-last']);
  });

  it('may stand in the Pipeline, spec and all', async () => {
    const seen: unknown[] = [];
    const taskSpec = { apiVersion: 'example.test/v1', kind: 'Gate', metadata: { labels: { a: 'b' } }, spec: { rules: [{ deep: true }] } };
    const run = await runShort(
      { tasks: [{ name: 'gate', taskSpec }] },
      withGate(async ({ reference }) => {
        seen.push(reference);
        return DONE;
      }),
    );
    expect(seen).toEqual([{ apiVersion: 'example.test/v1', kind: 'Gate', spec: { rules: [{ deep: true }] } }]);
    expect(run.task('gate')).toMatchObject({ task: '', state: 'Succeeded' });
  });

  it('gets the folders of its workspaces', async () => {
    const folder = await realpath(await mkdtemp(join(tmpdir(), 'custom-task-')));
    const seen: [string, string][][] = [];
    const gate = withGate(
      async ({ workspaces }) => {
        seen.push([...workspaces]);
        return DONE;
      },
      { workspaces: { host: folder } },
    );
    await runShort({ workspaces: [{ name: 'host' }], tasks: [custom({ workspaces: [{ name: 'w', workspace: 'host' }] })] }, gate);
    expect(seen).toEqual([[['w', folder]]]);
    await rm(folder, { recursive: true });
  });

  it('is not asked when its guard does not hold', async () => {
    const run = await runShort(
      { tasks: [custom({ when: NEVER }), after] },
      withGate(() => Promise.reject(new Error('was asked'))),
    );
    expect(run.task('gate')).toMatchObject({ state: 'Skipped', reason: SKIP.when });
    expect(run.task('gate')).not.toHaveProperty('customRun');
    expect(run).toMatchObject({ status: 'Completed' });
    expect(run.task('after').state).toBe('Succeeded');
  });

  it('that fails stops the run; its reason and results reach finally', async () => {
    const run = await runShort(
      {
        tasks: [custom({ retries: 3 }), after],
        finally: [{ name: 'z', code: ECHO, reads: { s: ['$(tasks.gate.status)', '$(tasks.gate.reason)', '$(tasks.status)', '$(tasks.gate.results.word)'] } }],
      },
      withGate(async () => ({ state: 'Failed', reason: 'Rejected', message: 'no', results: { word: 'no' }, exitCode: 20 })),
    );
    expect(run.task('gate')).toMatchObject({ state: 'Failed', reason: 'Rejected', message: 'no', exitCode: 20 });
    expect(run.task('after')).toMatchObject({ state: 'Skipped', reason: SKIP.stopping });
    expect(run.log).toContain('z: Failed|Rejected|Failed|no');
    expect(run.log.filter((line) => line === '+gate')).toHaveLength(1);
    expect(run.status).toBe('Failed');
  });

  it('that fails under onError: continue stops nothing', async () => {
    const gate = withGate(async () => ({ ...DONE, state: 'Failed', reason: 'Rejected' }));
    const run = await runShort({ tasks: [custom({ onError: 'continue' }), { ...after, code: ECHO, reads: { w: '$(tasks.gate.results.word)' } }] }, gate);
    expect(run).toMatchObject({ status: 'Succeeded' });
    expect(run.log).toContain('after: yes');
  });

  it('that throws has failed, and the run goes on by its rules', async () => {
    const run = await runShort(
      { tasks: [custom()], finally: [{ name: 'z' }] },
      withGate(() => Promise.reject(new Error('out of luck'))),
    );
    expect(run.task('gate')).toMatchObject({ state: 'Failed', reason: 'Failed', message: 'out of luck' });
    expect(run.task('z').state).toBe('Succeeded');
  });

  it('hears of a cancel, and finally reads that the run was cancelled', async () => {
    const stop = new AbortController();
    const documents: PipelineRun[] = [];
    const gate = withGate(
      ({ cancel }) => {
        const { promise, resolve } = Promise.withResolvers<CustomRunEnd>();
        cancel.addEventListener('abort', () => resolve({ state: 'Cancelled', reason: 'CustomRunCancelled', results: {} }));
        stop.abort();
        return promise;
      },
      { signal: stop.signal, onUpdate: (document) => void documents.push(structuredClone(document)) },
    );
    const run = await runShort({ tasks: [custom(), after], finally: [{ name: 'z', code: ECHO, reads: { s: '$(tasks.gate.reason)' } }] }, gate);
    expect(run.task('gate')).toMatchObject({ state: 'Cancelled', reason: 'CustomRunCancelled' });
    expect(run.task('after')).toMatchObject({ state: 'Skipped', reason: SKIP.cancelled });
    expect(run.log).toContain('z: CustomRunCancelled');
    expect(documents.map(({ status, reason }) => `${status}: ${reason}`)).toEqual(['Cancelled: CancelledRunningFinally', 'Cancelled: Cancelled']);
  });

  it('that heeds no cancel ends with the second interrupt', async () => {
    const [stop, kill] = [new AbortController(), new AbortController()];
    const gate = withGate(
      () => {
        stop.abort();
        setTimeout(() => kill.abort(), 20);
        return new Promise<never>(() => {});
      },
      { signal: stop.signal, killSignal: kill.signal },
    );
    const run = await runShort({ tasks: [custom()], finally: [{ name: 'z' }] }, gate);
    expect(run.task('gate')).toMatchObject({ state: 'Cancelled', reason: 'CustomRunCancelled', message: 'stopped at once' });
    expect(run.task('z')).toMatchObject({ state: 'Skipped', reason: SKIP.killed });
  });
});

describe('refused before anything starts', () => {
  const gate = withGate(() => Promise.reject(new Error('was asked')));
  const refusal = (tasks: ShortTask[], options: Partial<RunOptions> = gate) =>
    runShort({ tasks }, { ...options, reporter: unexpected }).then(
      () => ({ code: '', message: 'it ran' }),
      (error: { code: string; message: string }) => error,
    );
  const unexpected: RunOptions['reporter'] = { taskStarted: fail, taskEnded: fail, line: fail, notice: fail };
  function fail(): never {
    throw new Error('something started');
  }

  it.each([
    ['without a stand-in', { taskRef: { ...REF, kind: 'Other' } }, 'RUNNER_UNSUPPORTED', 'task gate: the custom task example.test/v1/Other is not supported'],
    ['of another version', { taskRef: { ...REF, apiVersion: 'example.test/v2' } }, 'RUNNER_UNSUPPORTED', 'the custom task example.test/v2/Gate'],
    ['through a resolver', { taskRef: { ...REF, resolver: 'git' } }, 'RUNNER_UNSUPPORTED', 'task gate: taskRef.resolver is not supported'],
    ['from a bundle', { taskRef: { ...REF, bundle: 'b' } }, 'RUNNER_UNSUPPORTED', 'task gate: taskRef.bundle is not supported'],
    [
      'with steps',
      { taskRef: undefined, taskSpec: { ...REF, name: undefined, steps: [] } },
      'RUNNER_UNSUPPORTED',
      'task gate: taskSpec.steps is not supported',
    ],
    ['without a kind', { taskRef: { ...REF, kind: undefined } }, 'RUNNER_UNSUPPORTED', 'task gate: this taskRef.kind is not supported'],
    ['in both ways', { taskSpec: { apiVersion: 'example.test/v1', kind: 'Gate' } }, 'RUNNER_INVALID', 'exactly one of taskRef and taskSpec'],
    ['with an unknown variable', { params: [{ name: 'a', value: '$(params.none)' }] }, 'RUNNER_INPUT', 'task gate: param "a": unknown variable'],
    [
      'with a param given twice',
      {
        params: [
          { name: 'a', value: '' },
          { name: 'a', value: '' },
        ],
      },
      'RUNNER_INPUT',
      'param "a" is given twice',
    ],
    ['with a workspace of nobody', { workspaces: [{ name: 'w' }] }, 'RUNNER_INPUT', 'the Pipeline has no workspace "w"'],
  ])('a custom task %s', async (_, more, code, message) => {
    const error = await refusal([custom(more), after]);
    expect(error.message).toContain(message);
    expect(error.code).toBe(code);
  });

  it('any custom task when the run was given none', async () => {
    expect(await refusal([custom()], {})).toMatchObject({ code: 'RUNNER_UNSUPPORTED' });
  });

  it('a result that the custom task does not set', async () => {
    const { message } = await refusal([custom(), { name: 'b', reads: { x: '$(tasks.gate.results.wrod)' } }]);
    expect(message).toContain('a result that the custom task example.test/v1/Gate does not declare');
  });
});
