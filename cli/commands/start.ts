// SPDX-License-Identifier: Apache-2.0
import { relative, resolve } from 'node:path';
import process from 'node:process';
import type { CommandModule } from 'yargs';
import { EXIT_CODE } from '../../lib/errors/errors.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createLogger, type Logger } from '../../lib/log/log.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { dockerCredentials } from '../../lib/registry/credentials.ts';
import { exitCodeOf } from '../laptop/exit-code.ts';
import { chooseGateMode, type GateMode } from '../laptop/gate-mode.ts';
import { ensureSigningKey } from '../laptop/keys.ts';
import type { Laptop } from '../laptop/laptop.ts';
import { ensurePolicy } from '../laptop/policy.ts';
import { record } from '../laptop/record.ts';
import { readArgoCd, release } from '../laptop/release.ts';
import { secure } from '../laptop/secure.ts';
import { summaryText } from '../laptop/summary.ts';
import { writeEvidence } from '../laptop/write-evidence.ts';
import { connectServices } from '../services/services.ts';
import { DEFAULT_STATE, openState, type State } from '../state/state.ts';

type Options = {
  state: string;
  image: string | undefined;
  'scan-report': string | undefined;
  gate: GateMode;
  'argocd-server': string | undefined;
  'argocd-app': string | undefined;
  'argocd-token-file': string | undefined;
  verbose: boolean;
};

/** `supply-chain start` (npm start): the Pipelines secure-image and release-image on a real image with embedded services, and the evidence of it. */
export const startCommand: CommandModule<{ state: string }, Options> = {
  command: 'start',
  describe: 'Take an image from "just built" to signed, judged, released and committed on this machine',
  builder: (argv) =>
    argv
      .option('image', {
        type: 'string',
        describe: 'Registry reference, OCI layout folder, or OCI or docker archive; a small image made of npm packages when not given',
      })
      .option('scan-report', { type: 'string', describe: 'Vulnerability report about the image (JSON of grype, trivy, osv-scanner, CycloneDX or SARIF)' })
      .option('gate', {
        type: 'string',
        choices: ['ask', 'auto'],
        default: 'auto',
        describe: 'Who answers the approval gate: you at the terminal, or nobody (approved at once, and recorded as such)',
      })
      .option('argocd-server', { type: 'string', describe: 'URL of an Argo CD that syncs the commit; it must reach the embedded Git server' })
      .option('argocd-app', { type: 'string', describe: 'Name of its application' })
      .option('argocd-token-file', { type: 'string', describe: 'File with the token of an Argo CD account or project role' })
      .option('verbose', { type: 'boolean', default: false, describe: 'Show every line of every task' }) as never,
  handler: async (options) => {
    // What only the release needs is looked at first, so that nobody waits for its error.
    const gate = chooseGateMode(options.gate, { input: process.stdin.isTTY, output: process.stderr.isTTY });
    const argocd = await readArgoCd({ server: options['argocd-server'], app: options['argocd-app'], tokenFile: options['argocd-token-file'] });
    const state = await openState(options.state);
    const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
    if (await ensureSigningKey(state.keys)) log.info(`made a signing key in ${relative('.', state.keys)}`);
    await ensurePolicy(state);
    const running = await connectServices(state, log);
    const http = createHttp({ log });
    try {
      const registry = createRegistry({ http, credentials: await dockerCredentials({ env: process.env }), log: quietInfo(log) });
      const laptop: Laptop = { state, registry, services: running.services, http, log };
      const secured = await secure(laptop, { image: options.image, scanReport: options['scan-report'], verbose: options.verbose });
      const { verbose } = options;
      const released = exitCodeOf(secured.run) === 0 ? await release(laptop, secured.image, { gate, argocd, verbose }) : undefined;
      // Whoever pressed Ctrl-C waits for nothing more to begin.
      const cancelled = [secured.run, released].some((run) => run?.status === 'Cancelled');
      const recorded = cancelled ? undefined : await record(laptop, secured.image, released, verbose);
      const document = await writeEvidence(laptop, { secured, released, recorded });
      process.stdout.write(summaryText(document, { folder: relative('.', state.reports) || '.', stateOption: stateOption(state) }));
      process.exitCode = document.pipelineRuns.map(exitCodeOf).find((code) => code !== 0) ?? EXIT_CODE.ok;
    } finally {
      http.close();
      await running.close();
    }
  },
};

function stateOption({ root }: State): string {
  return root === resolve(process.env['SUPPLY_CHAIN_STATE'] ?? DEFAULT_STATE) ? '' : ` --state ${root}`;
}

/** What the registry client tells at level info is of interest inside a step, not here. */
function quietInfo(log: Logger): Logger {
  return { ...log, info: () => {}, progress: () => {} };
}
