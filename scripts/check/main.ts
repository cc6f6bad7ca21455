// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { StepError } from '../../lib/errors/errors.ts';
import { CATALOG_RULES } from './catalog-rules.ts';
import { CHECKS, type Check } from './checks.ts';
import { IMPORT_RULES } from './import-rules.ts';

const root = join(import.meta.dirname, '..', '..');
if (process.argv.includes('--rules')) printRules();
else process.exitCode = (await runChecks()) ? 0 : 1;

/** Runs every check, also after one that failed, so that one run shows all there is to do. */
async function runChecks(): Promise<boolean> {
  let good = true;
  for (const { name, run } of CHECKS) {
    const started = performance.now();
    const problems = await problemsOf(run);
    good &&= problems.length === 0;
    console.log(`${problems.length === 0 ? 'ok  ' : 'FAIL'} ${name} (${((performance.now() - started) / 1000).toFixed(1)} s)`);
    for (const problem of problems) console.log(problem.replaceAll(/^/gm, '  '));
  }
  return good;
}

/** A check that breaks down (a file that cannot be read, an import that leads nowhere) has failed like one that found something. */
async function problemsOf(run: Check['run']): Promise<string[]> {
  try {
    return await run(root);
  } catch (error) {
    return [error instanceof StepError && error.hint ? `${error.message}\nhint: ${error.hint}` : String(error)];
  }
}

function printRules(): void {
  console.log('Rules about the manifests of the catalog:\n');
  for (const { id, kinds, why, source } of CATALOG_RULES) console.log(`${id} (${kinds.join(', ')})\n    ${why}\n    source: ${source}`);
  console.log('\nRules about imports:\n');
  for (const { id, why } of IMPORT_RULES) console.log(`${id}\n    ${why}`);
}
