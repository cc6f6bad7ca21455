// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createProgress, type ProgressOptions } from './progress.ts';
import { cleanLine, formatElapsed } from './reporter.ts';
import type { TaskRecord } from './run-document.ts';

const record = (name: string, state: TaskRecord['state'], more: Partial<TaskRecord> = {}): TaskRecord => ({
  name,
  task: name,
  section: 'tasks',
  state,
  reason: state,
  steps: [],
  results: {},
  ...more,
});

function setUp(isTTY: boolean, more: Partial<ProgressOptions> = {}) {
  let time = 0;
  const writes: string[] = [];
  const stream = { isTTY, columns: 40, write: (text: string) => writes.push(text) };
  const progress = createProgress({ stream, now: () => new Date(time), tasks: ['sbom', 'sign'], env: { NO_COLOR: '1' }, interval: 60_000, ...more });
  return { progress, writes, pass: (milliseconds: number) => (time += milliseconds), screen: () => render(writes) };
}

const UP_AND_CLEAR = ['\x1b[', 'A\x1b[0J'] as const;
/** A write that first takes back live lines: how many, and what follows. */
function takeBack(text: string): { rows: number; rest: string } {
  const [start, end] = UP_AND_CLEAR;
  const at = text.indexOf(end);
  return text.startsWith(start) && at > 0 ? { rows: Number(text.slice(start.length, at)), rest: text.slice(at + end.length) } : { rows: 0, rest: text };
}

/** What a terminal shows: only "up n and clear" is needed of its whole language. */
function render(writes: readonly string[]): string[] {
  const rows: string[] = [];
  for (const text of writes) {
    const { rows: up, rest } = takeBack(text);
    rows.splice(rows.length - up);
    rows.push(...rest.split('\n').slice(0, -1));
  }
  return rows;
}

describe('on a terminal', () => {
  it('keeps one line per running task and leaves one per finished task', () => {
    const { progress, pass, screen } = setUp(true);
    progress.taskStarted('sbom');
    progress.taskStarted('sign');
    progress.line('sbom', 'reading layers');
    pass(1500);
    progress.line('sign', 'asking for a certificate that has a very long name');
    progress.notice('hello');
    expect(screen()).toEqual(['hello', '· sbom   1.5s  reading layers', '· sign   1.5s  asking for a certificat']);
    progress.line('sbom', '42 components');
    pass(9000);
    progress.taskEnded(record('sbom', 'Succeeded'));
    expect(screen()).toEqual(['hello', '✓ sbom    10s  42 components', '· sign    10s  asking for a certificat']);
    progress.taskEnded(record('sign', 'Cancelled', { message: 'cancelled at step sign' }));
    progress.taskEnded(record('late', 'Skipped', { reason: 'Results were missing' }));
    progress.close();
    expect(screen()).toEqual(['hello', '✓ sbom    10s  42 components', '✗ sign    10s  cancelled at step sign', '– late         Results were missing']);
  });

  it('shows the last lines of a failed task under it, and all lines when verbose', () => {
    for (const [verbose, expected] of [
      [false, 22],
      [true, 26],
    ] as const) {
      const { progress, screen } = setUp(true, { verbose });
      progress.taskStarted('sign');
      for (let line = 1; line <= 25; line += 1) progress.line('sign', `line ${line}`);
      progress.taskEnded(record('sign', 'Failed', { message: 'step sign exited with 77' }));
      expect(screen()).toHaveLength(expected);
      expect(screen()[0]).toBe('✗ sign   0.0s  step sign exited with 77');
      expect(screen()[1]).toBe(verbose ? '    line 1' : '    … 5 earlier lines');
      expect(screen().at(-1)).toBe('    line 25');
    }
  });

  it('shows every line of a task that speaks to people, also when it went well', () => {
    const { progress, screen } = setUp(true, { spokesmen: new Set(['sign']) });
    progress.taskStarted('sign');
    for (let line = 1; line <= 25; line += 1) progress.line('sign', `line ${line}`);
    progress.taskEnded(record('sign', 'Succeeded'));
    expect(screen()).toEqual(['✓ sign   0.0s  line 25', ...Array.from({ length: 25 }, (_, line) => `    line ${line + 1}`)]);
  });

  it('leaves the terminal to others while it is held', () => {
    const { progress, writes, screen } = setUp(true);
    progress.taskStarted('sbom');
    progress.taskStarted('sign');
    const [first, second] = [progress.hold(), progress.hold()];
    expect(screen()).toEqual([]);
    const before = writes.length;
    progress.line('sbom', '42 components');
    progress.taskEnded(record('sbom', 'Succeeded'));
    progress.notice('cancelling');
    first();
    expect(writes).toHaveLength(before);
    second();
    expect(screen()).toEqual(['✓ sbom   0.0s  42 components', 'cancelling', '· sign   0.0s  ']);
  });

  it('loses nothing when it is closed while held', () => {
    const { progress, screen } = setUp(true);
    progress.hold();
    progress.notice('cancelling');
    progress.close();
    expect(screen()).toEqual(['cancelling']);
  });

  it('never lets a live line wrap', () => {
    const { progress, screen } = setUp(true);
    progress.taskStarted('sign');
    progress.line('sign', '漢字'.repeat(40));
    progress.notice('x');
    const line = screen().at(-1) ?? '';
    expect([...line].reduce((width, character) => width + (character > '~' ? 2 : 1), 0)).toBeLessThan(40);
  });

  it('does not hand escape sequences of a step to the terminal', () => {
    const { progress, writes } = setUp(true);
    progress.taskStarted('sign');
    progress.line('sign', '\x1b[2J\x1b]0;title\x07✓ forged\r\x1b[1A \u202Eevil\x9b31m');
    progress.taskEnded(record('sign', 'Failed', { message: 'a\n\x1b[2Jb' }));
    const text = writes.map((text) => takeBack(text).rest).join('');
    expect(text.replaceAll('\n', '')).not.toMatch(/[\p{Cc}\u202E]/u);
    expect(text).toContain('✓ forged');
  });

  it('colours only without NO_COLOR', () => {
    const { progress, writes } = setUp(true, { env: {} });
    progress.taskEnded(record('sign', 'Succeeded'));
    expect(writes.join('')).toContain('\x1b[32m✓');
  });
});

describe.each([
  ['a file', false, {}],
  ['a dumb terminal', true, { TERM: 'dumb' }],
])('on %s', (_, isTTY, env) => {
  it('writes plain prefixed lines as they come', () => {
    const { progress, writes, pass } = setUp(isTTY, { env });
    progress.taskStarted('sbom');
    progress.line('sbom', '\x1b[31m42\tcomponents\x1b[0m');
    pass(65_000);
    progress.taskEnded(record('sbom', 'Succeeded'));
    progress.taskEnded(record('sign', 'Failed', { message: 'step sign exited with 20' }));
    progress.taskEnded(record('late', 'Skipped', { reason: 'PipelineRun was stopping' }));
    progress.notice('cancelling');
    progress.close();
    expect(writes.join('')).toBe(
      '[sbom] started\n[sbom] 42  components\n[sbom] succeeded after 1m05s\n[sign] failed: step sign exited with 20\n[late] skipped: PipelineRun was stopping\ncancelling\n',
    );
  });
});

it('holds plain lines back, too, and keeps their order', () => {
  const { progress, writes } = setUp(false);
  const release = progress.hold();
  progress.taskStarted('sbom');
  progress.line('sbom', 'reading');
  expect(writes).toEqual([]);
  release();
  progress.notice('done');
  expect(writes.join('')).toBe('[sbom] started\n[sbom] reading\ndone\n');
});

it.each([
  [0, '0.0s'],
  [-5, '0.0s'],
  [9_990, '9.9s'],
  [59_999, '59s'],
  [60_000, '1m00s'],
  [3_725_000, '1h02m'],
])('formatElapsed(%i) is %s', (milliseconds, text) => {
  expect(formatElapsed(milliseconds)).toBe(text);
});

it("cleanLine keeps people's letters", () => {
  expect(cleanLine('✓ größe 漢字 👍 a\tb')).toBe('✓ größe 漢字 👍 a  b');
});
