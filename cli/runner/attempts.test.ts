// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseTimeout } from './attempts.ts';
import { ECHO, FAIL, runShort, WAIT, write } from './test-run.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'attempts-'));
});
afterAll(() => rm(folder, { recursive: true }));

/** A script that fails until it has been started `times` times. */
function failsUntil(times: number, name: string): string {
  const file = JSON.stringify(join(folder, name));
  return `const fs=require("fs");fs.appendFileSync(${file},"x");if(fs.readFileSync(${file}).length<${times})process.exit(7);${write('at last')}`;
}

describe('parseTimeout', () => {
  it.each([
    ['90s', 90_000],
    ['1h30m', 5_400_000],
    ['250ms', 250],
    ['1.5s', 1500],
    ['0', 0],
    ['0s', 0],
    ['9000h', 2 ** 31 - 1],
  ])('%s is %i ms', (text, milliseconds) => expect(parseTimeout(text)).toBe(milliseconds));
});

describe('retries', () => {
  it('run a task again until it succeeds, and the results are those of the last attempt', async () => {
    const run = await runShort({ tasks: [{ name: 'a', code: failsUntil(3, 'third'), retries: 2 }] });
    expect(run).toMatchObject({ status: 'Succeeded' });
    expect(run.task('a')).toMatchObject({ state: 'Succeeded', retries: 2, results: { out: 'at last' } });
  });

  it('are used up', async () => {
    const run = await runShort({
      tasks: [
        { name: 'a', code: failsUntil(9, 'never'), retries: 1 },
        { name: 'b', runAfter: ['a'] },
      ],
    });
    expect(run.task('a')).toMatchObject({ state: 'Failed', retries: 1, exitCode: 7 });
    expect(run.task('b').state).toBe('Skipped');
  });

  it('tell the step which attempt it is', async () => {
    const args = ['-e', 'if(process.argv[1]==="0")process.exit(1);console.log("attempt", process.argv[1])', '$(context.task.retry-count)'];
    const run = await runShort({ tasks: [{ name: 'a', retries: 1, task: { steps: [{ image: 'example.test/node:1', command: ['node'], args }] } }] });
    expect(run.log).toContain('a: attempt 1');
  });

  it('are not tried after a cancel', async () => {
    const stop = new AbortController();
    const run = runShort({ tasks: [{ name: 'a', code: WAIT, retries: 5 }] }, { signal: stop.signal });
    setTimeout(() => stop.abort(), 500);
    expect((await run).task('a')).toMatchObject({ state: 'Cancelled' });
  });
});

describe('timeout', () => {
  it('ends a task as failed, and finally still runs', async () => {
    const run = await runShort({ tasks: [{ name: 'a', code: WAIT, timeout: '600ms' }], finally: [{ name: 'f', code: ECHO }] });
    expect(run.task('a')).toMatchObject({ state: 'Failed', reason: 'TaskRunTimeout', message: 'did not finish within 600ms' });
    expect(run.task('f').state).toBe('Succeeded');
    expect(run.status).toBe('Failed');
  });

  it('of 0 is none', async () => {
    expect((await runShort({ tasks: [{ name: 'a', code: ECHO, timeout: '0' }] })).status).toBe('Succeeded');
  });
});

describe('onError: continue', () => {
  it('lets the run go on and end well, and shows the failure', async () => {
    const run = await runShort({
      tasks: [
        { name: 'a', code: FAIL, onError: 'continue' },
        { name: 'b', runAfter: ['a'] },
      ],
    });
    expect(run).toMatchObject({ status: 'Succeeded', message: 'Tasks Completed: 2 (Failed: 1 (Ignored: 1), Cancelled 0), Skipped: 0' });
    expect(run.task('a')).toMatchObject({ state: 'Failed', ignored: true });
    expect(run.task('b').state).toBe('Succeeded');
  });

  it('does not excuse another task', async () => {
    const run = await runShort({
      tasks: [
        { name: 'a', code: FAIL, onError: 'continue' },
        { name: 'b', code: FAIL },
      ],
    });
    expect(run.status).toBe('Failed');
  });

  it('is refused together with retries', async () => {
    await expect(runShort({ tasks: [{ name: 'a', onError: 'continue', retries: 1 }] })).rejects.toThrow('cannot have both');
  });
});
