// SPDX-License-Identifier: Apache-2.0
import { bundleStatement, type DsseBundle, signStatement, statementBytes } from '../sigstore/bundle.ts';
import type { CertifiedKey } from '../sigstore/fulcio.ts';
import type { IdentityToken } from '../sigstore/identity-token.ts';
import type { SigningKey } from '../sigstore/signing-key.ts';

/** Who holds a token: `certify` gets a new key with a certificate for its holder. */
export type KeylessSigner = { token: IdentityToken; certify(): Promise<CertifiedKey> };

export type Signer = SigningKey | KeylessSigner;

export function isKeyless(signer: Signer): signer is KeylessSigner {
  return 'certify' in signer;
}

/** The payload signed, with the certificate of the signer when there is no key of its own. Throws what `certify` and the key's `sign` throw. */
export async function signBy(signer: Signer, payload: Buffer): Promise<DsseBundle> {
  if (!isKeyless(signer)) return bundleStatement(payload, await signer.sign(statementBytes(payload)), signer);
  const { privateKey, certificate } = await signer.certify();
  return signStatement(payload, privateKey, certificate);
}
