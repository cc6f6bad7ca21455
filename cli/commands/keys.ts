// SPDX-License-Identifier: Apache-2.0
import type { Argv, CommandModule } from 'yargs';
import { NEW_KEYS } from '../../lib/sigstore/cosign-key.ts';
import { generateKeys, importKeys, printPublicKey } from '../keys/key-commands.ts';

type Base = { state: string };

/** `supply-chain keys generate|import|public`: key pairs in the form of cosign, in files or in a Secret. */
export const keysCommand: CommandModule<Base, Base> = {
  command: 'keys',
  describe: 'Make, import and show signing keys; what cosign makes works here, and the other way round',
  builder: (argv: Argv<Base>) =>
    withCluster(argv)
      .command('generate [target]', 'A new key pair, in files or in the Secret k8s://NAMESPACE/SECRET', withGenerate, (args) => generateKeys(args as never))
      .command('import [target]', 'A private key in PEM (PKCS#8, PKCS#1, SEC1) brought into that form', withImport, (args) => importKeys(args as never))
      .command('public <key>', 'The public key (PEM) of a key file or of a reference such as hashivault://KEY', withPublic, (args) =>
        printPublicKey(args as never),
      )
      .demandCommand(1, 'Say generate, import or public.') as unknown as Argv<Base>,
  handler: () => {},
};

function withCluster<T>(argv: Argv<T>): Argv<T> {
  return argv
    .option('context', { type: 'string', describe: 'Context of the kubeconfig, for k8s://; default: the current one', global: true })
    .option('kubeconfig', { type: 'string', describe: 'File, for k8s://; default: $KUBECONFIG, then ~/.kube/config', global: true }) as unknown as Argv<T>;
}

function withPassword<T>(argv: Argv<T>): Argv<T> {
  return argv.option('password-file', {
    type: 'string',
    describe: 'File with the password (a line break at its end is ignored). Default: $COSIGN_PASSWORD, else the terminal is asked',
  }) as unknown as Argv<T>;
}

function withTarget<T>(argv: Argv<T>): Argv<T> {
  return withPassword(argv)
    .positional('target', { type: 'string', describe: 'k8s://NAMESPACE/SECRET; without it the files PREFIX.key and PREFIX.pub are written' })
    .option('output-key-prefix', { type: 'string', default: 'cosign', describe: 'Path of the files without .key and .pub' })
    .option('force', {
      type: 'boolean',
      default: false,
      describe: 'Replace a key pair that is there; what it signed needs its public key still',
    }) as unknown as Argv<T>;
}

function withGenerate<T>(argv: Argv<T>): Argv<T> {
  return withTarget(argv).option('type', {
    type: 'string',
    choices: Object.keys(NEW_KEYS),
    default: 'ecdsa-p256',
    describe: 'Type of the key',
  }) as unknown as Argv<T>;
}

function withImport<T>(argv: Argv<T>): Argv<T> {
  return withTarget(argv).option('key', { type: 'string', demandOption: true, describe: 'File with the private key, not encrypted' }) as unknown as Argv<T>;
}

function withPublic<T>(argv: Argv<T>): Argv<T> {
  return withPassword(argv)
    .positional('key', { type: 'string', demandOption: true, describe: 'Key file, private or public, or a reference' })
    .option('outfile', { type: 'string', describe: 'File to write to in place of stdout' }) as unknown as Argv<T>;
}
