// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { deniedError, EXIT_CODE, StepError } from '../errors/errors.ts';
import { registerSecret } from '../log/redact.ts';
import { resultVariable } from '../spec/spec.ts';
import { ARGV, IMAGE, sampleSpec } from '../spec/test-spec.ts';
import { type Run, runStep } from './step.ts';

type SampleRun = Run<typeof sampleSpec>;
type Ended = { exitCode: number; stdout: string; stderr: string; results: Record<string, string> };

const SUBJECT = IMAGE.replace(':1.4.0', '');
const RESULTS = { subject: SUBJECT, weight: '7', 'report-digest': '' };
const weighed: SampleRun = async () => ({ results: RESULTS });

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'step-'));
});
afterEach(() => rm(folder, { recursive: true }));

/** Runs the sample step as the bundle's entry point does, with result files in a temporary folder. */
async function runSample(
  run: SampleRun,
  options: { argv?: readonly string[]; env?: Record<string, string | undefined>; stop?: AbortSignal } = {},
): Promise<Ended> {
  const output = { stdout: '', stderr: '' };
  const resultFiles = Object.keys(sampleSpec.results).map((name) => [resultVariable(name), join(folder, `result.${name}`)]);
  const exitCode = await runStep(sampleSpec, run, {
    argv: options.argv ?? ARGV,
    env: { ...Object.fromEntries(resultFiles), WORKSPACE_TABLE: folder, HOME: folder, ...options.env },
    stdout: (text) => {
      output.stdout += text;
    },
    stderr: (text) => {
      output.stderr += text;
    },
    now: () => new Date(),
    stop: options.stop ?? new AbortController().signal,
    version: '1.2.3',
  });
  const written = (await readdir(folder)).filter((name) => name.startsWith('result.'));
  const results = await Promise.all(written.map(async (name) => [name.replace('result.', ''), await readFile(join(folder, name), 'utf8')]));
  return { exitCode, ...output, results: Object.fromEntries(results) };
}

/** A run that fails with the error. */
function failing(error: unknown): SampleRun {
  return async () => {
    throw error;
  };
}

describe('a step that works', () => {
  it('writes its results verbatim and says in few lines what it did', async () => {
    const ended = await runSample(weighed);
    expect(ended).toMatchObject({ exitCode: 0, stdout: '', results: { ...RESULTS, outcome: 'ok' } });
    expect(ended.stderr).toMatch(new RegExp(`^weigh 1\\.2\\.3 subject=${SUBJECT}\nweigh done weight=7 seconds=\\d+(\\.\\d)?\n$`));
  });

  it('needs no result files outside of Tekton', async () => {
    const none = Object.fromEntries(Object.keys(sampleSpec.results).map((name) => [resultVariable(name), undefined]));
    expect(await runSample(weighed, { env: none })).toMatchObject({ exitCode: 0, results: {} });
  });

  it('gets what the spec promises, and the services of the frame', async () => {
    const ended = await runSample(
      async ({ params, workspaces }, deps) => {
        expect(params).toMatchObject({ unit: 'gram', enforce: true, 'scale-url': 'http://127.0.0.1:1' });
        expect(workspaces).toEqual({ table: folder, report: undefined, 'registry-credentials': undefined, trust: undefined });
        expect(deps).toMatchObject({ version: '1.2.3', sourceDateEpoch: 1_700_000_000, trustedRoot: undefined });
        expect([typeof deps.http, typeof deps.registry.resolve, deps.signal.aborted]).toEqual(['function', 'function', false]);
        return { results: RESULTS };
      },
      { argv: [...ARGV, '--scale-url=http://127.0.0.1:1/'], env: { SOURCE_DATE_EPOCH: '1700000000' } },
    );
    expect(ended.stderr).not.toContain('error');
    expect(ended.exitCode).toBe(0);
  });

  it('reads the files that trusted-root and ca-bundle name in the workspace trust', async () => {
    await writeFile(join(folder, 'root.json'), '{"a":1}');
    const ended = await runSample(
      async (_inputs, { trustedRoot }) => {
        expect(trustedRoot).toBe('{"a":1}');
        return { results: RESULTS };
      },
      { argv: [...ARGV, '--trusted-root=root.json'], env: { WORKSPACE_TRUST: folder } },
    );
    expect(ended.exitCode).toBe(0);
  });

  it('speaks JSON when it is asked to', async () => {
    const { stderr } = await runSample(weighed, { env: { LOG_FORMAT: 'json' } });
    const lines = stderr.trimEnd().split('\n');
    expect(lines.map((line) => JSON.parse(line).message)).toEqual(['weigh 1.2.3', 'weigh done']);
  });
});

describe('a step that fails', () => {
  it.each([
    ['denied', 20],
    ['input', 64],
    ['bug', 70],
    ['transient', 75],
    ['refused', 77],
  ] as const)('%s: exit code %i, and the results subject and outcome', async (kind, exitCode) => {
    expect(EXIT_CODE[kind]).toBe(exitCode);
    const ended = await runSample(failing(new StepError(kind, 'SCALE_ODD', 'the scale is odd', { hint: 'look at the scale' })));
    expect(ended).toMatchObject({ exitCode, stdout: '', results: { subject: SUBJECT, outcome: kind } });
    expect(ended.stderr).toContain('error: the scale is odd code=SCALE_ODD\n');
    expect(ended.stderr).toContain('error: hint: look at the scale\n');
    expect(ended.stderr).toMatch(new RegExp(`weigh ended: ${kind} seconds=`));
    expect(ended.stderr.includes('please report it')).toBe(kind === 'bug');
  });

  it.each([
    ['an Error', new TypeError('x is not a function'), 'x is not a function'],
    ['a string', 'thrown away', 'thrown away'],
  ])('takes %s that nobody expected for a bug', async (_what, thrown, message) => {
    const ended = await runSample(failing(thrown));
    expect(ended).toMatchObject({ exitCode: 70, results: { outcome: 'bug', subject: SUBJECT } });
    expect(ended.stderr).toContain(`error: ${message} code=UNEXPECTED\n`);
    expect(ended.stderr).toContain('this is a bug of weigh, please report it');
  });

  it('takes the hint from the spec when the error brings none', async () => {
    const ended = await runSample(failing(new StepError('refused', 'SCALE_BROKEN', 'the scale is broken')));
    expect(ended.stderr).toContain('error: hint: repair the scale\n');
  });

  it('tells the causes, and not without end', async () => {
    const circle: Error & { cause?: unknown } = new Error('the cable is loose');
    circle.cause = circle;
    const ended = await runSample(failing(new StepError('transient', 'SCALE_SILENT', 'no answer', { cause: new Error('no current', { cause: circle }) })));
    expect(ended.stderr).toContain('error: because: no current\nerror: because: the cable is loose\n');
    expect(ended.stderr.split('because').length).toBeLessThan(8);
  });

  it('puts its code on the first line of a message with several', async () => {
    const ended = await runSample(failing(new StepError('input', 'MANY', 'several:\n  - same\n  - same')));
    expect(ended.stderr).toContain('error: several: code=MANY\nerror:   - same\nerror:   - same\n');
  });

  it.each(['text', 'json'])('shows no secret in %s, whatever the error repeats', async (format) => {
    const secret = 'line "one"\nline two of it';
    registerSecret(secret);
    const error = new StepError('refused', 'SCALE_BROKEN', `login with ${secret} failed`, { hint: `not ${secret}`, cause: new Error(`401 for ${secret}`) });
    const { stderr } = await runSample(failing(error), { env: { LOG_FORMAT: format } });
    expect(stderr).toContain('login with *** failed');
    expect(stderr).not.toMatch(/line .{0,3}one|line two/);
  });
});

describe('a denial', () => {
  const denied: SampleRun = async () => ({ results: RESULTS, denied: deniedError('TOO_HEAVY', 'it weighs too much') });

  it('fails the step and keeps its results', async () => {
    const ended = await runSample(denied);
    expect(ended).toMatchObject({ exitCode: 20, results: { ...RESULTS, outcome: 'denied' } });
    expect(ended.stderr).toContain('error: it weighs too much code=TOO_HEAVY\nerror: hint: take something out\n');
  });

  it('is reported and recorded under enforce=false, and the step succeeds', async () => {
    const ended = await runSample(denied, { argv: [...ARGV, '--enforce=false'] });
    expect(ended).toMatchObject({ exitCode: 0, results: { ...RESULTS, outcome: 'denied' } });
    expect(ended.stderr).toContain('error: it weighs too much code=TOO_HEAVY\n');
    expect(ended.stderr).toContain('warn: enforce=false: the step succeeds although the answer is no\n');
    expect(ended.stderr).toContain('weigh done');
  });

  it.each([
    ['denied that is thrown', new StepError('denied', 'TOO_HEAVY', 'forged'), 20],
    ['refused', new StepError('refused', 'SCALE_BROKEN', 'broken'), 77],
    ['transient', new StepError('transient', 'X', 'away'), 75],
  ])('is the only thing that enforce=false forgives, not %s', async (_what, error, exitCode) => {
    expect(await runSample(failing(error), { argv: [...ARGV, '--enforce=false'] })).toMatchObject({ exitCode });
  });
});

describe('a step that cannot start', () => {
  const never: SampleRun = async () => {
    throw new Error('it started');
  };

  it('names all problems at once', async () => {
    const ended = await runSample(never, { argv: ['--image=app:1', '--unit=stone', '--colour=red'], env: { WORKSPACE_TABLE: '' } });
    expect(ended).toMatchObject({ exitCode: 64, results: { subject: '', outcome: 'input' } });
    const lines = ended.stderr.split('\n').map((line) => line.replace('error:   - ', ''));
    expect(lines[0]).toBe('error: weigh cannot start: code=PARAMS_INVALID');
    expect(lines.slice(1, 5).map((line) => line.split(':')[0])).toEqual(['--colour', 'param image', 'param unit', 'workspace table']);
    expect(ended.stderr).toContain('hint: change the params or workspaces');
  });

  it('names its subject as soon as the image is known to be one', async () => {
    const ended = await runSample(never, { argv: [`--image=${IMAGE}`] });
    expect(ended).toMatchObject({ exitCode: 64, results: { subject: SUBJECT, outcome: 'input' } });
  });

  it.each([
    ['trusted-root without the workspace trust', { argv: [...ARGV, '--trusted-root=root.json'] }, 'WORKSPACE_UNBOUND', 'workspace trust, which is not bound'],
    ['ca-bundle without the workspace trust', { argv: [...ARGV, '--ca-bundle=ca.crt'] }, 'WORKSPACE_UNBOUND', 'param ca-bundle'],
    ['a trusted root that is not there', { argv: [...ARGV, '--trusted-root=gone.json'], env: { WORKSPACE_TRUST: tmpdir() } }, 'FILE_MISSING', 'gone.json'],
    ['credentials that are not there', { env: { WORKSPACE_REGISTRY_CREDENTIALS: '/does/not/exist' } }, 'FILE_MISSING', '/does/not/exist'],
    ['a SOURCE_DATE_EPOCH that is no number', { env: { SOURCE_DATE_EPOCH: 'yesterday' } }, 'SOURCE_DATE_EPOCH_INVALID', '"yesterday"'],
  ])('says so: %s', async (_what, options, code, part) => {
    const ended = await runSample(never, options);
    expect(ended).toMatchObject({ exitCode: 64, results: { subject: SUBJECT, outcome: 'input' } });
    expect(ended.stderr).toContain(`code=${code}\n`);
    expect(ended.stderr).toContain(part);
  });

  it.each([
    ['--help', /^weigh 1\.2\.3: Weigh an artifact\n[\s\S]*--unit=[\s\S]*Exit codes: 0 ok/],
    ['--version', /^weigh 1\.2\.3\n$/],
  ])('answers %s and nothing else', async (argument, wanted) => {
    const ended = await runSample(never, { argv: [argument, '--colour=red'] });
    expect(ended).toMatchObject({ exitCode: 0, stderr: '', results: {} });
    expect(ended.stdout).toMatch(wanted);
  });
});

describe('results', () => {
  it('over 1024 bytes are a bug, also when they have fewer characters', async () => {
    const ended = await runSample(async () => ({ results: { ...RESULTS, weight: 'ü'.repeat(513) } }));
    expect(ended).toMatchObject({ exitCode: 70, results: { subject: SUBJECT, outcome: 'bug' } });
    expect(ended.results).not.toHaveProperty('weight');
    expect(ended.stderr).toContain('result weight has 1026 bytes, more than 1024 code=RESULT_TOO_LARGE');
  });

  it('that cannot be written fail the step', async () => {
    const ended = await runSample(weighed, { env: { RESULT_WEIGHT: join(folder, 'missing', 'weight') } });
    expect(ended).toMatchObject({ exitCode: 70, results: { outcome: 'bug' } });
  });

  it('outcome that cannot be written is told, and does not hide the error', async () => {
    const ended = await runSample(failing(new StepError('refused', 'SCALE_BROKEN', 'broken')), { env: { RESULT_OUTCOME: join(folder, 'missing', 'outcome') } });
    expect(ended.exitCode).toBe(77);
    expect(ended.stderr).toContain('the result outcome could not be written');
    expect(ended.stderr).toContain('error: broken code=SCALE_BROKEN');
  });
});

describe('the end from outside', () => {
  /** Works until it is told to stop, as every wait of the suite does. */
  const waiting: SampleRun = (_inputs, { signal }) =>
    new Promise((_resolve, reject) => {
      if (signal.aborted) reject(signal.reason);
      signal.addEventListener('abort', () => reject(signal.reason));
    });

  it('a step that takes longer than its timeout is transient', async () => {
    const ended = await runSample(waiting, { argv: [...ARGV, '--timeout=1s'] });
    expect(ended).toMatchObject({ exitCode: 75, results: { subject: SUBJECT, outcome: 'transient' } });
    expect(ended.stderr).toContain('error: the step did not finish within 1 s (param timeout) code=TIMEOUT\n');
    expect(ended.stderr).toContain('hint: run it again, or give it more time');
  });

  it('a long timeout does not end the step at once', async () => {
    const ended = await runSample(
      async (_inputs, { signal }) => {
        await new Promise((resolve) => setTimeout(resolve, 20));
        signal.throwIfAborted();
        return { results: RESULTS };
      },
      { argv: [...ARGV, '--timeout=576h'] },
    );
    expect(ended.exitCode).toBe(0);
  });

  it.each([
    ['before it works', 0],
    ['while it works', 20],
  ])('a step that is told to stop %s is transient and can be run again', async (_when, delay) => {
    const stop = new AbortController();
    if (delay === 0) stop.abort();
    else setTimeout(() => stop.abort(), delay);
    const ended = await runSample(waiting, { stop: stop.signal });
    expect(ended).toMatchObject({ exitCode: 75, results: { subject: SUBJECT, outcome: 'transient' } });
    expect(ended.stderr).toContain('error: the step was told to stop before it was done code=STOPPED\n');
  });

  it('a step that was done when it was told to stop is done', async () => {
    const stop = new AbortController();
    const ended = await runSample(
      async () => {
        stop.abort();
        return { results: RESULTS };
      },
      { stop: stop.signal },
    );
    expect(ended).toMatchObject({ exitCode: 0, results: { outcome: 'ok' } });
  });
});
