// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { inputError } from '../../lib/errors/errors.ts';
import { loadPipeline } from './pipeline.ts';
import { runTask, type TaskRunInput } from './run-task.ts';
import type { Value } from './substitute.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'run-task-'));
});
afterEach(() => rm(folder, { recursive: true, force: true }));

/** A step whose args are a script and what it sees as process.argv from index 1 on. */
const script = (code: string, ...args: string[]) => ({ image: 'example.test/node:1', command: ['node'], args: ['-e', code, '--', ...args] });
const write = (name: string, value: string) => `require('fs').writeFileSync(process.env.OUT + ${JSON.stringify(`/${name}`)}, ${JSON.stringify(value)});`;
const out = { stepTemplate: { env: [{ name: 'OUT', value: '/tekton/results' }] } };

async function run(spec: object, extra: Partial<TaskRunInput> = {}) {
  const manifest = { apiVersion: 'tekton.dev/v1', kind: 'Pipeline', metadata: { name: 'p' }, spec: { tasks: [{ name: 't', taskSpec: spec }] } };
  const task = (await loadPipeline(JSON.stringify(manifest), () => undefined)).tasks.get('t');
  if (task === undefined) throw new Error('no task');
  const lines: string[] = [];
  const never = new AbortController().signal;
  const end = await runTask({
    pipelineTask: 't',
    task,
    taskRun: { name: 'run-t', namespace: 'ns', uid: 'u1' },
    params: new Map(),
    workspaces: new Map(),
    folder,
    path: process.env['PATH'] ?? '',
    resolveContainer: () => ({ command: [process.execPath] }),
    onLine: (text, stream) => lines.push(`${stream}: ${text}`),
    cancel: never,
    kill: never,
    graceMs: 200,
    now: () => new Date(0),
    ...extra,
  });
  return { ...end, results: Object.fromEntries(end.results), lines };
}

describe('runTask', () => {
  it('runs steps in order with params, workspaces and results, and streams what they print', async () => {
    const spec = {
      params: [{ name: 'text' }, { name: 'list', type: 'array' }],
      workspaces: [{ name: 'source' }, { name: 'reports', optional: true }],
      results: [{ name: 'first' }, { name: 'list', type: 'array' }, { name: 'map', type: 'object', properties: { k: {} } }, { name: 'unwritten' }],
      steps: [
        {
          ...script(
            'console.log(JSON.stringify(process.argv.slice(1))); console.error("warn"); require("fs").writeFileSync(process.argv[1], "one\\n")',
            '$(results.first.path)',
            '--text=$(params.text)',
            '$(params.list[*])',
            '$(workspaces.source.path)',
            '[$(workspaces.reports.path)]',
            '$(workspaces.reports.bound)',
          ),
          name: 'one',
        },
        { ...script(`${write('list', '["a","b"]')}${write('map', '{"k":"v"}')}process.stdout.write("no newline")`) },
      ],
      ...out,
    };
    const params = new Map<string, Value>([
      ['text', '$(params.list) $(x)'],
      ['list', ['--flag', 'two words']],
    ]);
    const end = await run(spec, { params, workspaces: new Map([['source', folder]]) });
    expect(end).toMatchObject({
      state: 'Succeeded',
      steps: [
        { name: 'one', exitCode: 0 },
        { name: 'unnamed-1', exitCode: 0 },
      ],
    });
    expect(end.results).toEqual({ first: 'one\n', list: ['a', 'b'], map: { k: 'v' } });
    const argv = JSON.parse(end.lines.find((line) => line.startsWith('stdout: ['))?.slice(8) ?? '');
    expect(argv).toEqual([`${folder}/results/first`, '--text=$(params.list) $(x)', '--flag', 'two words', folder, '[]', 'false']);
    expect(end.lines).toContain('stderr: warn');
    expect(end.lines).toContain('stdout: no newline');
  });

  it("gives a step its own home and temp folder, its volumes, and nothing of the caller's environment", async () => {
    process.env['RUNNER_TEST_SECRET'] = 'do not pass on';
    const spec = {
      volumes: [{ name: 'cache', emptyDir: {} }],
      stepTemplate: {
        env: [
          { name: 'HOME', value: '/home/step' },
          { name: 'A', value: 'template' },
        ],
      },
      steps: [
        {
          ...script('console.log(JSON.stringify([process.env, process.argv[1], process.cwd()]))', '--dir=/cache/sub'),
          env: [
            { name: 'A', value: 'step' },
            { name: 'CACHE', value: '/cache' },
            { name: 'TMPDIR', value: '/cache/tmp' },
          ],
          volumeMounts: [{ name: 'cache', mountPath: '/cache/' }],
          workingDir: '/cache',
        },
      ],
    };
    const { lines } = await run(spec, { resolveContainer: () => ({ command: [process.execPath], env: { A: 'image', B: 'image' } }) });
    delete process.env['RUNNER_TEST_SECRET'];
    const [env, argument, cwd] = JSON.parse(lines[0]?.slice(8) ?? '');
    const cache = `${folder}/volume-cache`;
    expect(env).toEqual({ PATH: process.env['PATH'], A: 'step', B: 'image', HOME: `${folder}/home`, TMPDIR: `${cache}/tmp`, CACHE: cache });
    expect([argument, cwd]).toEqual([`--dir=${cache}/sub`, cache]);
  });

  it('does not rewrite a container path that comes from a value', async () => {
    const spec = { params: [{ name: 'p' }], steps: [script('console.log(process.argv[1])', '$(params.p)')] };
    expect((await run(spec, { params: new Map([['p', '/tekton/results/x']]) })).lines).toEqual(['stdout: /tekton/results/x']);
  });

  it('stops at the step that fails, keeps its results and its exit code', async () => {
    const spec = {
      results: [{ name: 'outcome' }],
      steps: [{ ...script(`${write('outcome', 'denied')}process.exit(20)`), name: 'judge' }, script('console.log("never")')],
      ...out,
    };
    const end = await run(spec);
    expect(end).toMatchObject({
      state: 'Failed',
      reason: 'Failed',
      exitCode: 20,
      message: 'step judge exited with 20',
      results: { outcome: 'denied' },
      lines: [],
    });
    expect(end.steps).toHaveLength(1);
  });

  it.each<[string, object[], string, string]>([
    [
      'more than a termination message holds',
      [{ name: 'r' }, { name: 's' }],
      `${write('r', 'x'.repeat(2000))}${write('s', 'y'.repeat(2000))}`,
      'of the 4096 that Tekton carries',
    ],
    ['one huge result', [{ name: 'r' }], write('r', 'x'.repeat(100_000)), 'has 100000 bytes'],
    ['a link out of the folder', [{ name: 'r' }], 'require("fs").symlinkSync("/etc/hostname", process.env.OUT + "/r")', 'not a plain file'],
    ['an array that is none', [{ name: 'r', type: 'array' }], write('r', 'a,b'), 'declared as array but is not JSON'],
    ['an array of numbers', [{ name: 'r', type: 'array' }], write('r', '[1]'), 'not a JSON list of strings'],
    ['an object that is a list', [{ name: 'r', type: 'object', properties: { k: {} } }], write('r', '["k"]'), 'not a JSON map of strings'],
    ['an object without its key', [{ name: 'r', type: 'object', properties: { k: {} } }], write('r', '{}'), 'lacks the key "k"'],
  ])('fails on %s', async (_, results, code, message) => {
    const end = await run({ results, steps: [script(code)], ...out });
    expect(end).toMatchObject({ state: 'Failed', reason: 'TaskRunResultsInvalid', results: {} });
    expect(end.message).toContain(message);
  });

  it('takes results of 2 × 1900 bytes, which still fit', async () => {
    const code = `${write('r', 'x'.repeat(1900))}${write('s', 'y'.repeat(1900))}`;
    expect(await run({ results: [{ name: 'r' }, { name: 's' }], steps: [script(code)], ...out })).toMatchObject({ state: 'Succeeded' });
  });

  it('tells why a step did not start', async () => {
    const missing = await run({ steps: [script('')] }, { resolveContainer: () => ({ command: ['/no/such/program'] }) });
    expect(missing).toMatchObject({ state: 'Failed', reason: 'TaskRunStepNotStarted' });
    expect(missing.message).toContain('ENOENT');
    const unknown = await run({ steps: [script('')] }, { resolveContainer: () => Promise.reject(inputError('X', 'no bundle for example.test/node:1')) });
    expect(unknown).toMatchObject({ state: 'Failed', message: 'no bundle for example.test/node:1' });
    const variable = await run({ steps: [script('$(params.none)')] });
    expect(variable).toMatchObject({ state: 'Failed', reason: 'TaskRunValidationFailed', steps: [] });
    expect(variable.message).toContain('unknown variable $(params.none)');
  });

  it('cuts a line without end into pieces', async () => {
    const { lines } = await run({ steps: [script('process.stdout.write("x".repeat(20000))')] });
    expect(lines.map((line) => line.length - 8)).toEqual([8192, 8192, 3616]);
  });

  it('ends what a step left running, as the end of a container does', async () => {
    const child = '["-e", "setTimeout(() => {}, 60000)"], { stdio: "inherit" }';
    // The grandchild holds the output open, so this run would only end with it.
    expect(await run({ steps: [script(`require("child_process").spawn(process.execPath, ${child}).unref()`)] })).toMatchObject({ state: 'Succeeded' });
  });

  it('asks a cancelled step to end, then ends it', async () => {
    const cancel = new AbortController();
    const onLine = () => cancel.abort();
    const polite = await run(
      { steps: [script('process.on("SIGTERM", () => process.exit(3)); setInterval(() => {}, 1000); console.log("up")'), script('')] },
      { cancel: cancel.signal, onLine },
    );
    expect(polite).toMatchObject({ state: 'Cancelled', reason: 'TaskRunCancelled', exitCode: 3, steps: [{ exitCode: 3 }] });

    const again = new AbortController();
    const stubborn = await run(
      { steps: [script('process.on("SIGTERM", () => {}); setInterval(() => {}, 1000); console.log("up")')] },
      { cancel: again.signal, onLine: () => again.abort() },
    );
    expect(stubborn).toMatchObject({ state: 'Cancelled', exitCode: 137 });
    expect(await readdir(folder)).toContain('results');
  });
});
