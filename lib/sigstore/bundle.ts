// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, type KeyObject, sign } from 'node:crypto';
import { type Bundle, bundleFromJSON, bundleToJSON } from '@sigstore/bundle';
import { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import { bugError, deniedError } from '../errors/errors.ts';
import { IN_TOTO_PAYLOAD_TYPE, preAuthenticationEncoding } from '../intoto/dsse.ts';
import { hashAlgorithm, publicKeyHint } from './public-key.ts';

/** Media type of a Sigstore bundle v0.3, which is also the artifact type of the referrer that carries it (cosign specs/BUNDLE_SPEC.md). */
export const BUNDLE_MEDIA_TYPE = 'application/vnd.dev.sigstore.bundle.v0.3+json';

/** Both spellings of version 0.3 (protobuf-specs, Bundle.media_type); older ones are refused, as by cosign, because they may lack an inclusion proof. */
const BUNDLE_V03 = /^application\/vnd\.dev\.sigstore\.bundle(?:\+json;version=0\.3|\.v0\.3\+json)$/;

/** The SHA-256 of signed bytes that are not at hand, and whether a key made a signature over it. */
export type DigestOnly = { sha256: Buffer; isSignedBy(key: KeyObject, signature: Buffer): boolean };

/** A signature with all that proves it, in the shape that verification takes: of a DSSE envelope, the only kind that a referrer holds, or of cosign's simple signing (`decodeLegacyLayer`). */
export type DsseBundle = {
  payload: Buffer;
  payloadType: string;
  signature: Buffer;
  /** Hint of the public key, undefined for a certificate. */
  hint: string | undefined;
  /** Certificate of the signer (DER), undefined for a key. What it says is a claim until `verifyCertificate` has confirmed it. */
  certificate: Buffer | undefined;
  logEntries: readonly TransparencyLogEntry[];
  /** Where the signature is about an artifact of which the digest alone is at hand; `payload` is empty then. */
  digestOnly?: DigestOnly;
  /** What timestamps are about where that is not the signature: the whole envelope in cosign's legacy attestations. */
  stamped?: Buffer;
  bundle: Bundle;
};

/** The bytes that the signature covers: the pre-authentication encoding of an envelope, or the bare payload of a message signature (cosign's simple signing). */
export function signedBytes({ bundle, payload, payloadType, digestOnly }: DsseBundle): Buffer {
  if (digestOnly) throw bugError('SIGNED_BYTES_MISSING', 'of what was signed the digest alone is at hand');
  return bundle.content.$case === 'messageSignature' ? payload : preAuthenticationEncoding(payloadType, payload);
}

/** Signs an in-toto statement with a private key that is at hand; with `certificate` (DER) the bundle carries that and no hint. */
export function signStatement(payload: Buffer, privateKey: KeyObject, certificate?: Buffer): DsseBundle {
  const publicKey = createPublicKey(privateKey);
  const signature = sign(hashAlgorithm(publicKey, 'the signing key'), statementBytes(payload), privateKey);
  return bundleStatement(payload, signature, certificate ? { certificate } : { key: publicKey });
}

/** What the signature of an in-toto statement is made over. */
export function statementBytes(payload: Buffer): Buffer {
  return preAuthenticationEncoding(IN_TOTO_PAYLOAD_TYPE, payload);
}

/** An in-toto statement with the signature over `statementBytes` and what it was made by: a key, or that of a certificate (DER). The envelope's keyid stays empty: cosign refuses any other than the SSH fingerprint of the key. */
export function bundleStatement(payload: Buffer, signature: Buffer, by: { key: KeyObject } | { certificate: Buffer }): DsseBundle {
  const signer = 'certificate' in by ? { certificate: { rawBytes: by.certificate.toString('base64') } } : { publicKey: { hint: publicKeyHint(by.key) } };
  const json = {
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { ...signer, tlogEntries: [], timestampVerificationData: { rfc3161Timestamps: [] } },
    dsseEnvelope: { payload: payload.toString('base64'), payloadType: IN_TOTO_PAYLOAD_TYPE, signatures: [{ sig: signature.toString('base64') }] },
  };
  return decodeBundle(Buffer.from(JSON.stringify(json)), 'the new signature');
}

/** The same bundle with a transparency log entry added; `entry` is the JSON that the log answered. */
export function withLogEntry(unlogged: DsseBundle, entry: unknown): DsseBundle {
  const json = bundleToJSON(unlogged.bundle) as { verificationMaterial: { tlogEntries?: unknown[] } };
  json.verificationMaterial.tlogEntries = [...(json.verificationMaterial.tlogEntries ?? []), TransparencyLogEntry.toJSON(TransparencyLogEntry.fromJSON(entry))];
  return rebuilt(unlogged, json, 'the logged signature');
}

/** The same bundle with timestamps of its signature (DER, RFC 3161 TimeStampResp). */
export function withTimestamps(bare: DsseBundle, timestamps: readonly Buffer[]): DsseBundle {
  const json = bundleToJSON(bare.bundle) as { verificationMaterial: { timestampVerificationData?: unknown } };
  json.verificationMaterial.timestampVerificationData = { rfc3161Timestamps: timestamps.map((der) => ({ signedTimestamp: der.toString('base64') })) };
  return rebuilt(bare, json, 'the timestamped signature');
}

function rebuilt(old: DsseBundle, json: object, what: string): DsseBundle {
  if (old.bundle.content.$case !== 'messageSignature') return decodeBundle(Buffer.from(JSON.stringify(json)), what);
  const bundle = bundleFromJSON(json);
  return { ...old, logEntries: bundle.verificationMaterial.tlogEntries, bundle };
}

/** The bundle as JSON bytes; equal bundles give equal bytes. */
export function encodeBundle(bundle: DsseBundle): Buffer {
  return Buffer.from(JSON.stringify(bundleToJSON(bundle.bundle)));
}

/** Reads a bundle (Sigstore protobuf-specs, Bundle). Throws denied BUNDLE_INVALID, naming `what`, unless it holds one DSSE envelope with exactly one signature. */
export function decodeBundle(bytes: Buffer, what: string): DsseBundle {
  let bundle: Bundle;
  try {
    bundle = bundleFromJSON(JSON.parse(bytes.toString('utf8')));
  } catch (cause) {
    throw deniedError('BUNDLE_INVALID', `${what} is not a Sigstore bundle`, { cause });
  }
  if (!BUNDLE_V03.test(bundle.mediaType)) throw deniedError('BUNDLE_INVALID', `${what} is of type "${bundle.mediaType}"; as referrer a bundle has version 0.3`);
  if (bundle.content.$case !== 'dsseEnvelope') throw deniedError('BUNDLE_INVALID', `${what} holds a message signature, not a DSSE envelope`);
  const envelope = bundle.content.dsseEnvelope;
  const [signature, ...more] = envelope.signatures;
  if (!signature || more.length > 0) throw deniedError('BUNDLE_INVALID', `${what} holds ${envelope.signatures.length} signatures instead of one`);
  const material = bundle.verificationMaterial;
  if (material.content.$case === 'x509CertificateChain') throw deniedError('BUNDLE_INVALID', `${what} holds a chain of certificates; version 0.3 has one`);
  return {
    payload: envelope.payload,
    payloadType: envelope.payloadType,
    signature: signature.sig,
    hint: material.content.$case === 'publicKey' ? material.content.publicKey.hint : undefined,
    certificate: material.content.$case === 'certificate' ? material.content.certificate.rawBytes : undefined,
    logEntries: material.tlogEntries,
    bundle,
  };
}
