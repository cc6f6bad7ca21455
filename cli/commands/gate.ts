// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import type { Argv, CommandModule } from 'yargs';
import { castVote, whoAmI } from '../gate/cast-vote.ts';
import { type ClusterOptions, withCluster } from '../gate/connect.ts';
import { findGate, listGates, viewOf } from '../gate/gate-view.ts';
import { gateTable, gateText } from '../gate/render-gate.ts';

type Base = { state: string };
type Common = ClusterOptions & { output: string | undefined };
type Named = Common & { name: string };

const POLL_MS = 250;

/** `supply-chain gate list|show|approve|reject`: the gates of a cluster, as the user of the kubeconfig. */
export const gateCommand: CommandModule<Base, Base> = {
  command: 'gate',
  describe: 'See and decide approval gates of a cluster, with the rights of your kubeconfig',
  builder: (argv: Argv<Base>) =>
    withCommon(argv)
      .command('list', 'Gates that wait for votes', withList, (args) => list(args as never))
      .command('show <name>', 'One gate: rules, votes, what it is about', withName, (args) => show(args as never))
      .command('approve <name>', 'Vote for it', withVote, (args) => decide('approve', args as never))
      .command('reject <name>', 'Vote against it; one rejection closes the gate', withVote, (args) => decide('reject', args as never))
      .demandCommand(1, 'Say list, show, approve or reject.') as unknown as Argv<Base>,
  handler: () => {},
};

function withCommon<T>(argv: Argv<T>): Argv<T> {
  return argv
    .option('namespace', { alias: 'n', type: 'string', describe: 'Default: that of the kubeconfig context', global: true })
    .option('context', { type: 'string', describe: 'Context of the kubeconfig; default: the current one', global: true })
    .option('kubeconfig', { type: 'string', describe: 'File; default: $KUBECONFIG, then ~/.kube/config', global: true })
    .option('output', { alias: 'o', choices: ['json'], type: 'string', describe: 'Machine-readable output', global: true }) as unknown as Argv<T>;
}

function withList<T>(argv: Argv<T>): Argv<T> {
  return argv
    .option('all-namespaces', { alias: 'A', type: 'boolean', default: false, describe: 'Gates of all namespaces' })
    .option('closed', { type: 'boolean', default: false, describe: 'Also gates that are decided' }) as unknown as Argv<T>;
}

function withName<T>(argv: Argv<T>): Argv<T> {
  return argv.positional('name', { type: 'string', demandOption: true, describe: 'Name of the gate (its CustomRun)' }) as unknown as Argv<T>;
}

function withVote<T>(argv: Argv<T>): Argv<T> {
  return withName(argv).option('comment', { alias: 'm', type: 'string', default: '', describe: 'Why; shown in the results of the gate' }) as unknown as Argv<T>;
}

async function list(options: Common & { 'all-namespaces': boolean; closed: boolean }): Promise<void> {
  const everywhere = options['all-namespaces'];
  const gates = await withCluster(options, (client, namespace) => listGates(client, everywhere ? undefined : namespace, options.closed));
  process.stdout.write(options.output === 'json' ? toJson(gates) : gateTable(gates, Date.now(), everywhere));
}

async function show(options: Named): Promise<void> {
  const gate = viewOf(await withCluster(options, (client, namespace) => findGate(client, namespace, options.name)));
  process.stdout.write(options.output === 'json' ? toJson(gate) : gateText(gate, Date.now()));
}

async function decide(decision: 'approve' | 'reject', options: Named & { comment: string }): Promise<void> {
  await withCluster(options, async (client, namespace) => {
    const run = await findGate(client, namespace, options.name);
    const me = await whoAmI(client);
    const cast = await castVote(client, { run, decision, comment: options.comment, me }, () => delay(POLL_MS));
    const gate = cast.run && viewOf(cast.run);
    if (options.output === 'json') process.stdout.write(toJson({ vote: cast.vote, user: me.user, decision, gate }));
    else
      console.log(`${me.user} ${decision}s ${namespace}/${options.name} (vote ${cast.vote})\n${gate ? gate.message : 'the controller has not counted it yet'}`);
  });
}

function toJson(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
