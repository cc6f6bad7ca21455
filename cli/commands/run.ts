// SPDX-License-Identifier: Apache-2.0
import { resolve } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { inputError } from '../../lib/errors/errors.ts';
import { createLogger } from '../../lib/log/log.ts';
import { exitCodeOf } from '../laptop/exit-code.ts';
import type { GateMode } from '../laptop/gate-mode.ts';
import { ensureSigningKey } from '../laptop/keys.ts';
import { ensurePolicy } from '../laptop/policy.ts';

import { PROJECT } from '../laptop/project.ts';
import { runPipelineFile } from '../laptop/run-pipeline-file.ts';
import type { PipelineRun } from '../runner/run-document.ts';
import type { WorkspaceBindings } from '../runner/workspace.ts';
import { connectServices } from '../services/services.ts';
import { openState } from '../state/state.ts';

type Options = {
  state: string;
  pipeline: string;
  param: string[];
  workspace: string[];
  tasks: string | undefined;
  gate: GateMode | undefined;
  output: string | undefined;
  verbose: boolean;
};

/** `supply-chain run PIPELINE`: the YAML that a cluster gets, run on this machine. */
export const runCommand: CommandModule<{ state: string }, Options> = {
  command: 'run <pipeline>',
  describe: 'Run a Pipeline of the catalog, or of a file, on this machine',
  builder: (argv) =>
    argv
      .positional('pipeline', { type: 'string', demandOption: true, describe: 'Name of a Pipeline in catalog/, or a YAML file' })
      .option('param', { type: 'string', array: true, default: [], nargs: 1, describe: 'name=value; may be repeated' })
      .option('workspace', { type: 'string', array: true, default: [], nargs: 1, describe: 'name=folder, or name=emptyDir; may be repeated' })
      .option('tasks', { type: 'string', describe: 'Folder with Tasks of your own, one <name>.yaml each' })
      .option('gate', {
        type: 'string',
        choices: ['ask', 'auto'],
        describe: 'Who answers approval gates: you at the terminal, or nobody (approved at once, and recorded as such); default: ask at a terminal, else auto',
      })
      .option('output', { alias: 'o', type: 'string', choices: ['json'], describe: 'Print the run document' })
      .option('verbose', { type: 'boolean', default: false, describe: 'Show every line of every task' })
      .epilogue(
        'rekor-url, trusted-root and the workspaces signing-key, policy, trust and reports default to the state folder and its embedded log. Gates are read from gate-NAME.yaml in the workspace folder policy; without that file your approval is enough. Matrix, sidecars, scripts, custom tasks other than ApprovalGate, and resolvers other than a slot are refused by name.',
      ) as never,
  handler: async (options) => {
    const state = await openState(options.state);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
    await ensureSigningKey(state.keys);
    await ensurePolicy(state);
    const running = await connectServices(state, log);
    try {
      const params = pairs('param', options.param);
      const workspaces: WorkspaceBindings = Object.fromEntries(
        Object.entries(pairs('workspace', options.workspace)).map(([name, place]) => [name, place === 'emptyDir' ? { emptyDir: true } : resolve(place)]),
      );
      const run = await runPipelineFile({ ...options, project: PROJECT, params, workspaces, state, services: running.services });
      console.log(options.output === 'json' ? JSON.stringify(run, undefined, 2) : summaryLine(run));
      process.exitCode = exitCodeOf(run);
    } finally {
      await running.close();
    }
  },
};

function pairs(option: string, given: readonly string[]): Record<string, string> {
  return Object.fromEntries(
    given.map((text) => {
      const equals = text.indexOf('=');
      if (equals < 1) throw inputError('USAGE', `--${option} ${text}: write --${option} name=value`);
      return [text.slice(0, equals), text.slice(equals + 1)];
    }),
  );
}

function summaryLine(run: PipelineRun): string {
  const results = Object.entries(run.results).map(([name, value]) => `  ${name}: ${typeof value === 'string' ? value : JSON.stringify(value)}`);
  return [`${run.pipeline}: ${run.status} (${run.message})`, ...results].join('\n');
}
