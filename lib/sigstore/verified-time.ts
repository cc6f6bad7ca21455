// SPDX-License-Identifier: Apache-2.0
import { createPublicKey } from 'node:crypto';
import { RFC3161Timestamp } from '@sigstore/core';
import { type SignedEntity, Verifier } from '@sigstore/verify';
import { deniedError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';
import type { Trust } from './trusted-root.ts';

/** When a signature was there at the latest, the URL of the timestamp authority or log that vouches for it, and the certificate's start, before which it was not made. */
export type VerifiedTime = { at: Date; by: string; notBefore?: Date };

/** A verified time together with what the certificate check of the library takes for one. */
export type ProvenTime = VerifiedTime & { proof: SignedEntity['timestamps'][number] };

/** As sigstore-go has it. */
const MAX_TIMESTAMPS = 32;
const MAX_TOKEN_BYTES = 64 * 1024;
const GRANTED = new Set([0n, 1n]);

/**
 * The times that timestamp authorities of the trusted root vouch for (RFC 3161): the token covers this signature, is signed by the authority's key, and its certificate was valid then.
 * Tokens of other authorities prove nothing and do no harm; a token that a trusted authority does not vouch for throws denied TIMESTAMP_INVALID, naming `what`.
 */
export function timestampsOf(bundle: DsseBundle, trust: Trust | undefined, what: string): ProvenTime[] {
  const tokens = bundle.bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
  if (!trust || tokens.length === 0) return [];
  try {
    if (tokens.length > MAX_TIMESTAMPS) throw new Error(`there are ${tokens.length}, more than ${MAX_TIMESTAMPS}`);
    if (new Set(tokens.map(({ signedTimestamp }) => signedTimestamp.toString('base64'))).size < tokens.length) throw new Error('it is there twice');
    return tokens.flatMap(({ signedTimestamp }) => provenTime(signedTimestamp, bundle, trust) ?? []);
  } catch (cause) {
    throw deniedError(
      'TIMESTAMP_INVALID',
      `the timestamp of ${what} is not what its authority vouches for: ${cause instanceof Error ? cause.message : cause}`,
      {
        cause,
      },
    );
  }
}

/** The earliest of the times, which says most: the signature was there then. With the start of its certificate, where it has one. */
export function earliest(times: readonly VerifiedTime[], notBefore?: Date): VerifiedTime | undefined {
  const [first] = times.toSorted((a, b) => a.at.getTime() - b.at.getTime());
  return first && { at: first.at, by: first.by, ...(notBefore && { notBefore }) };
}

function provenTime(token: Buffer, bundle: DsseBundle, trust: Trust): ProvenTime | undefined {
  if (token.length > MAX_TOKEN_BYTES) throw new Error(`it has ${token.length} bytes, more than ${MAX_TOKEN_BYTES}`);
  if (!isOneSequence(token)) throw new Error('it is no DER sequence, or more than one');
  const timestamp = RFC3161Timestamp.parse(Buffer.from(token));
  if (!GRANTED.has(timestamp.status)) throw new Error('the authority did not grant it');
  const issued = trust.timestampAuthorities.filter(({ certChain: [leaf] }) => leaf && isOf(timestamp, leaf));
  const [authority] = issued;
  if (!authority) return undefined;
  const proof = { $case: 'timestamp-authority', timestamp } as const;
  // The library verifies timestamps on the way to a signature. That one is for `whoSigned` and `verifyCertificate` to check, so that no key matters here.
  const signature = {
    signature: bundle.stamped ?? bundle.signature,
    compareSignature: () => false,
    compareDigest: () => false,
    compareSignedDigest: () => false,
    verifySignature: () => true,
  };
  const publicKey = createPublicKey({ key: authority.certChain[0]?.publicKey ?? Buffer.alloc(0), format: 'der', type: 'spki' });
  const material = { ...trust, timestampAuthorities: issued, publicKey: () => ({ publicKey, validFor: () => true }) };
  new Verifier(material, { tlogThreshold: 0, timestampThreshold: 1 }).verify({
    signature,
    key: { $case: 'public-key', hint: '' },
    tlogEntries: [],
    timestamps: [proof],
  });
  return { at: timestamp.signingTime, by: authority.uri, proof };
}

function isOf(timestamp: RFC3161Timestamp, leaf: { issuer: Buffer; serialNumber: Buffer }): boolean {
  return timestamp.signerIssuer.equals(leaf.issuer) && timestamp.signerSerialNumber.equals(leaf.serialNumber);
}

/** The library takes any tag for the outermost, and passes over what stands behind. */
function isOneSequence(der: Buffer): boolean {
  const [tag = 0, first = 0] = der;
  const lengthBytes = first & 0x80 ? first & 0x7f : 0;
  if (tag !== 0x30 || lengthBytes > 4 || der.length < 2 + lengthBytes) return false;
  return der.length === 2 + lengthBytes + (lengthBytes > 0 ? der.readUIntBE(2, lengthBytes) : first);
}
