// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { afterEach, describe, expect, test, vi } from 'vitest';
import { deniedError, EXIT_CODE, inputError } from '../errors/errors.ts';
import { tellFailure } from './tell-failure.ts';

const before = process.exitCode;
const said = vi.spyOn(console, 'error').mockImplementation(() => undefined);
afterEach(() => {
  process.exitCode = before;
  said.mockClear();
});

const lines = (): string[] => said.mock.calls.map(([line]) => String(line));

describe('tellFailure', () => {
  test('message, hint and the causes, with the exit code of the kind', () => {
    tellFailure(deniedError('SIGNER_UNKNOWN', 'nobody signed app', { hint: 'sign it', cause: new Error('outer', { cause: new Error('inner') }) }));
    expect(lines()).toEqual(['error: nobody signed app\nhint: sign it', 'because: outer', 'because: inner']);
    expect(process.exitCode).toBe(EXIT_CODE.denied);
  });

  test('causes without end are told a few times', () => {
    const endless = new Error('again');
    endless.cause = endless;
    tellFailure(inputError('USAGE', 'no', { cause: endless }));
    expect(lines().filter((line) => line === 'because: again')).toHaveLength(5);
  });

  test('what is no StepError is a bug, with its stack', () => {
    tellFailure(new TypeError('x is not a function'));
    expect(lines().at(-1)).toContain('tell-failure.test.ts');
    expect(process.exitCode).toBe(EXIT_CODE.bug);
  });
});
