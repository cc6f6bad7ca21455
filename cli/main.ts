// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import yargs from 'yargs';
import { inputError } from '../lib/errors/errors.ts';
import { tellFailure } from '../lib/log/tell-failure.ts';
import { VERSION } from '../lib/step/version.ts';
import { admissionCommand } from './commands/admission.ts';
import { catalogCommand } from './commands/catalog.ts';
import { conformanceCommand } from './commands/conformance.ts';
import { gateCommand } from './commands/gate.ts';
import { keysCommand } from './commands/keys.ts';
import { policyCommand } from './commands/policy.ts';
import { runCommand } from './commands/run.ts';
import { servicesCommand } from './commands/services.ts';
import { startCommand } from './commands/start.ts';
import { trustCommand } from './commands/trust.ts';
import { verifyCommand } from './commands/verify.ts';
import { DEFAULT_STATE } from './state/state.ts';

/** The command line `supply-chain`. Exit codes are those of the steps (lib/errors). */
async function main(): Promise<void> {
  const parser = yargs(process.argv.slice(2))
    .scriptName('supply-chain')
    .usage('$0 <command>\n\nFrom "just built" to "running with proof": SBOM, signature, transparency log and verdict for an OCI artifact.')
    .version(VERSION)
    .option('state', {
      type: 'string',
      default: process.env['SUPPLY_CHAIN_STATE'] ?? DEFAULT_STATE,
      describe: 'Folder of the laptop run: embedded registry and log, keys, reports',
      global: true,
    })
    .command(startCommand)
    .command(runCommand)
    .command(verifyCommand)
    .command(policyCommand)
    .command(servicesCommand)
    .command(gateCommand)
    .command(keysCommand)
    .command(trustCommand)
    .command(catalogCommand)
    .command(admissionCommand)
    .command(conformanceCommand)
    .demandCommand(1, 'Name a command; --help lists them.')
    .strict()
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? inputError('USAGE', message, { hint: 'supply-chain --help lists commands, "supply-chain <command> --help" the options of one' });
    });
  try {
    await parser.parseAsync();
  } catch (thrown) {
    tellFailure(thrown);
  }
}

await main();
