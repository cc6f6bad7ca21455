// SPDX-License-Identifier: Apache-2.0
import { type Finding, judgeMutated, redBaseline, type TestRun } from './judge-run.ts';
import { assertReadable, type Mutant, mutate } from './mutant.ts';

export type Outcome = { mutant: Mutant; finding: Finding; seconds: number };

export type CampaignDeps = {
  /** The copy's folder, as vitest names it in reports. */
  root: string;
  read(file: string): Promise<string>;
  write(file: string, text: string): Promise<void>;
  runTests(files: readonly string[], options: { peers: Mutant['peers']; bail: boolean }): Promise<TestRun>;
  log(line: string): void;
  /** Milliseconds on any clock. */
  now(): number;
};

/**
 * Makes one mutation after the other, runs its tests and puts the text back. Before that all tests have to be green without a mutation, once for those with Node alone and
 * once for each suite with peers. Throws an Error when they are not, or when a mutant is stale.
 */
export async function runCampaign(mutants: readonly Mutant[], deps: CampaignDeps): Promise<Outcome[]> {
  for (const [peers, group] of Map.groupBy(mutants, (mutant) => mutant.peers)) await assertGreen(peers, group, deps);
  const outcomes: Outcome[] = [];
  for (const [index, mutant] of mutants.entries()) {
    const started = deps.now();
    const finding = await tryMutant(mutant, deps);
    const seconds = (deps.now() - started) / 1000;
    outcomes.push({ mutant, finding, seconds });
    deps.log(`[${index + 1}/${mutants.length}] ${describeFinding(mutant, finding)} (${seconds.toFixed(1)} s)`);
  }
  return outcomes;
}

async function assertGreen(peers: Mutant['peers'], mutants: readonly Mutant[], { root, runTests, log, now }: CampaignDeps): Promise<void> {
  const files = [...new Set(mutants.flatMap(({ tests }) => tests))];
  log(`without a mutation: ${files.length} test files${peers === undefined ? '' : ` of test/${peers}, with its real peers`} …`);
  const started = now();
  const problem = redBaseline(await runTests(files, { peers, bail: false }), root, files);
  if (problem !== undefined) throw new Error(`the tests are not green without a mutation, so they can show nothing: ${problem}`);
  log(`without a mutation: green (${((now() - started) / 1000).toFixed(1)} s)`);
}

async function tryMutant(mutant: Mutant, { read, write, runTests }: CampaignDeps): Promise<Finding> {
  const original = await read(mutant.file);
  const mutated = mutate(mutant, original);
  try {
    await assertReadable(mutant.file, mutated);
  } catch (error) {
    return { kind: 'broken', why: `the mutated file cannot be read: ${error instanceof Error ? error.message : error}` };
  }
  try {
    await write(mutant.file, mutated);
    return judgeMutated(await runTests(mutant.tests, { peers: mutant.peers, bail: true }));
  } finally {
    await write(mutant.file, original);
  }
}

function describeFinding({ id }: Mutant, finding: Finding): string {
  if (finding.kind === 'caught') return `caught    ${id}: ${finding.by}`;
  return finding.kind === 'survived' ? `SURVIVED  ${id}` : `BROKEN    ${id}: ${finding.why}`;
}
