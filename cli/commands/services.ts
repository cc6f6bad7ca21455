// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { openSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Argv, CommandModule } from 'yargs';
import { transientError } from '../../lib/errors/errors.ts';
import { readBoundedIfPresent } from '../../lib/files/bounded-read.ts';
import { createLogger } from '../../lib/log/log.ts';
import { ensureSigningKey } from '../laptop/keys.ts';
import { LAST_SUBJECT_FILE } from '../laptop/last-subject.ts';
import { findServices, isAlive, type Services, startServices } from '../services/services.ts';
import { openState, type State } from '../state/state.ts';

type Options = { state: string; output?: string | undefined };

const START_TIMEOUT_MS = 10_000;
const POLL_MS = 100;

/** `supply-chain services up|down|status`: the embedded services in a process of their own. */
export const servicesCommand: CommandModule<{ state: string }, { state: string }> = {
  command: 'services',
  describe: 'Embedded registry, transparency log, metadata store and Git server on loopback (development defaults, no substitute for real ones)',
  builder: (argv: Argv<{ state: string }>) =>
    argv
      .command('up', 'Start them in the background', withOutput, (args) => up(args))
      .command(
        'down',
        'Stop them',
        (sub) => sub,
        (args) => down(args),
      )
      .command('status', 'Where they answer, and the files to verify with', withOutput, (args) => status(args))
      .command(
        'serve',
        'Run them in this process until it is stopped',
        (sub) => sub,
        (args) => serve(args),
      )
      .demandCommand(1, 'Say up, down, status or serve.') as unknown as Argv<{ state: string }>,
  handler: () => {},
};

function withOutput(argv: Argv<{ state: string }>): Argv<{ state: string; output: string | undefined }> {
  return argv.option('output', { alias: 'o', choices: ['json'], type: 'string', describe: 'Machine-readable output' }) as Argv<{
    state: string;
    output: string | undefined;
  }>;
}

async function up(options: Options): Promise<void> {
  const state = await openState(options.state);
  const running = await findServices(state);
  if (running) return show(state, running, options.output);
  const logFile = join(state.root, 'services.log');
  const output = openSync(logFile, 'a');
  const child = spawn(process.execPath, [join(import.meta.dirname, '../main.ts'), 'services', 'serve', '--state', state.root], {
    detached: true,
    stdio: ['ignore', output, output],
  });
  child.unref();
  for (const end = Date.now() + START_TIMEOUT_MS; Date.now() < end; await delay(POLL_MS)) {
    const services = await findServices(state);
    if (services) return show(state, services, options.output);
    if (child.exitCode !== null) break;
  }
  throw transientError('SERVICES_DOWN', 'the embedded services did not start', { hint: `read ${logFile}` });
}

async function down(options: Options): Promise<void> {
  const running = await findServices(await openState(options.state));
  if (!running) return console.log('not running');
  process.kill(running.pid, 'SIGTERM');
  const end = Date.now() + START_TIMEOUT_MS;
  while (isAlive(running.pid)) {
    if (Date.now() > end)
      throw transientError('SERVICES_BUSY', `the embedded services (process ${running.pid}) did not stop`, { hint: 'end that process by hand' });
    await delay(POLL_MS);
  }
  console.log(`stopped (process ${running.pid})`);
}

async function status(options: Options): Promise<void> {
  const state = await openState(options.state);
  const running = await findServices(state);
  if (running) return show(state, running, options.output);
  console.log(options.output === 'json' ? '{"running":false}' : 'not running; "supply-chain services up" starts them');
}

async function serve(options: Options): Promise<void> {
  const state = await openState(options.state);
  await ensureSigningKey(state.keys);
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const running = await startServices(state, log);
  const { registry, log: rekor, grafeas, git } = running.services;
  log.info('embedded services are up', { registry: registry.url, log: rekor.url, grafeas: grafeas.url, git: git.repository });
  await new Promise<void>((resolve) => {
    for (const signal of ['SIGTERM', 'SIGINT'] as const) process.once(signal, () => resolve());
  });
  await running.close();
}

async function show(state: State, services: Services, output: string | undefined): Promise<void> {
  const lastSubject = (await readBoundedIfPresent(join(state.root, LAST_SUBJECT_FILE), 4096, 'last subject'))?.toString('utf8').trim();
  if (output === 'json') return console.log(JSON.stringify({ running: true, ...services, lastSubject }, undefined, 2));
  const rows = [
    ['registry', services.registry.url],
    ['log (Rekor v2)', services.log.url],
    ['Grafeas', `${services.grafeas.url} (project ${services.grafeas.project})`],
    ['Git repository', services.git.repository],
    ['trusted root', services.trustedRoot],
    ['public key', services.publicKey],
    ['last subject', lastSubject ?? 'none yet'],
  ];
  for (const [name = '', value] of rows) console.log(`${name.padEnd(16)}${value}`);
}
