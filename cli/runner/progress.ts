// SPDX-License-Identifier: Apache-2.0
import { cleanLine, formatElapsed, type Reporter } from './reporter.ts';
import type { TaskRecord } from './run-document.ts';

/** The part of `process.stderr` that progress needs. */
export type ProgressStream = { write(text: string): unknown; isTTY?: boolean; columns?: number };
export type ProgressOptions = {
  stream: ProgressStream;
  now: () => Date;
  /** The task names of the run, for columns that line up. */
  tasks: readonly string[];
  env: Readonly<Record<string, string | undefined>>;
  /** Show every line of every task when it ends, not only the last ones of a failed one. */
  verbose?: boolean;
  /** Tasks of which every line is shown anyway: what they say is meant for people. */
  spokesmen?: ReadonlySet<string>;
  /** Milliseconds between redraws of the running tasks. */
  interval?: number;
};
/** `hold` leaves the terminal to somebody else until the function that it gives is called; what happens meanwhile is shown then. */
export type Progress = Reporter & { hold(): () => void; close(): void };

const MARK = { Succeeded: '✓', Failed: '✗', Cancelled: '✗', Skipped: '–', Running: '·' } as const;
const COLOR = { Succeeded: 32, Failed: 31, Cancelled: 33, Skipped: 2, Running: 36 } as const;
/** Lines kept of a task for its end; a task's whole story is its step's job, not the terminal's. */
const KEPT_LINES = 20;
const KEPT_VERBOSE = 2000;

/**
 * Progress of a run for people.
 *
 * On a terminal: one line per running task with elapsed time and its last message, redrawn in place; a finished task becomes one line for good,
 * with its last lines indented under it when it failed (all of them when verbose), so that parallel tasks never interleave. Elsewhere: plain
 * `[task] line` as it comes. Colour only on a terminal, and not with NO_COLOR (no-color.org) or TERM=dumb.
 */
export function createProgress(options: ProgressOptions): Progress {
  return options.stream.isTTY === true && options.env['TERM'] !== 'dumb' ? liveProgress(options) : plainProgress(options);
}

function plainProgress({ stream, now }: ProgressOptions): Progress {
  const started = new Map<string, number>();
  const kept: string[] = [];
  let holders = 0;
  function show(text: string): void {
    if (holders > 0) kept.push(text);
    else stream.write(`${text}\n`);
  }
  function release(): void {
    holders -= 1;
    if (holders === 0) for (const text of kept.splice(0)) show(text);
  }
  return {
    taskStarted(task) {
      started.set(task, now().getTime());
      show(`[${task}] started`);
    },
    line: (task, text) => show(`[${task}] ${cleanLine(text)}`),
    taskEnded(record) {
      show(`[${record.name}] ${summary(record, elapsedOf(started.get(record.name), now))}`);
    },
    notice: show,
    hold() {
      holders += 1;
      return release;
    },
    close() {},
  };
}

type LiveTask = { since: number; lines: string[]; dropped: number };

function liveProgress({ stream, now, tasks, env, verbose = false, spokesmen = new Set(), interval = 1000 }: ProgressOptions): Progress {
  const running = new Map<string, LiveTask>();
  const width = Math.max(0, ...tasks.map((name) => name.length));
  const colored = env['NO_COLOR'] === undefined || env['NO_COLOR'] === '';
  const paint = (code: number, text: string) => (colored ? `\x1b[${code}m${text}\x1b[0m` : text);
  const kept: string[] = [];
  let holders = 0;
  let drawn = 0;
  let timer: NodeJS.Timeout | undefined;

  /** Writes lines that stay above the redrawn ones: one write, so that a terminal never shows the state between. */
  function show(lasting: readonly string[] = []): void {
    if (holders > 0) {
      kept.push(...lasting);
      return;
    }
    draw(lasting);
  }

  function draw(lasting: readonly string[], shown: typeof running = running): void {
    const columns = stream.columns || 80;
    const live = [...shown].map(([name, { since, lines }]) => {
      const elapsed = formatElapsed(now().getTime() - since).padStart(6);
      return paint(COLOR.Running, truncate(`${MARK.Running} ${name.padEnd(width)} ${elapsed}  ${lines.at(-1) ?? ''}`, columns - 1));
    });
    const erase = drawn > 0 ? `\x1b[${drawn}A\x1b[0J` : '';
    drawn = live.length;
    const text = erase + [...lasting, ...live].map((line) => `${line}\n`).join('');
    if (text !== '') stream.write(text);
  }

  function release(): void {
    holders -= 1;
    if (holders === 0) show(kept.splice(0));
  }

  return {
    taskStarted(task) {
      running.set(task, { since: now().getTime(), lines: [], dropped: 0 });
      timer ??= setInterval(show, interval).unref();
      show();
    },
    line(task, text) {
      const live = running.get(task);
      const clean = cleanLine(text);
      if (live === undefined || clean.trim() === '') return;
      live.lines.push(clean);
      if (live.lines.length <= (verbose || spokesmen.has(task) ? KEPT_VERBOSE : KEPT_LINES)) return;
      live.lines.shift();
      live.dropped += 1;
    },
    taskEnded(record) {
      const live = running.get(record.name);
      running.delete(record.name);
      const elapsed = elapsedOf(live?.since, now);
      const { state } = record;
      const last = state === 'Succeeded' ? (live?.lines.at(-1) ?? '') : why(record);
      const head = `${paint(COLOR[state], `${MARK[state]} ${record.name.padEnd(width)} ${elapsed.padStart(6)}`)}  ${last}`.trimEnd();
      show([head, ...(verbose || state === 'Failed' || spokesmen.has(record.name) ? detail(live, paint) : [])]);
    },
    notice: (text) => show([paint(33, text)]),
    hold() {
      if (holders === 0) draw([], new Map());
      holders += 1;
      return release;
    },
    close() {
      clearInterval(timer);
      running.clear();
      draw(kept.splice(0));
    },
  };
}

function detail(live: LiveTask | undefined, paint: (code: number, text: string) => string): string[] {
  if (live === undefined) return [];
  const dropped = live.dropped > 0 ? [`… ${live.dropped} earlier lines`] : [];
  return [...dropped, ...live.lines].map((line) => paint(2, `    ${line}`));
}

function summary(record: TaskRecord, elapsed: string): string {
  const text = `${record.state.toLowerCase()}${elapsed && ` after ${elapsed}`}`;
  return record.state === 'Succeeded' ? text : `${text}: ${why(record)}`;
}

function why({ reason, message }: TaskRecord): string {
  return cleanLine((message ?? reason).replaceAll('\n', '; '));
}

function elapsedOf(since: number | undefined, now: () => Date): string {
  return since === undefined ? '' : formatElapsed(now().getTime() - since);
}

/** Cut to a number of columns. Anything outside ASCII counts as two, which is right for the widest and keeps every line on one row. */
function truncate(text: string, columns: number): string {
  let used = 0;
  let cut = '';
  for (const character of text) {
    used += character > '~' ? 2 : 1;
    if (used > columns) return `${cut.trimEnd()}`;
    cut += character;
  }
  return cut;
}
