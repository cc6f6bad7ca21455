// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import process from 'node:process';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { createHttp } from '../../lib/http/http.ts';
import { isKeyReference, openPublicKey } from '../../lib/kms/key-reference.ts';
import { settingsFrom } from '../../lib/kms/kms-context.ts';
import { createLogger } from '../../lib/log/log.ts';
import { hashAlgorithm, parsePublicKey } from '../../lib/sigstore/public-key.ts';
import { readPrivateKey } from '../../lib/sigstore/signing-key.ts';
import { type ClusterOptions, withCluster } from '../gate/connect.ts';
import { askPassword, givenPassword } from './password.ts';

const MAX_KEY_FILE = 64 * 1024;

type Options = Partial<Pick<ClusterOptions, 'kubeconfig' | 'context'>> & { 'password-file'?: string | undefined };

/**
 * The public key (SPKI PEM) of a file, private or public, or of a reference, which is reached as a user does: settings from the environment, the cluster of the kubeconfig.
 * Throws input KEY_INVALID, KEY_PASSWORD_WRONG, KEY_PASSWORD_MISSING, KEY_UNSUPPORTED, and what `openPublicKey` throws.
 */
export async function publicKeyOf(key: string, options: Options = {}): Promise<string> {
  if (isKeyReference(key)) return referencedKey(key, options);
  const what = `key file ${key}`;
  const pem = (await readBounded(key, MAX_KEY_FILE, 'key file')).toString('utf8');
  if (pem.includes('-----BEGIN PUBLIC KEY-----')) return exported(parsePublicKey(pem, what));
  const encrypted = /^-----BEGIN ENCRYPTED /m.test(pem);
  const password = encrypted ? ((await givenPassword(options['password-file'])) ?? (await askPassword(key, { twice: false }))) : '';
  const publicKey = createPublicKey(await readPrivateKey(pem, password, what));
  hashAlgorithm(publicKey, what);
  return exported(publicKey);
}

async function referencedKey(reference: string, { kubeconfig, context }: Options): Promise<string> {
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const http = createHttp({ log });
  try {
    const { key } = await openPublicKey(reference, {
      http,
      log,
      env: process.env,
      now: () => new Date(),
      ...settingsFrom(undefined, process.env),
      kube: (work) => withCluster({ kubeconfig, context, namespace: undefined }, (client) => work(client)),
    });
    return exported(key);
  } finally {
    http.close();
  }
}

function exported(key: ReturnType<typeof createPublicKey>): string {
  return key.export({ format: 'pem', type: 'spki' }).toString();
}
