// SPDX-License-Identifier: Apache-2.0
import { stripVTControlCharacters } from 'node:util';
import type { TaskRecord } from './run-document.ts';

/** Who is told what happens in a run while it happens. */
export type Reporter = {
  taskStarted(task: string): void;
  /** A line that a step wrote, as it wrote it; a reporter cleans it before it reaches a terminal. */
  line(task: string, text: string): void;
  taskEnded(record: TaskRecord): void;
  notice(text: string): void;
};

/** A reporter that says nothing, for callers that only want the document. */
export const SILENT: Reporter = { taskStarted: () => {}, line: () => {}, taskEnded: () => {}, notice: () => {} };

/**
 * A step's line made safe for a terminal: no escape sequences, control characters or bidirectional overrides, which could hide or forge what
 * other tasks print. Tabs become spaces.
 */
export function cleanLine(text: string): string {
  return stripVTControlCharacters(text)
    .replaceAll('\t', '  ')
    .replace(/[\p{Cc}\p{Zl}\p{Zp}\u202A-\u202E\u2066-\u2069]/gu, '');
}

/** Elapsed time as people say it: `0.4s`, `12s`, `3m05s`, `1h02m`. */
export function formatElapsed(milliseconds: number): string {
  const seconds = Math.max(0, milliseconds) / 1000;
  if (seconds < 10) return `${(Math.floor(seconds * 10) / 10).toFixed(1)}s`;
  const whole = Math.floor(seconds);
  if (whole < 60) return `${whole}s`;
  const minutes = Math.floor(whole / 60);
  if (minutes < 60) return `${minutes}m${String(whole % 60).padStart(2, '0')}s`;
  return `${Math.floor(minutes / 60)}h${String(minutes % 60).padStart(2, '0')}m`;
}
