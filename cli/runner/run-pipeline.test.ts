// SPDX-License-Identifier: Apache-2.0
import { mkdir, mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { SKIP } from './run-document.ts';
import { ECHO, FAIL, NEVER, runShort, write } from './test-run.ts';

let tempRoot: string;
beforeEach(async () => {
  tempRoot = await mkdtemp(join(tmpdir(), 'runner-test-'));
});
afterEach(() => rm(tempRoot, { recursive: true, force: true }));

describe('order', () => {
  it('runs what is independent at the same time and what reads a result after it', async () => {
    // Each waits for a file that the other makes: they can only end when both run at once.
    const meet = (mine: string, other: string) =>
      `const fs=require("fs"),d=process.argv[1];fs.writeFileSync(d+"/${mine}","");const t=setInterval(()=>{if(fs.existsSync(d+"/${other}")){clearInterval(t);${write(mine)}}},5)`;
    await mkdir(join(tempRoot, 'meet'));
    const reads = { dir: join(tempRoot, 'meet') };
    const result = await runShort(
      {
        tasks: [
          { name: 'last', code: `${ECHO};${write('done')}`, reads: { all: ['$(tasks.a.results.out)', '$(tasks.b.results.out)'] }, runAfter: ['middle'] },
          { name: 'middle', runAfter: ['a'] },
          { name: 'a', code: meet('a', 'b'), reads },
          { name: 'b', code: meet('b', 'a'), reads },
        ],
        results: [{ name: 'answer', value: '$(tasks.last.results.out) of $(tasks.a.results.out)' }],
      },
      { tempRoot },
    );
    expect(result).toMatchObject({ status: 'Succeeded', reason: 'Succeeded', results: { answer: 'done of a' } });
    expect(result.log).toContain('last: a|b');
    expect(result.log.indexOf('+last')).toBeGreaterThan(result.log.indexOf('-middle'));
    expect(result.tasks.map(({ name }) => name)).toEqual(['last', 'middle', 'a', 'b']);
    const { log: _, task, ...document } = result;
    expect(JSON.parse(JSON.stringify(document))).toEqual(document);
    expect(task('middle')).toMatchObject({ section: 'tasks', taskRun: `${result.name}-middle`, steps: [{ name: 'unnamed-0', exitCode: 0 }] });
    expect(result.message).toBe('Tasks Completed: 4 (Failed: 0, Cancelled 0), Skipped: 0');
    expect(await readdir(tempRoot)).toEqual(['meet']);
  });

  it('hands values on as they are, whatever they hold', async () => {
    const hostile = '$(params.b) $(tasks.a.results.out) --flag="x" $(id) \n/tekton/results';
    const result = await runShort(
      {
        params: [{ name: 'a' }, { name: 'b' }],
        tasks: [
          { name: 'a', code: 'require("fs").writeFileSync(process.env.OUT, process.argv[1])', reads: { text: '$(params.a)' } },
          { name: 'b', code: 'require("fs").writeFileSync(process.env.OUT, process.argv[1])', reads: { text: '<$(tasks.a.results.out)>' } },
        ],
      },
      { params: { a: hostile, b: 'injected' } },
    );
    expect(result.task('b').results).toEqual({ out: `<${hostile}>` });
  });
});

describe('when', () => {
  it('skips by the rules of Tekton', async () => {
    const result = await runShort({
      tasks: [
        { name: 'off', when: NEVER, code: write('x') },
        { name: 'after', runAfter: ['off'], code: ECHO },
        { name: 'reader', reads: { x: '$(tasks.off.results.out)' } },
        { name: 'guarded', when: [{ input: '$(tasks.off.results.out)', operator: 'notin', values: ['x'] }] },
        { name: 'after-reader', runAfter: ['reader'] },
        { name: 'last', runAfter: ['after-reader', 'after'] },
      ],
      finally: [{ name: 'z', code: ECHO, reads: { s: ['$(tasks.off.status)', '$(tasks.after.status)', '$(tasks.reader.status)', '$(tasks.status)'] } }],
      results: [{ name: 'r', value: '$(tasks.off.results.out)' }],
    });
    expect(Object.fromEntries(result.tasks.map(({ name, state, reason }) => [name, `${state}: ${reason}`]))).toEqual({
      off: `Skipped: ${SKIP.when}`,
      after: 'Succeeded: Succeeded',
      reader: `Skipped: ${SKIP.results}`,
      guarded: `Skipped: ${SKIP.results}`,
      'after-reader': `Skipped: ${SKIP.parents}`,
      last: `Skipped: ${SKIP.parents}`,
      z: 'Succeeded: Succeeded',
    });
    expect(result.task('off').when).toEqual(NEVER);
    expect(result.log).toContain('z: None|Succeeded|None|Completed');
    expect(result).toMatchObject({ status: 'Completed', results: {} });
  });

  it('lets a result decide', async () => {
    const when = (values: string[]) => [{ input: '$(tasks.verdict.results.out)', operator: 'in', values }];
    const result = await runShort({
      tasks: [
        { name: 'verdict', code: write('pass') },
        { name: 'yes', when: when(['pass']) },
        { name: 'no', when: when(['fail']) },
      ],
    });
    expect([result.task('yes').state, result.task('no').state]).toEqual(['Succeeded', 'Skipped']);
  });
});

describe('failure', () => {
  it('starts nothing new, lets running tasks end, and runs finally', async () => {
    const result = await runShort({
      tasks: [
        { name: 'bad', code: `${write('partial')}${FAIL}` },
        { name: 'slow', code: `setTimeout(() => {${write('slow')}}, 300)` },
        { name: 'after-bad', runAfter: ['bad'] },
        { name: 'after-slow', runAfter: ['slow'] },
      ],
      finally: [
        {
          name: 'always',
          code: ECHO,
          reads: { s: ['$(tasks.bad.status)', '$(tasks.bad.reason)', '$(tasks.slow.status)', '$(tasks.after-slow.status)', '$(tasks.status)'] },
        },
        { name: 'reads-partial', code: ECHO, reads: { r: '$(tasks.bad.results.out)' } },
        { name: 'reads-nothing', code: ECHO, reads: { r: '$(tasks.after-bad.results.out)' } },
        { name: 'on-success', when: [{ input: '$(tasks.status)', operator: 'in', values: ['Succeeded', 'Completed'] }] },
      ],
      results: [
        { name: 'kept', value: '$(tasks.slow.results.out)' },
        { name: 'lost', value: '$(tasks.after-slow.results.out)' },
      ],
    });
    expect(result.task('bad')).toMatchObject({ state: 'Failed', exitCode: 7, results: { out: 'partial' } });
    expect(result.task('slow').state).toBe('Succeeded');
    for (const name of ['after-bad', 'after-slow']) expect(result.task(name)).toMatchObject({ state: 'Skipped', reason: SKIP.stopping });
    expect(result.log).toContain('always: Failed|Failed|Succeeded|None|Failed');
    expect(result.log).toContain('reads-partial: partial');
    expect(result.task('reads-nothing')).toMatchObject({ state: 'Skipped', reason: SKIP.results });
    expect(result.task('on-success')).toMatchObject({ state: 'Skipped', reason: SKIP.when });
    expect(result).toMatchObject({ status: 'Failed', reason: 'Failed', results: { kept: 'slow' } });
    expect(result.message).toBe('Tasks Completed: 4 (Failed: 1, Cancelled 0), Skipped: 4');
    expect(result.log.indexOf('+always')).toBeGreaterThan(result.log.indexOf('-slow'));
  });

  it('fails a task whose producer did not write the result, before it runs', async () => {
    const result = await runShort({
      tasks: [{ name: 'mute' }, { name: 'reader', reads: { x: '$(tasks.mute.results.out)' } }],
      finally: [{ name: 'z', code: ECHO, reads: { s: ['$(tasks.reader.status)', '$(tasks.status)'] } }],
    });
    expect(result.task('reader')).toMatchObject({ state: 'Failed', reason: 'InvalidTaskResultReference', message: 'task mute did not write its result "out"' });
    expect(result.log).not.toContain('+reader');
    expect(result.log).toContain('z: None|Completed');
    expect(result).toMatchObject({ status: 'Failed', reason: 'InvalidTaskResultReference' });
  });

  it('fails when the Pipeline promises a result that was not written, or a finally task fails', async () => {
    const promise = await runShort({ tasks: [{ name: 'mute' }], results: [{ name: 'r', value: '$(tasks.mute.results.out)' }] });
    expect(promise).toMatchObject({ status: 'Failed', reason: 'CouldntGetPipelineResult' });
    expect((await runShort({ tasks: [{ name: 'a' }], finally: [{ name: 'z', code: FAIL }] })).status).toBe('Failed');
  });

  it('fails a task, not the run, on an array index that is out of bounds', async () => {
    const array = [{ name: 'out', type: 'array' }];
    const result = await runShort({
      tasks: [
        { name: 'a', code: write('["x"]'), results: array },
        { name: 'b', reads: { x: '$(tasks.a.results.out[1])' } },
        { name: 'c', when: [{ input: '$(tasks.a.results.out[1])', operator: 'in', values: [] }] },
      ],
      finally: [{ name: 'z', code: ECHO, reads: { x: '$(tasks.a.results.out[0])', y: ['$(tasks.a.results.out[*])', 'end'] } }],
    });
    const failed = [result.task('b'), result.task('c')].filter(({ state }) => state === 'Failed');
    expect(failed[0]?.message).toContain('out of bounds');
    expect(result.log).toContain('z: x|x|end');
  });
});

it('hands the document on before finally tasks start, and at the end', async () => {
  const seen: string[] = [];
  await runShort(
    { tasks: [{ name: 'a', code: FAIL }], finally: [{ name: 'z' }] },
    { onUpdate: ({ status, tasks }) => void seen.push(`${status} ${tasks.map(({ name }) => name)}`) },
  );
  expect(seen).toEqual(['Running a', 'Failed a,z']);
});
