// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import type { DsseBundle } from './bundle.ts';
import { hashAlgorithm, type NamedKey } from './public-key.ts';

/**
 * Which of the keys made the signature of the bundle (DSSE v1 protocol, "Signature Verification").
 * This is the one place where the suite decides who signed. Hints and key ids inside the bundle are ignored: they are the signer's claim, and only the key itself proves anything.
 */
export function whoSigned(bundle: DsseBundle, keys: readonly NamedKey[]): NamedKey[] {
  const signed = preAuthenticationEncoding(bundle.payloadType, bundle.payload);
  return keys.filter(({ name, key }) => verify(hashAlgorithm(key, `the key ${name}`), signed, key, bundle.signature));
}
