// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, verify } from 'node:crypto';
import { inputError, refusedError } from '../errors/errors.ts';
import { hashAlgorithm, type NamedKey } from '../sigstore/public-key.ts';
import type { SigningKey } from '../sigstore/signing-key.ts';
import { openGoogleKey } from './google-kms.ts';
import type { KmsContext } from './kms-context.ts';
import { openSecretKey } from './kube-secret.ts';
import { openPluginKey } from './plugin.ts';
import { openTransitKey } from './vault-transit.ts';

/** A key where it is kept: its public half, and a signature over a message with the hash algorithm of the key. */
export type KeptKey = { key: KeyObject; sign(message: Buffer): Promise<Buffer> };

/** Opens the key that `place`, the part behind `://`, names; `use` says whether its private half will be needed. */
export type KeyOpener = (reference: { scheme: string; place: string }, context: KmsContext, use: 'sign' | 'verify') => Promise<KeptKey>;

/** Who opens which scheme, as cosign spells them; any other is that of a program `sigstore-kms-SCHEME`. */
const OPENERS: Readonly<Record<string, KeyOpener>> = {
  k8s: openSecretKey,
  gcpkms: openGoogleKey,
  hashivault: openTransitKey,
  openbao: openTransitKey,
};

const REFERENCE = /^(?<scheme>[a-z][a-z0-9-]{0,40}):\/\/(?<place>[\x21-\x7e]{1,1000})$/;
/** Schemes of cosign that name no service for keys; a program of that name would only be taken for one by mistake. */
const NO_SERVICE = ['http', 'https', 'file', 'env', 'pkcs11', 'gitlab', 'github'];

/** Whether a text is a reference to a key (`scheme://…`) rather than a path. */
export function isKeyReference(text: string): boolean {
  return /^[a-z][a-z0-9-]*:\/\//.test(text);
}

/**
 * The key that a reference names, to sign with: `k8s://NAMESPACE/SECRET`, `gcpkms://projects/…`, `hashivault://KEY`, `openbao://KEY`, or `NAME://…` by the program `sigstore-kms-NAME`.
 * Messages are hashed here, so a service gets a digest (an Ed25519 key the message); its signature is verified before it is given out.
 * Throws input KEY_REFERENCE_INVALID, KEY_UNSUPPORTED and KMS_SETTING_MISSING, refused KMS_REFUSED and KMS_ANSWER_INVALID, transient KMS_CORRUPTED,
 * those of the API server for k8s (KUBE_…, KEY_INVALID, KEY_PASSWORD_WRONG), KMS_PLUGIN_MISSING and KMS_PLUGIN_FAILED for a program, and what lib/http throws.
 */
export async function openKeyReference(reference: string, context: KmsContext): Promise<SigningKey> {
  const { key, sign } = await open(reference, context, 'sign');
  return {
    name: reference,
    key,
    sign: async (message) => {
      const signature = await sign(message);
      if (verify(hashAlgorithm(key, reference), message, key, signature)) return signature;
      throw refusedError('KMS_ANSWER_INVALID', `the signature that ${reference} gave does not verify with its public key`, {
        hint: 'the key may just have been rotated: run it again. Otherwise check that the key signs with the algorithm that docs/signing-keys.md names',
      });
    },
  };
}

/** The public key that a reference names, under the name of the reference. Throws what `openKeyReference` throws. */
export async function openPublicKey(reference: string, context: KmsContext): Promise<NamedKey> {
  const { key } = await open(reference, context, 'verify');
  return { name: reference, key };
}

/** Gets the PEM of the public keys that references name, for `loadPolicy`. */
export function fetchKeyBy(context: KmsContext): (reference: string) => Promise<string> {
  return async (reference) => (await openPublicKey(reference, context)).key.export({ format: 'pem', type: 'spki' }).toString();
}

async function open(reference: string, context: KmsContext, use: 'sign' | 'verify'): Promise<KeptKey> {
  const { scheme, place } = REFERENCE.exec(reference)?.groups ?? {};
  if (scheme === undefined || place === undefined || NO_SERVICE.includes(scheme)) {
    throw inputError('KEY_REFERENCE_INVALID', `"${reference.slice(0, 200)}" is no reference to a key`, {
      hint: `write one of ${Object.keys(OPENERS)
        .map((known) => `${known}://…`)
        .join(', ')}, or NAME://… for a program sigstore-kms-NAME`,
    });
  }
  const kept = await (OPENERS[scheme] ?? openPluginKey)({ scheme, place }, context, use);
  hashAlgorithm(kept.key, reference);
  return kept;
}
