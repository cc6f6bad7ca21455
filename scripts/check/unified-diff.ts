// SPDX-License-Identifier: Apache-2.0

const CONTEXT = 3;

/**
 * How `after` differs from `before`, in the unified format and as one hunk from the first to the last line that differs; empty when they are equal.
 * A missing file is undefined.
 */
export function unifiedDiff(path: string, before: string | undefined, after: string | undefined): string {
  if (before === after) return '';
  const a = toLines(before);
  const b = toLines(after);
  let head = 0;
  while (head < a.length && head < b.length && a[head] === b[head]) head++;
  let tail = 0;
  while (tail < a.length - head && tail < b.length - head && a.at(-1 - tail) === b.at(-1 - tail)) tail++;
  const start = Math.max(0, head - CONTEXT);
  const leading = a.slice(start, head);
  const trailing = a.slice(a.length - tail, a.length - tail + CONTEXT);
  const removed = a.slice(head, a.length - tail);
  const added = b.slice(head, b.length - tail);
  const range = (count: number) => `${count === 0 ? start : start + 1},${count}`;
  const around = leading.length + trailing.length;
  return [
    `--- ${before === undefined ? '/dev/null' : `a/${path}`}`,
    `+++ ${after === undefined ? '/dev/null' : `b/${path}`}`,
    `@@ -${range(around + removed.length)} +${range(around + added.length)} @@`,
    ...leading.map((line) => ` ${line}`),
    ...removed.map((line) => `-${line}`),
    ...added.map((line) => `+${line}`),
    ...trailing.map((line) => ` ${line}`),
  ].join('\n');
}

/** A text without its last line break differs from the same text with it, as diff(1) says it. */
function toLines(text = ''): string[] {
  if (text === '') return [];
  const lines = text.split('\n');
  const last = lines.pop() ?? '';
  return last === '' ? lines : [...lines, `${last}\n\\ No newline at end of file`];
}
