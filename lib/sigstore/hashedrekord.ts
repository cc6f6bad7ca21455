// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { inputError } from '../errors/errors.ts';

/** Kind and version of the only entry that Rekor v2 takes (rekor-tiles CLIENTS.md, "Entry Type"). */
export const HASHED_REKORD = { kind: 'hashedrekord', version: '0.0.2' } as const;

/** A signature scheme as a Rekor v2 entry names it, with the hash that the entry's digest is made with. */
export type KeyDetails = {
  name: string;
  keyType: 'ec' | 'rsa' | 'ed25519';
  parameter: string | number | undefined;
  hash: string;
  hashName: string;
  digestSize: number;
};

/** What an entry says: that this signature over this digest verifies with this key, given as SPKI DER or in a certificate's DER. */
export type SignedDigest = { digest: Buffer; signature: Buffer; keyDetails: KeyDetails; verifier: { publicKey: Buffer } | { x509Certificate: Buffer } };

const SHA256 = { hash: 'sha256', hashName: 'SHA2_256', digestSize: 32 };
const SHA384 = { hash: 'sha384', hashName: 'SHA2_384', digestSize: 48 };
const SHA512 = { hash: 'sha512', hashName: 'SHA2_512', digestSize: 64 };

/**
 * The schemes that a Rekor v2 log takes by default and that sign a digest (rekor-tiles internal/algorithmregistry; names are those of
 * sigstore protobuf-specs PublicKeyDetails). Pure Ed25519 is not among them: it cannot be verified from a digest.
 */
export const KEY_DETAILS: readonly KeyDetails[] = [
  { name: 'PKIX_ECDSA_P256_SHA_256', keyType: 'ec', parameter: 'prime256v1', ...SHA256 },
  { name: 'PKIX_ECDSA_P384_SHA_384', keyType: 'ec', parameter: 'secp384r1', ...SHA384 },
  { name: 'PKIX_ECDSA_P521_SHA_512', keyType: 'ec', parameter: 'secp521r1', ...SHA512 },
  { name: 'PKIX_RSA_PKCS1V15_2048_SHA256', keyType: 'rsa', parameter: 2048, ...SHA256 },
  { name: 'PKIX_RSA_PKCS1V15_3072_SHA256', keyType: 'rsa', parameter: 3072, ...SHA256 },
  { name: 'PKIX_RSA_PKCS1V15_4096_SHA256', keyType: 'rsa', parameter: 4096, ...SHA256 },
  { name: 'PKIX_ED25519_PH', keyType: 'ed25519', parameter: undefined, ...SHA512 },
];

/**
 * The scheme that verifiers assume for a key when they rebuild its entry (sigstore pkg/signature, GetDefaultPublicKeyDetails with Ed25519ph).
 * An Ed25519 key counts as Ed25519ph; the caller knows whether its signature is one.
 * Throws input KEY_NOT_LOGGABLE for other key types, curves and RSA sizes.
 */
export function keyDetailsOf(publicKey: KeyObject): KeyDetails {
  const details = KEY_DETAILS.find((candidate) => fitsKey(candidate, publicKey));
  if (details !== undefined) return details;
  throw inputError('KEY_NOT_LOGGABLE', `a Rekor v2 log takes no signature by a key of type ${describeKey(publicKey)}`, {
    hint: 'sign with ECDSA P-256 (what cosign generates), P-384 or P-521, or with RSA of 2048, 3072 or 4096 bits',
  });
}

/** Whether the key is one that the scheme signs with. */
export function fitsKey(details: KeyDetails, publicKey: KeyObject): boolean {
  return publicKey.asymmetricKeyType === details.keyType && keyParameter(publicKey) === details.parameter;
}

/**
 * The bytes that a Rekor v2 log keeps and hashes for an entry: its JSON in canonical form (RFC 8785), as rekor-tiles writes it
 * (pkg/types/hashedrekord, ToEntryHash).
 */
export function hashedRekordBody({ digest, signature, keyDetails, verifier }: SignedDigest): Buffer {
  // RFC 8785 sorts by key; the literals below stand in that order and all values are ASCII, so JSON.stringify gives the canonical form.
  const entry = {
    apiVersion: HASHED_REKORD.version,
    kind: HASHED_REKORD.kind,
    spec: {
      hashedRekordV002: {
        data: { algorithm: keyDetails.hashName, digest: digest.toString('base64') },
        signature: { content: signature.toString('base64'), verifier: { keyDetails: keyDetails.name, ...verifierJson(verifier) } },
      },
    },
  };
  return Buffer.from(JSON.stringify(entry));
}

/** The only other kind that Rekor v2 logs ever took, before version 2.3 of the server (rekor-tiles pkg/types/dsse): an envelope by the digest of its payload. */
export const DSSE_V2 = { kind: 'dsse', version: '0.0.2' } as const;

/** The bytes of such an entry in canonical form, as `hashedRekordBody` has them; `payloadDigest` is the SHA-256 of the envelope's payload. */
export function dsseV2Body({ payloadDigest, signature, keyDetails, verifier }: Omit<SignedDigest, 'digest'> & { payloadDigest: Buffer }): Buffer {
  const entry = {
    apiVersion: DSSE_V2.version,
    kind: DSSE_V2.kind,
    spec: {
      dsseV002: {
        payloadHash: { algorithm: SHA256.hashName, digest: payloadDigest.toString('base64') },
        signatures: [{ content: signature.toString('base64'), verifier: { keyDetails: keyDetails.name, ...verifierJson(verifier) } }],
      },
    },
  };
  return Buffer.from(JSON.stringify(entry));
}

/** The JSON request that asks a Rekor v2 log for the entry (rekor-tiles CLIENTS.md, "Rekor v2 API"). */
export function hashedRekordRequest({ digest, signature, keyDetails, verifier }: SignedDigest): Buffer {
  const request = {
    hashedRekordRequestV002: {
      digest: digest.toString('base64'),
      signature: { content: signature.toString('base64'), verifier: { ...verifierJson(verifier), keyDetails: keyDetails.name } },
    },
  };
  return Buffer.from(JSON.stringify(request));
}

function verifierJson(verifier: SignedDigest['verifier']): Record<string, { rawBytes: string }> {
  if ('publicKey' in verifier) return { publicKey: { rawBytes: verifier.publicKey.toString('base64') } };
  return { x509Certificate: { rawBytes: verifier.x509Certificate.toString('base64') } };
}

function keyParameter(publicKey: KeyObject): string | number | undefined {
  return publicKey.asymmetricKeyDetails?.namedCurve ?? publicKey.asymmetricKeyDetails?.modulusLength;
}

function describeKey(publicKey: KeyObject): string {
  const parameter = keyParameter(publicKey);
  return parameter === undefined ? `${publicKey.asymmetricKeyType}` : `${publicKey.asymmetricKeyType} (${parameter})`;
}
