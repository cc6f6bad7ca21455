// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { createLogger, type LogFormat, type Logger, oneLine, silentLogger } from './log.ts';
import { registerSecret } from './redact.ts';

const NOW = new Date('2026-08-15T12:00:00Z');

function record(format: LogFormat): { log: Logger; lines: string[] } {
  const lines: string[] = [];
  return { lines, log: createLogger({ write: (line) => lines.push(line), format, now: () => NOW }) };
}

describe('text', () => {
  it.each([
    ['info', 'attached\n'],
    ['warn', 'warn: attached\n'],
    ['error', 'error: attached\n'],
  ] as const)('%s', (level, wanted) => {
    const { log, lines } = record('text');
    log[level]('attached');
    expect(lines).toEqual([wanted]);
  });

  it('shows fields behind the message, absent ones not', () => {
    const { log, lines } = record('text');
    log.info('attached', { type: 'sbom', size: 0, done: false, index: undefined });
    log.progress('half way');
    expect(lines).toEqual(['attached type=sbom size=0 done=false\n', 'half way\n']);
  });

  it.each(['a\nerror: forged', 'a\r\nerror: forged', 'a\rerror: forged', '\u001b[2Kerror: forged', 'a\u0085b', 'a\u0000b', 'a\u007fb'])(
    'makes one line without control characters of %j',
    (text) => {
      const { log, lines } = record('text');
      log.info(text, { field: text });
      expect(lines).toHaveLength(1);
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what must not be there
      expect(lines[0]).toMatch(/^[^\u0000-\u001f\u007f-\u009f]+\n$/);
      expect(lines[0]).not.toMatch(/^error: /);
    },
  );
});

describe('json', () => {
  it('gives an object a line', () => {
    const { log, lines } = record('json');
    log.warn('a\n"b"', { size: 1, absent: undefined, done: true });
    expect(lines).toHaveLength(1);
    expect(lines[0]).toMatch(/^[^\n]*\n$/);
    expect(JSON.parse(lines[0] ?? '')).toEqual({ time: '2026-08-15T12:00:00.000Z', level: 'warn', message: 'a\n"b"', size: 1, done: true });
  });
});

describe.each(['text', 'json'] as const)('secrets in %s', (format) => {
  it.each([['plain-secret'], ['with "quotes" and \\backslash'], ['first line\nsecond line'], ['tab\tand \u001b escape'], ['schlüssel 🔑']])(
    'hides %j',
    (secret) => {
      registerSecret(secret);
      const { log, lines } = record(format);
      log.error(`login ${secret} failed`, { value: secret, json: JSON.stringify({ password: secret }), basic: Buffer.from(secret).toString('base64') });
      const line = lines.join('');
      expect(line).toContain('***');
      for (const part of secret.split(/[\n\t"]/).filter((text) => text.length > 5)) expect(line).not.toContain(part);
      expect(line).not.toContain(Buffer.from(secret).toString('base64'));
    },
  );
});

it('silentLogger takes everything', () => {
  for (const level of ['info', 'warn', 'error', 'progress'] as const) expect(silentLogger[level]('x')).toBeUndefined();
});

it('oneLine leaves ordinary text alone', () => {
  expect(oneLine('grün – 100 % "ok"')).toBe('grün – 100 % "ok"');
});
