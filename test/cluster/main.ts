// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import process from 'node:process';
import yargs from 'yargs';
import { EXIT_CODE, inputError } from '../../lib/errors/errors.ts';
import { tellFailure } from '../../lib/log/tell-failure.ts';
import { createBed, findKubectl } from './bed/bed.ts';
import { bringUp } from './bed/bring-up.ts';
import { withLock } from './bed/lock.ts';
import { logFilesOf } from './bed/logs.ts';
import { type Selection, selectComponents } from './bed/order.ts';
import { bedPlace } from './bed/state.ts';
import { bedStatus, podBytes, statusTable } from './bed/status.ts';
import { takeDown } from './bed/take-down.ts';
import { components } from './components/table.ts';

const place = bedPlace(process.env);
const log = (line: string): void => console.error(line);
const bed = createBed(place, log);

/** Several after one option, or with commas. */
const NAMES = { type: 'string', array: true, default: [] as string[], coerce: (given: string[]) => given.flatMap((text) => text.split(',')) } as const;

async function up(selection: Selection): Promise<void> {
  requireRoot();
  const selected = selectComponents(components, selection);
  const started = performance.now();
  await withLock(place, { doing: 'up', log }, () => bringUp(bed, selected));
  log(`up in ${((performance.now() - started) / 1000).toFixed(1)} s; export KUBECONFIG=${place.kubeconfig}`);
}

async function down(): Promise<void> {
  requireRoot();
  const started = performance.now();
  await withLock(place, { doing: 'down', log }, () => takeDown(place, bed, components));
  log(`down in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

async function status(isJson: boolean): Promise<void> {
  const rows = await bedStatus(place, bed, components);
  console.log(isJson ? JSON.stringify(rows, null, 2) : statusTable(rows, await podBytes(place)));
  if (rows.some(({ state }) => state === 'ended' || state === 'not ready')) process.exitCode = EXIT_CODE.transient;
}

async function logs(name: string, { follow, lines }: { follow: boolean; lines: number }): Promise<void> {
  await passThrough('tail', ['-n', String(lines), ...(follow ? ['-F'] : []), ...(await logFilesOf(place, components, name))]);
}

async function kubectl(args: readonly string[]): Promise<void> {
  const { binary, kubeconfig } = await findKubectl(place, log);
  if (args.length === 0) log(`export KUBECONFIG=${kubeconfig} PATH=${binary.slice(0, -'/kubectl'.length)}:$PATH`);
  else await passThrough(binary, [`--kubeconfig=${kubeconfig}`, ...args]);
}

function passThrough(command: string, args: readonly string[]): Promise<void> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { stdio: 'inherit' });
    // Ctrl-C goes to the child, too; this process ends after it.
    process.on('SIGINT', () => undefined);
    child.on('error', reject);
    child.on('close', (code) => {
      process.exitCode = code ?? EXIT_CODE.bug;
      resolve();
    });
  });
}

function requireRoot(): void {
  if (process.getuid?.() !== 0) throw inputError('ROOT_NEEDED', 'pods, their network and their mounts need root', { hint: 'run it as root' });
}

async function main(): Promise<void> {
  const parser = yargs(process.argv.slice(2))
    .scriptName('npm run cluster --')
    .usage('$0 COMMAND\n\nA real cluster and its peers on this machine, offline (test/cluster/README.md).')
    .version(false)
    .parserConfiguration({ 'populate--': true })
    .command(
      'up',
      'Build what is missing and start it; what runs is left alone',
      (argv) =>
        argv
          .option('only', { ...NAMES, describe: 'Components or groups, and what they need' })
          .option('skip', { ...NAMES, describe: 'Components or groups to leave out, with what needs them' })
          .epilogue(
            `Groups: ${[...new Set(components.flatMap(({ groups }) => groups))].join(', ')}\nComponents: ${components.map(({ name }) => name).join(', ')}`,
          ),
      (argv) => up(argv),
    )
    .command('down', 'End and remove all of it', {}, down)
    .command(
      'status',
      'State, process and memory of each component',
      (argv) => argv.option('json', { type: 'boolean', default: false, describe: 'For machines' }),
      (argv) => status(argv.json),
    )
    .command(
      'logs <name>',
      'Log of a component or daemon',
      (argv) =>
        argv
          .positional('name', { type: 'string', demandOption: true })
          .option('follow', { alias: 'f', type: 'boolean', default: false, describe: 'Go on with what comes' })
          .option('lines', { alias: 'n', type: 'number', default: 200, describe: 'How many of the last lines' }),
      (argv) => logs(argv.name, argv),
    )
    .command('kubectl', 'Run kubectl as admin: kubectl -- get pods; without arguments, what to export', {}, (argv) => kubectl((argv['--'] ?? []) as string[]))
    .demandCommand(1, 'which command?')
    .strict()
    .wrap(Math.min(120, process.stdout.columns ?? 100))
    .exitProcess(false)
    .fail((message, error) => {
      throw error ?? inputError('USAGE', message, { hint: 'npm run cluster -- --help lists commands and options' });
    });
  try {
    await parser.parseAsync();
  } catch (thrown) {
    tellFailure(thrown);
  }
}

await main();
