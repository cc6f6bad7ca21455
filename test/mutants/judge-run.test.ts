// SPDX-License-Identifier: Apache-2.0
import { describe, expect, test } from 'vitest';
import { judgeMutated, type Report, redBaseline, type TestRun } from './judge-run.ts';

type Result = Report['testResults'][number]['assertionResults'][number];

const passed: Result = { status: 'passed', fullName: 'adds' };
const skipped: Result = { status: 'skipped', fullName: 'divides' };
const failed = (message: string): Result => ({ status: 'failed', fullName: 'subtracts', failureMessages: [message] });
const assertion = failed('AssertionError: expected 3 to be 1\n    at x');

function ran(tests: Result[], more: Partial<TestRun> & { message?: string } = {}): TestRun {
  const status = more.message !== undefined || tests.some((one) => one.status === 'failed') ? 'failed' : 'passed';
  const report = { testResults: [{ name: '/copy/a.test.ts', status, message: more.message ?? '', assertionResults: tests }] };
  return { code: status === 'failed' ? 1 : 0, timedOut: false, report, output: 'the end', ...more };
}

describe('a run with a mutation', () => {
  test('is caught by the first test that failed', () => {
    expect(judgeMutated(ran([passed, assertion, skipped]))).toEqual({ kind: 'caught', by: 'subtracts' });
    expect(judgeMutated(ran([failed('Error: Test timed out in 5000ms.')]))).toMatchObject({ kind: 'caught' });
    expect(judgeMutated(ran([failed('ReferenceError: a is not defined'), assertion]))).toMatchObject({ kind: 'caught' });
  });

  test('is survived when all is green', () => {
    expect(judgeMutated(ran([passed, skipped]))).toEqual({ kind: 'survived' });
  });

  test.each<[string, TestRun, string]>([
    ['ran into the limit', ran([assertion], { timedOut: true, code: null }), 'did not end in time'],
    ['gave no report', { ...ran([]), report: undefined, code: 1 }, 'no report (exit code 1): the end'],
    ['could not load a file', ran([], { message: 'SyntaxError: Unexpected token\n at x' }), '/copy/a.test.ts could not run: SyntaxError: Unexpected token'],
    ['failed in a hook', ran([skipped], { message: 'Error: no bundle' }), 'could not run: Error: no bundle'],
    ['left a name undefined', ran([failed('ReferenceError: a is not defined\n at x')]), 'subtracts: ReferenceError: a is not defined'],
    ['failed without a failed test', ran([passed], { code: 1 }), 'exit code 1 and no failed test: the end'],
    ['was killed', ran([passed], { code: null }), 'exit code null'],
  ])('is broken, not caught, when it %s', (_what, run, why) => {
    expect(judgeMutated(run)).toEqual({ kind: 'broken', why: expect.stringContaining(why) });
  });
});

describe('a run without a mutation', () => {
  const verdict = (run: TestRun, files = ['a.test.ts']): string | undefined => redBaseline(run, '/copy', files);

  test('has to be green', () => {
    expect(verdict(ran([passed, skipped]))).toBeUndefined();
  });

  test.each<[string, TestRun, string]>([
    ['a failed test', ran([passed, assertion]), 'a.test.ts: subtracts: AssertionError: expected 3 to be 1'],
    ['no test at all', ran([]), 'a.test.ts ran no test'],
    ['nothing but skipped tests', ran([skipped]), 'a.test.ts ran no test'],
    ['a file that does not load', ran([], { message: 'Error: no module' }), 'a.test.ts ran no test: Error: no module'],
    ['a hook that fails afterwards', ran([passed], { message: 'Error: still open' }), 'a.test.ts: Error: still open'],
    ['an error outside of tests', ran([passed], { code: 1 }), 'exit code 1: the end'],
    ['no report', { ...ran([]), report: undefined }, 'no report'],
    ['the time limit', ran([passed], { timedOut: true }), 'did not end in time'],
  ])('does not do with %s', (_what, run, problem) => {
    expect(verdict(run)).toContain(problem);
  });

  test('does not do when one of the files is not in the report', () => {
    expect(verdict(ran([passed]), ['a.test.ts', 'b.test.ts'])).toContain('b.test.ts ran no test');
  });
});
