// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { SILENT } from './reporter.ts';
import { SKIP } from './run-document.ts';
import { ECHO, runShort, WAIT } from './test-run.ts';

describe('cancel', () => {
  it('stops running tasks, starts no more, and runs finally to its end', async () => {
    const controller = new AbortController();
    const result = await runShort(
      {
        tasks: [
          { name: 'long', code: WAIT },
          { name: 'next', runAfter: ['long'] },
        ],
        finally: [{ name: 'tidy', code: `setTimeout(() => {${ECHO}}, 50)`, reads: { s: ['$(tasks.long.status)', '$(tasks.next.status)', '$(tasks.status)'] } }],
      },
      { signal: controller.signal, reporter: { ...SILENT, line: (_, text) => text === 'up' && controller.abort() } },
    );
    expect(result.task('long')).toMatchObject({ state: 'Cancelled', reason: 'TaskRunCancelled', exitCode: 143 });
    expect(result.task('next')).toMatchObject({ state: 'Skipped', reason: SKIP.cancelled });
    expect(result.task('tidy')).toMatchObject({ state: 'Succeeded' });
    expect(result).toMatchObject({ status: 'Cancelled', reason: 'Cancelled' });
  });

  it('runs nothing but finally when cancelled before it starts', async () => {
    const result = await runShort({ tasks: [{ name: 'a' }], finally: [{ name: 'z' }] }, { signal: AbortSignal.abort() });
    expect(result.log).toEqual(['-a', '+z', '-z']);
    expect(result.status).toBe('Cancelled');
  });

  it('kills everything on the second signal, finally tasks too', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const notices: string[] = [];
    const stubborn = `process.on("SIGTERM", () => console.log("asked"));${WAIT}`;
    const reporter = {
      ...SILENT,
      notice: (text: string) => void notices.push(text.split(':')[0] ?? ''),
      line: (_: string, text: string) => (text === 'up' ? first : second).abort(),
    };
    const result = await runShort(
      { tasks: [{ name: 'a', code: stubborn }], finally: [{ name: 'z' }] },
      { signal: first.signal, killSignal: second.signal, reporter, graceMs: 60_000 },
    );
    expect(result.task('a')).toMatchObject({ state: 'Cancelled', exitCode: 137 });
    expect(result.task('z')).toMatchObject({ state: 'Skipped', reason: SKIP.killed });
    expect(notices).toEqual(['cancelling', 'stopping everything at once']);
  });

  it('leaves a running finally task alone on the first signal and kills it on the second', async () => {
    const [first, second] = [new AbortController(), new AbortController()];
    const code =
      'process.on("SIGTERM", () => process.exit(9)); setTimeout(() => console.log("still here"), 100); setInterval(() => {}, 1000); console.log("up")';
    const line = (_: string, text: string) => (text === 'up' ? first : second).abort();
    const result = await runShort(
      { tasks: [{ name: 'a' }], finally: [{ name: 'z', code }] },
      { signal: first.signal, killSignal: second.signal, reporter: { ...SILENT, line } },
    );
    expect(result.task('z')).toMatchObject({ state: 'Cancelled', exitCode: 137 });
    expect(result.status).toBe('Cancelled');
  });
});
