// SPDX-License-Identifier: Apache-2.0
import { describe, expect, it } from 'vitest';
import { asStepError, bugError, deniedError, EXIT_CODE, inputError, refusedError, StepError, transientError } from './errors.ts';

describe('errors', () => {
  it.each([
    [deniedError, 'denied', 20],
    [inputError, 'input', 64],
    [bugError, 'bug', 70],
    [transientError, 'transient', 75],
    [refusedError, 'refused', 77],
  ] as const)('%o makes an error of kind %s, exit code %i', (make, kind, exitCode) => {
    const cause = new Error('root');
    const error = make('SOME_CODE', 'the thing failed', { hint: 'change it', cause });
    expect(error).toBeInstanceOf(StepError);
    expect({ ...error }).toMatchObject({ kind, code: 'SOME_CODE', hint: 'change it', name: 'StepError' });
    expect([error.message, error.cause]).toEqual(['the thing failed', cause]);
    expect(EXIT_CODE[error.kind]).toBe(exitCode);
  });

  it('has no two outcomes with one exit code, and only ok is 0', () => {
    const codes = Object.values(EXIT_CODE);
    expect(new Set(codes).size).toBe(codes.length);
    expect(Object.entries(EXIT_CODE).filter(([, code]) => code === 0)).toEqual([['ok', 0]]);
  });

  it('needs no details', () => {
    expect(inputError('SOME_CODE', 'message')).toMatchObject({ hint: undefined, cause: undefined });
  });
});

describe('asStepError', () => {
  it('keeps a StepError as it is', () => {
    const error = refusedError('REGISTRY_DENIED', 'no');
    expect(asStepError(error)).toBe(error);
  });

  it.each([
    [new TypeError('x is not a function'), 'x is not a function'],
    ['a string', 'a string'],
    [undefined, 'undefined'],
    [null, 'null'],
    [{ kind: 'denied', code: 'FAKE', message: 'not one of ours' }, '[object Object]'],
  ])('takes anything else for a bug and keeps it as cause: %o', (thrown, message) => {
    expect(asStepError(thrown)).toMatchObject({ kind: 'bug', code: 'UNEXPECTED', message, cause: thrown });
  });
});
