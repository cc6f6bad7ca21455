// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';

const EntryBody = z.object({
  spec: z.object({ hashedRekordV002: z.object({ signature: z.object({ verifier: z.object({ publicKey: z.object({ rawBytes: z.base64() }) }) }) }) }),
});

/** The public key (SubjectPublicKeyInfo, DER) that the canonical body of a hashedrekord 0.0.2 entry names. Throws an Error when it names none. */
export function entryPublicKey(canonicalizedBody: Buffer): Buffer {
  const body = EntryBody.safeParse(JSON.parse(canonicalizedBody.toString('utf8')));
  if (!body.success) throw new Error('the entry does not name a public key');
  return Buffer.from(body.data.spec.hashedRekordV002.signature.verifier.publicKey.rawBytes, 'base64');
}
