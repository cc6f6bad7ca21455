// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, type KeyObject, X509Certificate } from 'node:crypto';
import * as z from 'zod';
import { strictBase64 } from '../../../lib/sigstore/checkpoint.ts';
import { verifiesDigest } from '../../../lib/sigstore/digest-signature.ts';
import { fitsKey, hashedRekordBody, KEY_DETAILS, type SignedDigest } from '../../../lib/sigstore/hashedrekord.ts';

/** The canonical entry of a request, or the message with which a log refuses it (status 400). */
export type EntryRequest = { body: Buffer; refusal?: undefined } | { refusal: string };

const bytes = z
  .string()
  .min(1)
  .transform((text, context) => {
    const decoded = strictBase64(text);
    if (decoded !== undefined) return decoded;
    context.addIssue({ code: 'custom', message: 'is not base64' });
    return z.NEVER;
  });
const rawBytes = z.strictObject({ rawBytes: bytes });

const requestSchema = z.strictObject({
  hashedRekordRequestV002: z
    .strictObject({
      digest: bytes,
      signature: z.strictObject({
        content: bytes,
        verifier: z.strictObject({ publicKey: rawBytes.optional(), x509Certificate: rawBytes.optional(), keyDetails: z.string() }),
      }),
    })
    .optional(),
  dsseRequestV002: z.unknown().optional(),
});

// Entries stand in bundles behind a 16-bit length (C2SP tlog-tiles, "Log entries").
const MAX_ENTRY = 0xffff;

/**
 * Reads a request for an entry and verifies its signature, as Rekor v2 does before it logs anything (rekor-tiles internal/server/service.go,
 * pkg/types/hashedrekord). Refusals begin with the words of the real log; the reason behind the colon is ours.
 */
export function readEntryRequest(request: Buffer): EntryRequest {
  let json: unknown;
  try {
    json = JSON.parse(request.toString('utf8'));
  } catch {
    return { refusal: 'request is not JSON' };
  }
  const parsed = requestSchema.safeParse(json);
  if (!parsed.success) {
    const [issue] = parsed.error.issues;
    return { refusal: `invalid hashedrekord request: ${issue?.path.join('.')} ${issue?.message}` };
  }
  const wanted = parsed.data.hashedRekordRequestV002;
  if (wanted === undefined || parsed.data.dsseRequestV002 !== undefined) return { refusal: 'invalid type, must be hashedrekord' };
  const { publicKey, x509Certificate, keyDetails: scheme } = wanted.signature.verifier;
  const keyDetails = KEY_DETAILS.find(({ name }) => name === scheme);
  if (keyDetails === undefined) return invalid(`unsupported key details ${scheme.slice(0, 64)}`);
  if ((publicKey === undefined) === (x509Certificate === undefined)) return invalid('must contain either a public key or an X.509 certificate');
  const verifier = publicKey === undefined ? { x509Certificate: (x509Certificate as { rawBytes: Buffer }).rawBytes } : { publicKey: publicKey.rawBytes };
  return checked({ digest: wanted.digest, signature: wanted.signature.content, keyDetails, verifier });
}

function checked(signed: SignedDigest): EntryRequest {
  const { digest, keyDetails, verifier, signature } = signed;
  const publicKey = readKey(verifier);
  if (publicKey === undefined) return invalid('public key or certificate is not DER');
  if (!fitsKey(keyDetails, publicKey)) return invalid(`key is not one of ${keyDetails.name}`);
  if (keyDetails.keyType === 'ed25519') return invalid('the embedded log cannot verify Ed25519ph; a real Rekor v2 can');
  if (digest.length !== keyDetails.digestSize) return invalid(`digest length (${digest.length}) does not match ${keyDetails.hashName}`);
  if (!verifiesDigest({ digest, signature, publicKey, keyDetails })) return invalid('signature does not verify');
  const body = hashedRekordBody(signed);
  return body.length <= MAX_ENTRY ? { body } : invalid(`entry has ${body.length} bytes, more than ${MAX_ENTRY}`);
}

function readKey(verifier: SignedDigest['verifier']): KeyObject | undefined {
  try {
    if ('x509Certificate' in verifier) return new X509Certificate(verifier.x509Certificate).publicKey;
    return createPublicKey({ key: verifier.publicKey, format: 'der', type: 'spki' });
  } catch {
    // Whatever the parser found wrong, to the log it is no key.
    return undefined;
  }
}

function invalid(reason: string): EntryRequest {
  return { refusal: `invalid hashedrekord request: ${reason}` };
}
