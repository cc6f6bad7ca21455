// SPDX-License-Identifier: Apache-2.0
import { scrub } from './redact.ts';

export type LogFields = Record<string, string | number | boolean | undefined>;

/** One line an event, to people (text) or machines (json). `progress` is for work that takes more than two seconds and may be dropped. */
export type Logger = {
  info(message: string, fields?: LogFields): void;
  warn(message: string, fields?: LogFields): void;
  error(message: string, fields?: LogFields): void;
  progress(message: string): void;
};

export type LogFormat = 'text' | 'json';

/** A logger that says nothing. */
export const silentLogger: Logger = { info() {}, warn() {}, error() {}, progress() {} };

/** A logger that writes scrubbed lines through `write`; a line break inside a message or value is shown as `\n`, so that foreign text cannot forge a line. */
export function createLogger(options: { write: (line: string) => void; format: LogFormat; now: () => Date }): Logger {
  const emit = (level: string, message: string, fields: LogFields = {}): void => {
    // Before the line is put together, since line breaks and quotes of a secret look different in it.
    const said = scrub(message);
    const shown = Object.fromEntries(Object.entries(fields).map(([key, value]) => [key, typeof value === 'string' ? scrub(value) : value]));
    options.write(`${options.format === 'json' ? jsonLine(options.now(), level, said, shown) : textLine(level, said, shown)}\n`);
  };
  return {
    info: (message, fields) => emit('info', message, fields),
    warn: (message, fields) => emit('warn', message, fields),
    error: (message, fields) => emit('error', message, fields),
    progress: (message) => emit('info', message),
  };
}

function jsonLine(now: Date, level: string, message: string, fields: LogFields): string {
  return JSON.stringify({ time: now.toISOString(), level, message, ...fields });
}

function textLine(level: string, message: string, fields: LogFields): string {
  const pairs = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([key, value]) => ` ${key}=${oneLine(String(value))}`);
  return `${level === 'info' ? '' : `${level}: `}${oneLine(message)}${pairs.join('')}`;
}

/** The text on one line without control characters, so that it can stand in a log. */
export function oneLine(text: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is removed
  return text.replace(/\r?\n/g, '\\n').replace(/[\u0000-\u001f\u007f-\u009f]/g, '?');
}
