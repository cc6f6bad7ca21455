// SPDX-License-Identifier: Apache-2.0
import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { STAGES, type Stage } from './stages.ts';

type Outcome = { name: string; passed: number; failed: number; seconds: number };

const work = mkdtempSync(join(tmpdir(), 'ci-'));
try {
  const outcomes = STAGES.map(runStage);
  for (const { name, passed, failed, seconds } of outcomes)
    console.log(`${failed > 0 ? 'FAIL' : 'ok  '} ${name.padEnd(10)} ${passed} passed, ${failed} failed, ${seconds.toFixed(0)} s`);
  const total = (key: 'passed' | 'failed'): number => outcomes.reduce((sum, outcome) => sum + outcome[key], 0);
  console.log(`\n${total('passed')} passed, ${total('failed')} failed`);
  process.exitCode = total('failed') > 0 ? 1 : 0;
} finally {
  rmSync(work, { recursive: true });
}

/** Runs a stage to its end; later stages run also after a failed one, so that one run shows all there is to mend. */
function runStage(stage: Stage): Outcome {
  console.log(`\n=== ${stage.name}: ${stage.command.join(' ')}`);
  const report = join(work, `${stage.name}.json`);
  const reporters = stage.countsTests ? ['--reporter=default', '--reporter=json', `--outputFile.json=${report}`] : [];
  const started = Date.now();
  const [program = '', ...args] = [...stage.command, ...reporters];
  const run = spawnSync(program, args, { stdio: 'inherit', timeout: stage.minutes * 60_000 });
  const seconds = (Date.now() - started) / 1000;
  const { passed, failed } = stage.countsTests ? readCounts(report) : { passed: run.status === 0 ? 1 : 0, failed: 0 };
  // A run that failed without a failed test (a crash, a time-out, a suite that skipped everything) is a failure of its own.
  return { name: stage.name, passed, failed: run.status !== 0 && failed === 0 ? 1 : failed, seconds };
}

function readCounts(report: string): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(report, 'utf8')) as { numPassedTests: number; numFailedTests: number };
    return numPassedTests > 0 ? { passed: numPassedTests, failed: numFailedTests } : { passed: 0, failed: numFailedTests + 1 };
  } catch {
    console.log('there is no test report: the stage counts as failed');
    return { passed: 0, failed: 1 };
  }
}
