// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import type { Argv, CommandModule } from 'yargs';
import type { FetchOptions } from '../trust/fetch-trust.ts';

type Base = { state: string };

/** `supply-chain trust fetch`: whom to believe and where to sign, from the TUF repository of a Sigstore instance into files for a ConfigMap. */
export const trustCommand: CommandModule<Base, Base> = {
  command: 'trust',
  describe: 'Get the trusted root and signing config of a Sigstore instance',
  builder: (argv: Argv<Base>) =>
    argv
      .command('fetch', 'By TUF, from a mirror or a copied one: trusted_root.json and signing_config.json for a ConfigMap', withFetch, (args) =>
        fetch(args as never),
      )
      .demandCommand(1, 'Say fetch.') as unknown as Argv<Base>,
  handler: () => {},
};

function withFetch<T>(argv: Argv<T>): Argv<T> {
  return argv
    .option('mirror', { type: 'string', demandOption: true, requiresArg: true, describe: 'URL of the TUF repository, or a folder that is a copy of it' })
    .option('root', { type: 'string', requiresArg: true, describe: 'Its root.json to begin with, got on a way that you trust' })
    .option('root-digest', { type: 'string', requiresArg: true, describe: 'sha256:… that this file must have' })
    .option('output', { alias: 'o', type: 'string', demandOption: true, requiresArg: true, describe: 'Folder for the two files' })
    .option('cache', {
      type: 'string',
      requiresArg: true,
      describe: 'Folder that keeps the last state, itself a mirror that can be carried away. Default: one for each mirror in the state folder',
    })
    .option('ca-bundle', { type: 'string', requiresArg: true, describe: 'PEM certificates of private CAs, trusted beside the public ones' })
    .option('timeout', { type: 'string', default: '2m', describe: 'Time that it may take, retries included' }) as unknown as Argv<T>;
}

async function fetch(options: FetchOptions): Promise<void> {
  // Loaded when it is needed: the TUF client is a good part of the start of every other command.
  const { fetchTrustFiles } = await import('../trust/fetch-trust.ts');
  process.stdout.write(await fetchTrustFiles(options));
}
