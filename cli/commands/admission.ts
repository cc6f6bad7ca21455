// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import type { CommandModule } from 'yargs';
import { inputError } from '../../lib/errors/errors.ts';
import { writeCertificates } from '../admission/write-certificates.ts';
import { PROJECT } from '../laptop/project.ts';

type Options = { state: string; output: string; manifests: string; namespace: string; days: number; caDays: number; newCa: boolean; gatekeeper: boolean };

/** `supply-chain admission certs`: CA and certificates of the admission provider, with the manifests that bring them into the cluster. */
export const admissionCommand: CommandModule<{ state: string }, Options> = {
  command: 'admission certs',
  describe: 'Make or renew the certificates of the admission provider, as files and manifests',
  builder: (argv) =>
    argv
      .option('output', { type: 'string', demandOption: true, describe: 'Folder to write to; a CA that is there signs again, which renews' })
      .option('manifests', {
        type: 'string',
        default: join(PROJECT, 'catalog/install/admission-provider'),
        describe: 'Folder with the manifests of the provider',
      })
      .option('namespace', { type: 'string', default: 'admission-provider', describe: 'Namespace of the provider' })
      .option('days', { type: 'number', default: 365, describe: 'Days that the certificates count' })
      .option('ca-days', { type: 'number', default: 3650, describe: 'Days that a new CA counts' })
      .option('new-ca', { type: 'boolean', default: false, describe: 'Make a new CA; the Providers believe the old one, too' })
      .option('gatekeeper', { type: 'boolean', default: false, describe: 'Also for a Gatekeeper with --disable-cert-rotation' }) as never,
  handler: async ({ output, manifests, namespace, days, caDays, newCa, gatekeeper }) => {
    if (![days, caDays].every((count) => Number.isInteger(count) && count >= 1 && count <= 36_500) || days > caDays)
      throw inputError('USAGE', '--days and --ca-days must be whole numbers of days, and --days not more than --ca-days');
    const options = { output, manifests, namespace, days, caDays, isNewCa: newCa, isForGatekeeper: gatekeeper };
    const { files, expires, isRenewal } = await writeCertificates({ ...options, now: new Date() });
    console.log(`${isRenewal ? 'Renewed by the CA' : 'Made with a new CA'} in ${output}: ${files.join(', ')}`);
    console.log(`The certificate counts until ${expires.toISOString()}. Keep ca.key away from the cluster; apply the manifests with:`);
    console.log(`  kubectl apply -f ${join(output, 'admission-provider-tls.yaml')}`);
    console.log(`  kubectl apply -f ${join(output, 'providers.yaml')}`);
  },
};
