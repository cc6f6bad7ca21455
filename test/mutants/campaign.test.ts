// SPDX-License-Identifier: Apache-2.0
import { expect, test } from 'vitest';
import { type CampaignDeps, runCampaign } from './campaign.ts';
import type { TestRun } from './judge-run.ts';
import type { Mutant } from './mutant.ts';
import { listing, outcomeTable, survivorText } from './result-text.ts';

const SOURCE = 'export const limit = 10;\nexport const sum = (a: number, b: number) => a + b;\n';
const sum: Mutant = { id: 'wrong-sum', file: 'sum.ts', find: 'a + b', replace: 'a - b', gain: 'Wrong sums.', tests: ['sum.test.ts'] };
const limit: Mutant = { id: 'no-limit', file: 'sum.ts', find: 'limit = 10', replace: 'limit = 1e9', gain: 'No limit.', tests: ['sum.test.ts'] };
const torn: Mutant = { id: 'torn', file: 'sum.ts', find: 'a + b', replace: 'a +', gain: 'Nothing.', tests: ['sum.test.ts'] };

/** A project of one file, with a test that knows sums and nothing else. `asked` is what was run: with the text at that moment. */
function project(more: Partial<CampaignDeps> = {}) {
  const files = new Map([['sum.ts', SOURCE]]);
  const asked: { files: readonly string[]; bail: boolean; peers: string | undefined; text: string | undefined }[] = [];
  const lines: string[] = [];
  let clock = 0;
  const deps: CampaignDeps = {
    root: '/copy',
    read: async (file) => files.get(file) ?? '',
    write: async (file, text) => void files.set(file, text),
    async runTests(names, { bail, peers }): Promise<TestRun> {
      const text = files.get('sum.ts');
      asked.push({ files: names, bail, peers, text });
      const status = text?.includes('a + b') ? 'passed' : 'failed';
      const assertionResults = [{ status, fullName: 'sums', failureMessages: ['AssertionError: no'] }];
      const testResults = names.map((name) => ({ name: `/copy/${name}`, status, message: '', assertionResults }));
      return { code: status === 'passed' ? 0 : 1, timedOut: false, report: { testResults }, output: '' };
    },
    log: (line) => lines.push(line),
    now: () => {
      clock += 500;
      return clock;
    },
    ...more,
  };
  return { deps, files, asked, lines };
}

test('each mutant is judged by its own tests on its own change, and the file is put back', async () => {
  const { deps, files, asked, lines } = project();
  const outcomes = await runCampaign([sum, limit], deps);
  expect(outcomes.map(({ mutant, finding }) => [mutant.id, finding.kind])).toEqual([
    ['wrong-sum', 'caught'],
    ['no-limit', 'survived'],
  ]);
  expect(asked.map(({ text }) => text)).toEqual([SOURCE, SOURCE.replace('a + b', 'a - b'), SOURCE.replace('limit = 10', 'limit = 1e9')]);
  expect(asked.map(({ bail }) => bail)).toEqual([false, true, true]);
  expect(files.get('sum.ts')).toBe(SOURCE);
  expect(lines).toEqual([
    'without a mutation: 1 test files …',
    'without a mutation: green (0.5 s)',
    '[1/2] caught    wrong-sum: sums (0.5 s)',
    '[2/2] SURVIVED  no-limit (0.5 s)',
  ]);
});

test('tests with peers are tried without a mutation for themselves', async () => {
  const { deps, asked } = project();
  await runCampaign([sum, { ...sum, id: 'with-peers', tests: ['test/gate/sum.test.ts'], peers: 'gate' }], deps);
  expect(asked.map(({ peers, files }) => [peers, files.join()])).toEqual([
    [undefined, 'sum.test.ts'],
    ['gate', 'test/gate/sum.test.ts'],
    [undefined, 'sum.test.ts'],
    ['gate', 'test/gate/sum.test.ts'],
  ]);
});

test('tests that are red already end it before anything is mutated', async () => {
  const { deps, asked, files } = project();
  files.set('sum.ts', SOURCE.replace('a + b', 'a * b'));
  await expect(runCampaign([sum], deps)).rejects.toThrow('not green without a mutation, so they can show nothing: sum.test.ts: sums');
  expect(asked).toHaveLength(1);
});

test('a stale mutant ends it, by its name', async () => {
  const { deps } = project();
  await expect(runCampaign([{ ...limit, find: 'limit = 11' }], deps)).rejects.toThrow('mutant no-limit is stale');
});

test('a change that leaves no program is broken and not run', async () => {
  const { deps, asked, files } = project();
  const [outcome] = await runCampaign([torn], deps);
  expect(outcome?.finding).toEqual({ kind: 'broken', why: expect.stringContaining('the mutated file cannot be read') });
  expect(asked).toHaveLength(1);
  expect(files.get('sum.ts')).toBe(SOURCE);
});

test('the file is put back also when running tests throws', async () => {
  const { deps, files } = project();
  const runTests: CampaignDeps['runTests'] = async (names, options) => {
    if (files.get('sum.ts') !== SOURCE) throw new Error('stopped by SIGINT');
    return deps.runTests(names, options);
  };
  await expect(runCampaign([sum], { ...deps, runTests })).rejects.toThrow('stopped by SIGINT');
  expect(files.get('sum.ts')).toBe(SOURCE);
});

test('survivors are shown with what they would mean and as a diff', async () => {
  const { deps } = project();
  const outcomes = await runCampaign([sum, limit], deps);
  expect(outcomeTable(outcomes).split('\n')).toEqual(['mutant        time  caught by', 'wrong-sum    0.5 s  sums', 'no-limit     0.5 s  SURVIVED']);
  expect(survivorText(limit, SOURCE)).toBe(
    [
      'no-limit survived sum.test.ts',
      'it would mean: No limit.',
      '--- a/sum.ts',
      '+++ b/sum.ts',
      '@@ -1,2 +1,2 @@',
      '-export const limit = 10;',
      '+export const limit = 1e9;',
      ' export const sum = (a: number, b: number) => a + b;',
    ].join('\n'),
  );
  expect(listing([{ ...sum, peers: 'gate' }])).toBe('wrong-sum (needs the peers of test/gate)\n  sum.ts\n  Wrong sums.\n  sum.test.ts');
});
