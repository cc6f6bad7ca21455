// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

/** What vitest's JSON reporter says, as far as it is needed here. */
export const Report = z.object({
  testResults: z.array(
    z.object({
      name: z.string(),
      status: z.string(),
      message: z.string().nullish(),
      assertionResults: z.array(z.object({ status: z.string(), fullName: z.string(), failureMessages: z.array(z.string()).nullish() })),
    }),
  ),
});
export type Report = z.infer<typeof Report>;

/** How a run of vitest ended; without a report it did not get to running tests. `output` is the end of what it printed. */
export type TestRun = { code: number | null; timedOut: boolean; report: Report | undefined; output: string };

/** `broken` is neither: the tests could not be run, so nothing is known. */
export type Finding = { kind: 'caught'; by: string } | { kind: 'survived' } | { kind: 'broken'; why: string };

/** A change that leaves a name undefined fails every test, and shows nothing about any of them. */
const NOT_AN_ANSWER = /^(SyntaxError|ReferenceError)\b/;

/** Whether a test failed because of what the product did. Files that do not load, hooks that fail and runs that end early are broken, not caught. */
export function judgeMutated(run: TestRun): Finding {
  if (run.timedOut) return { kind: 'broken', why: 'the tests did not end in time' };
  if (!run.report) return { kind: 'broken', why: `vitest gave no report (exit code ${run.code}): ${run.output}` };
  const failed = run.report.testResults.flatMap(({ assertionResults }) => assertionResults).filter(({ status }) => status === 'failed');
  const answer = failed.find(({ failureMessages }) => (failureMessages ?? []).some((message) => !NOT_AN_ANSWER.test(message)));
  if (answer) return { kind: 'caught', by: answer.fullName };
  const [first] = failed;
  if (first) return { kind: 'broken', why: `${first.fullName}: ${firstLine(first.failureMessages?.[0])}` };
  const unloaded = run.report.testResults.find(({ status }) => status === 'failed');
  if (unloaded) return { kind: 'broken', why: `${unloaded.name} could not run: ${firstLine(unloaded.message)}` };
  return run.code === 0 ? { kind: 'survived' } : { kind: 'broken', why: `vitest ended with exit code ${run.code} and no failed test: ${run.output}` };
}

/** Why the unmutated tests cannot be relied on, undefined when each of the files ran and is green. `files` are below `root`. */
export function redBaseline(run: TestRun, root: string, files: readonly string[]): string | undefined {
  if (run.timedOut) return 'the tests did not end in time';
  if (!run.report) return `vitest gave no report (exit code ${run.code}): ${run.output}`;
  const results = new Map(run.report.testResults.map((result) => [result.name, result]));
  for (const file of files) {
    const result = results.get(`${root}/${file}`);
    const red = result?.assertionResults.find(({ status }) => status === 'failed');
    if (red) return `${file}: ${red.fullName}: ${firstLine(red.failureMessages?.[0])}`;
    if (!result?.assertionResults.some(({ status }) => status === 'passed')) return `${file} ran no test: ${firstLine(result?.message)}`;
    if (result.status === 'failed') return `${file}: ${firstLine(result.message)}`;
  }
  return run.code === 0 ? undefined : `vitest ended with exit code ${run.code}: ${run.output}`;
}

function firstLine(text: string | null | undefined): string {
  return (text ?? '').split('\n', 1)[0]?.slice(0, 300) || 'no reason given';
}
