// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import process from 'node:process';
import { inputError } from '../../lib/errors/errors.ts';
import { writeAtomic } from '../../lib/files/atomic-write.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { writeKeySecret } from '../../lib/kms/kube-secret.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { encryptCosignKey, generateCosignKey, type KeyPairPem, type NEW_KEYS } from '../../lib/sigstore/cosign-key.ts';
import { importPrivateKey } from '../../lib/sigstore/import-key.ts';
import { type ClusterOptions, withCluster } from '../gate/connect.ts';
import { askPassword, givenPassword } from './password.ts';
import { publicKeyOf } from './public-key-of.ts';

type Cluster = Pick<ClusterOptions, 'kubeconfig' | 'context'>;
type Target = Cluster & { target: string | undefined; 'output-key-prefix': string; force: boolean; 'password-file': string | undefined };

/** Does work with the cluster that the options mean. */
type Connect = (options: ClusterOptions, work: (client: KubeClient) => Promise<void>) => Promise<void>;

const MAX_KEY_FILE = 64 * 1024;
const SECRET_SCHEME = 'k8s://';

/** `keys generate`. Throws input KEY_EXISTS, KEY_REFERENCE_INVALID, KEY_PASSWORD_MISSING, and what the API server answers. */
export async function generateKeys(options: Target & { type: keyof typeof NEW_KEYS }, connect: Connect = withCluster): Promise<void> {
  await write(options, (password) => generateCosignKey(password, options.type), connect);
}

/** `keys import`. Throws input KEY_INVALID and KEY_UNSUPPORTED besides. */
export async function importKeys(options: Target & { key: string }, connect: Connect = withCluster): Promise<void> {
  const pem = (await readBounded(options.key, MAX_KEY_FILE, 'key file')).toString('utf8');
  const privateKey = importPrivateKey(pem, `key file ${options.key}`);
  await write(options, (password) => encryptCosignKey(privateKey, password), connect);
}

/** `keys public`. Throws what `publicKeyOf` throws. */
export async function printPublicKey(options: Cluster & { key: string; 'password-file': string | undefined; outfile: string | undefined }): Promise<void> {
  const pem = await publicKeyOf(options.key, options);
  if (options.outfile === undefined) process.stdout.write(pem);
  else await writeAtomic(options.outfile, pem);
}

async function write(options: Target, make: (password: string) => Promise<KeyPairPem>, connect: Connect): Promise<void> {
  const { target } = options;
  if (target === undefined) return writeFiles(options, make);
  if (!target.startsWith(SECRET_SCHEME)) {
    throw inputError('KEY_REFERENCE_INVALID', `"${target}" is no place for a key pair`, {
      hint: 'write k8s://NAMESPACE/SECRET, or nothing for files; keys of a KMS are made with its own tools',
    });
  }
  // The password lies beside the key, as with cosign, so nobody has to know it.
  const password = (await givenPassword(options['password-file'])) ?? randomBytes(24).toString('base64url');
  const pair = await make(password);
  await connect({ kubeconfig: options.kubeconfig, context: options.context, namespace: undefined }, (client) =>
    writeKeySecret(client, target.slice(SECRET_SCHEME.length), { ...pair, password }, options),
  );
  console.error(`wrote cosign.key, cosign.pub and cosign.password to ${target}`);
  process.stdout.write(pair.publicPem);
}

async function writeFiles(options: Target, make: (password: string) => Promise<KeyPairPem>): Promise<void> {
  const [privateFile, publicFile] = [`${options['output-key-prefix']}.key`, `${options['output-key-prefix']}.pub`];
  for (const file of [privateFile, publicFile]) {
    if (existsSync(file) && !options.force) {
      throw inputError('KEY_EXISTS', `${file} is there already`, { hint: 'name other files with --output-key-prefix, or give --force to replace them' });
    }
  }
  const password = (await givenPassword(options['password-file'])) ?? (await askPassword(privateFile, { twice: true }));
  const { privatePem, publicPem } = await make(password);
  await writeAtomic(publicFile, publicPem);
  // Last, so that a private key never stands there without its public half.
  await writeAtomic(privateFile, privatePem, { mode: 0o600 });
  console.error(`wrote ${privateFile} (encrypted) and ${publicFile}`);
}
