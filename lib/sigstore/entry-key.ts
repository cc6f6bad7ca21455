// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { SignedDigest } from './hashedrekord.ts';

const RawBytes = z.object({ rawBytes: z.base64() });
const Verifier = z.object({ publicKey: RawBytes.optional(), x509Certificate: RawBytes.optional() });
const EntryBody = z.object({ spec: z.object({ hashedRekordV002: z.object({ signature: z.object({ verifier: Verifier }) }) }) });

/** The public key (SubjectPublicKeyInfo, DER) or certificate (DER) that the canonical body of a hashedrekord 0.0.2 entry names. Throws an Error when it does not name exactly one. */
export function entryVerifier(canonicalizedBody: Buffer): SignedDigest['verifier'] {
  const body = EntryBody.safeParse(JSON.parse(canonicalizedBody.toString('utf8')));
  const { publicKey, x509Certificate } = body.data?.spec.hashedRekordV002.signature.verifier ?? {};
  if (publicKey && !x509Certificate) return { publicKey: Buffer.from(publicKey.rawBytes, 'base64') };
  if (x509Certificate && !publicKey) return { x509Certificate: Buffer.from(x509Certificate.rawBytes, 'base64') };
  throw new Error('the entry does not name one public key or certificate');
}
