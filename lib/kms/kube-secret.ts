// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { isKubeError } from '../kube/api-error.ts';
import type { KubeClient } from '../kube/client.ts';
import { type KubeObject, resource } from '../kube/resource.ts';
import { registerSecret } from '../log/redact.ts';
import { parsePublicKey } from '../sigstore/public-key.ts';
import { localKey, readPrivateKey } from '../sigstore/signing-key.ts';
import type { KeptKey, KeyOpener } from './key-reference.ts';

/** What cosign keeps in a Secret, by key of its data (cosign pkg/cosign/kubernetes). */
const PRIVATE = 'cosign.key';
const PUBLIC = 'cosign.pub';
const PASSWORD = 'cosign.password';

const SECRETS = resource('v1', 'secrets');
const NAME = /^[a-z0-9](?:[-a-z0-9.]{0,251}[a-z0-9])?$/;
const MAX_ENTRY = 128 * 1024;

export type KeyPairEntries = { privatePem: string; publicPem: string; password: string };

/**
 * The key pair in a Secret, `k8s://NAMESPACE/SECRET`: `cosign.key` with `cosign.password` to sign, `cosign.pub` alone to verify.
 * Throws input KEY_REFERENCE_INVALID, KEY_MISSING, KEY_INVALID, KEY_PASSWORD_WRONG or KEY_UNSUPPORTED, and what the API server answers (KUBE_FORBIDDEN, KUBE_NOT_FOUND, …).
 */
export const openSecretKey: KeyOpener = async ({ place }, { kube }, use): Promise<KeptKey> => {
  const { namespace, name } = secretPlace(place);
  const secret = await kube((client) => client.get(SECRETS, { namespace, name }));
  const what = (entry: string): string => `${entry} of the Secret ${namespace}/${name}`;
  if (use === 'verify') {
    const key = parsePublicKey(required(secret, PUBLIC, what(PUBLIC)), what(PUBLIC));
    return { key, sign: () => Promise.reject(inputError('KEY_MISSING', `${what(PUBLIC)} was opened, and it signs nothing`)) };
  }
  const pem = required(secret, PRIVATE, what(PRIVATE));
  const password = entryOf(secret, PASSWORD) ?? '';
  registerSecret(password);
  const { key, sign } = localKey(what(PRIVATE), await readPrivateKey(pem, password, what(PRIVATE)));
  return { key, sign };
};

/** Namespace and name in what stands behind `k8s://`. Throws input KEY_REFERENCE_INVALID. */
export function secretPlace(place: string): { namespace: string; name: string } {
  const [namespace = '', name = '', ...more] = place.split('/');
  if (NAME.test(namespace) && NAME.test(name) && more.length === 0) return { namespace, name };
  throw inputError('KEY_REFERENCE_INVALID', `"k8s://${place.slice(0, 200)}" names no Secret`, { hint: 'write k8s://NAMESPACE/SECRET' });
}

/**
 * Puts a key pair into a Secret as cosign does; other entries of it stay. A Secret that holds a key pair already is replaced only with `force`.
 * Throws input KEY_EXISTS, and what the API server answers.
 */
export async function writeKeySecret(client: KubeClient, place: string, pair: KeyPairEntries, { force }: { force: boolean }): Promise<void> {
  const { namespace, name } = secretPlace(place);
  const data = { [PRIVATE]: encode(pair.privatePem), [PUBLIC]: encode(pair.publicPem), [PASSWORD]: encode(pair.password) };
  const found = await client.get(SECRETS, { namespace, name }).catch((error: unknown) => {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  });
  if (found === undefined) {
    await client.create(SECRETS, { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, type: 'Opaque', data }, { namespace });
    return;
  }
  const holds = (entry: string): boolean => entryOf(found, entry) !== undefined;
  if ([PRIVATE, PUBLIC, PASSWORD].some(holds) && !force) {
    throw inputError('KEY_EXISTS', `the Secret ${namespace}/${name} holds a key pair already`, { hint: 'name another Secret, or give --force to replace it' });
  }
  if (found['immutable'] === true) {
    throw inputError('KEY_EXISTS', `the Secret ${namespace}/${name} is immutable, as cosign makes them`, {
      hint: 'delete it first if nothing signs with it any more, or name another Secret',
    });
  }
  await client.update(SECRETS, { ...found, data: { ...dataOf(found), ...data } }, { namespace });
}

function required(secret: KubeObject, entry: string, what: string): string {
  const text = entryOf(secret, entry);
  if (text !== undefined) return text;
  throw inputError('KEY_MISSING', `there is no ${what}`, {
    hint: 'make the key pair with "supply-chain keys generate k8s://NAMESPACE/SECRET", or with cosign',
  });
}

function entryOf(secret: KubeObject, entry: string): string | undefined {
  const value = dataOf(secret)[entry];
  if (typeof value !== 'string' || value.length > MAX_ENTRY) return undefined;
  return Buffer.from(value, 'base64').toString('utf8');
}

function dataOf(secret: KubeObject): Record<string, unknown> {
  const { data } = secret;
  return typeof data === 'object' && data !== null ? (data as Record<string, unknown>) : {};
}

function encode(text: string): string {
  return Buffer.from(text).toString('base64');
}
