// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, readFileSync, realpathSync, rmSync } from 'node:fs';
import { readFile, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { type Outcome, runCampaign } from './campaign.ts';
import { choose, USAGE } from './choose.ts';
import { type Mutant, staleness } from './mutant.ts';
import { buildBundles, copyProject, trackedFiles } from './project-copy.ts';
import { listing, outcomeTable, survivorText } from './result-text.ts';
import { runVitest } from './run-vitest.ts';
import { MUTANTS } from './table.ts';

const LIMIT_MS = 2 * 60_000;
/** The first run of a suite builds its peers. */
const PEERS_LIMIT_MS = 40 * 60_000;
const BASELINE_LIMIT_MS = 20 * 60_000;
const root = join(import.meta.dirname, '..', '..');
const stop = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.once(name, () => stop.abort(new Error(`stopped by ${name}`)));
try {
  process.exitCode = await main();
} catch (error) {
  console.error(`error: ${error instanceof Error ? error.message : error}`);
  process.exitCode = stop.signal.aborted ? 130 : 1;
}

async function main(): Promise<number> {
  if (process.argv.includes('--help')) {
    console.log(USAGE);
    return 0;
  }
  const { list, mutants } = choose(process.argv.slice(2), MUTANTS, Date.now());
  if (list) {
    console.log(listing(mutants));
    return 0;
  }
  const stale = mutants.flatMap((mutant) => staleness(mutant, original(mutant)) ?? []);
  if (stale.length > 0) throw new Error(`${stale.join('\n')}\nbring test/mutants/table up to date`);
  const outcomes = await inCopy(mutants);
  console.log(`\n${outcomeTable(outcomes)}`);
  const survivors = outcomes.filter(({ finding }) => finding.kind === 'survived');
  for (const { mutant } of survivors) console.log(`\n${survivorText(mutant, original(mutant))}`);
  const broken = outcomes.filter(({ finding }) => finding.kind === 'broken').length;
  console.log(`\n${outcomes.length} mutants: ${outcomes.length - survivors.length - broken} caught, ${survivors.length} survived, ${broken} broken`);
  return survivors.length + broken > 0 ? 1 : 0;
}

function original({ file }: Mutant): string {
  return readFileSync(join(root, file), 'utf8');
}

async function inCopy(mutants: readonly Mutant[]): Promise<Outcome[]> {
  // Real, because vitest names files by their real paths.
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'mutants-')));
  try {
    const [project, temporary] = [join(folder, 'project'), join(folder, 'tmp')];
    mkdirSync(temporary);
    await copyProject(root, trackedFiles(root), project);
    return await runCampaign(mutants, {
      root: project,
      read: (file) => readFile(join(project, file), 'utf8'),
      // Always written anew, because bundles are built again by the time of their sources.
      write: (file, text) => writeFile(join(project, file), text),
      runTests: async (files, { peers, bail }) => {
        const unbuilt = files.some((file) => file.startsWith('test/step/')) ? await buildBundles(project) : undefined;
        if (unbuilt !== undefined) return { code: null, timedOut: false, report: undefined, output: unbuilt };
        const suite = peers === undefined ? undefined : `test/${peers}`;
        const limitMs = peers !== undefined ? PEERS_LIMIT_MS : bail ? LIMIT_MS : BASELINE_LIMIT_MS;
        return runVitest({ project, temporary, files, suite, bail, limitMs, signal: stop.signal });
      },
      log: (line) => console.log(line),
      now: () => performance.now(),
    });
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 3 });
  }
}
