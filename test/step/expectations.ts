// SPDX-License-Identifier: Apache-2.0
import { expect } from 'vitest';
import { type ErrorKind, EXIT_CODE } from '../../lib/errors/errors.ts';
import { PASSWORD } from './light-key.ts';
import type { StepEnd } from './spawn-step.ts';

const MAX_LINES = 20;
export const REGISTRY_PASSWORD = 'pale-otter-4417';
const SECRETS = [PASSWORD, REGISTRY_PASSWORD, '-----BEGIN'].flatMap((secret) => [secret, Buffer.from(secret).toString('base64').replace(/=+$/, '')]);

/** The step succeeded, said what it spoke about, and was quiet about it. */
export function expectDone(end: StepEnd, subject: string): void {
  expect(end.stderr, end.stderr).not.toMatch(/^(error|warn): /m);
  expect(end).toMatchObject({ code: EXIT_CODE.ok, stdout: '', results: { subject, outcome: 'ok' } });
  expect(end.stderr.trimEnd().split('\n').length).toBeLessThanOrEqual(MAX_LINES);
  expectNoSecrets(end);
}

/** The step failed with this code and kind, its message names the object, there is a hint, and the results say so. */
export function expectFailed(end: StepEnd, failure: { kind: ErrorKind; code: string; names: RegExp | string; subject: string }): void {
  expect(end.stderr).toContain(` code=${failure.code}\n`);
  const explained = end.stderr.split('\n').filter((line) => line.startsWith('error: '));
  const [message] = explained;
  if (typeof failure.names === 'string') expect(explained.join('\n')).toContain(failure.names);
  else expect(explained.join('\n')).toMatch(failure.names);
  expect(message?.length, message).toBeLessThan(1000);
  expect(explained.at(-1)).toMatch(/^error: hint: .{10,}/);
  expect(end.code).toBe(EXIT_CODE[failure.kind]);
  expect(end.results).toMatchObject({ subject: failure.subject, outcome: failure.kind });
  expect(end.stderr).not.toMatch(/^\s+at .*:\d+/m);
  expectNoSecrets(end);
}

/** No secret that a step was given, nor its base64 form, in what it said or gave. */
export function expectNoSecrets(end: StepEnd): void {
  const said = [end.stdout, end.stderr, ...Object.values(end.results)].join('\n');
  for (const secret of SECRETS) expect(said).not.toContain(secret);
}
