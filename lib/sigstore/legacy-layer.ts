// SPDX-License-Identifier: Apache-2.0
import { createHash, X509Certificate } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import type { TransparencyLogEntry } from '@sigstore/protobuf-specs';
import * as z from 'zod';
import { deniedError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';

/** Media types of the layers under cosign's legacy tags (cosign specs/SIGNATURE_SPEC.md, pkg/types/media.go). */
export const SIMPLE_SIGNING_TYPE = 'application/vnd.dev.cosign.simplesigning.v1+json';
export const DSSE_ENVELOPE_TYPE = 'application/vnd.dsse.envelope.v1+json';

/** Annotations of those layers (cosign pkg/oci/static/options.go). */
export const LEGACY_ANNOTATION = {
  signature: 'dev.cosignproject.cosign/signature',
  certificate: 'dev.sigstore.cosign/certificate',
  bundle: 'dev.sigstore.cosign/bundle',
  timestamp: 'dev.sigstore.cosign/rfc3161timestamp',
} as const;

/** Version 0.1 takes a log's promise in place of a proof, which is all that these layers can hold. */
const BUNDLE_V01 = 'application/vnd.dev.sigstore.bundle+json;version=0.1';
const PEM_CERTIFICATE = /^\s*-----BEGIN CERTIFICATE-----[^-]+-----END CERTIFICATE-----\s*$/;

const index = z.int().min(0);
const base64 = z.base64().max(1024 * 1024);
const LogBundle = z.object({
  SignedEntryTimestamp: base64,
  Payload: z.object({ body: base64, integratedTime: index, logIndex: index, logID: z.string().regex(/^[0-9a-f]{64}$/) }),
});
const EntryBody = z.object({ kind: z.string().max(64), apiVersion: z.string().max(64) });
const Timestamp = z.object({ SignedRFC3161Timestamp: base64 });
const Envelope = z.object({
  payload: base64.max(256 * 1024 * 1024),
  payloadType: z.string().max(255),
  signatures: z.array(z.object({ sig: base64 })).length(1),
});

/** A layer of the legacy layout: its bytes and the annotations of its descriptor. */
export type LegacyLayer = { kind: 'signature' | 'attestation'; bytes: Buffer; annotations: Readonly<Record<string, string>> };

/**
 * Reads a layer of cosign's legacy layout as what it is: a signature over bare bytes (simple signing) or over a DSSE envelope, with the certificate, the log's promise and the timestamp in
 * its annotations. The chain is not read: authorities come from the trusted root alone. Throws denied LEGACY_LAYER_INVALID, naming `what`.
 */
export function decodeLegacyLayer({ kind, bytes, annotations }: LegacyLayer, what: string): DsseBundle {
  try {
    const content = kind === 'signature' ? messageOf(bytes, annotations) : envelopeOf(bytes);
    const certificate = certificateOf(annotations);
    const { payload, payloadType, signature } = content;
    const signer = certificate ? { x509CertificateChain: { certificates: [{ rawBytes: certificate.toString('base64') }] } } : { publicKey: { hint: '' } };
    const bundle = bundleFromJSON({
      mediaType: BUNDLE_V01,
      verificationMaterial: { ...signer, tlogEntries: logEntriesOf(annotations), timestampVerificationData: { rfc3161Timestamps: timestampsOf(annotations) } },
      ...content.json,
    });
    const { tlogEntries: logEntries } = bundle.verificationMaterial;
    return { payload, payloadType, signature, hint: undefined, certificate, logEntries, bundle, ...(kind === 'attestation' && { stamped: bytes }) };
  } catch (cause) {
    const problem = cause instanceof z.ZodError ? `${cause.issues[0]?.path.join('.')}: ${cause.issues[0]?.message}` : (cause as Error).message;
    throw deniedError('LEGACY_LAYER_INVALID', `${what} is not what cosign writes: ${problem.slice(0, 300)}`, { cause });
  }
}

/** The annotation with an entry of Rekor v1: what the log promised about it. Throws an Error for an entry that it did not promise: Rekor v2 promises nothing. */
export function logAnnotation(entry: TransparencyLogEntry): Record<string, string> {
  const { inclusionPromise, canonicalizedBody, integratedTime, logIndex, logId } = entry;
  if (!inclusionPromise || !logId) throw new Error('the log entry holds no signed entry timestamp');
  const Payload = {
    body: canonicalizedBody.toString('base64'),
    integratedTime: Number(integratedTime),
    logIndex: Number(logIndex),
    logID: Buffer.from(logId.keyId).toString('hex'),
  };
  return { [LEGACY_ANNOTATION.bundle]: JSON.stringify({ SignedEntryTimestamp: inclusionPromise.signedEntryTimestamp.toString('base64'), Payload }) };
}

/** The annotation with a timestamp (DER, RFC 3161 TimeStampResp). */
export function timestampAnnotation(der: Buffer): Record<string, string> {
  return { [LEGACY_ANNOTATION.timestamp]: JSON.stringify({ SignedRFC3161Timestamp: der.toString('base64') }) };
}

type Content = { payload: Buffer; payloadType: string; signature: Buffer; json: object };

function messageOf(payload: Buffer, annotations: LegacyLayer['annotations']): Content {
  const signature = base64
    .min(1)
    .parse(annotations[LEGACY_ANNOTATION.signature], { error: () => `no base64 in the annotation ${LEGACY_ANNOTATION.signature}` });
  const messageDigest = { algorithm: 'SHA2_256', digest: createHash('sha256').update(payload).digest('base64') };
  return { payload, payloadType: SIMPLE_SIGNING_TYPE, signature: Buffer.from(signature, 'base64'), json: { messageSignature: { messageDigest, signature } } };
}

function envelopeOf(bytes: Buffer): Content {
  const { payload, payloadType, signatures } = Envelope.parse(JSON.parse(bytes.toString('utf8')));
  const [sig = ''] = signatures.map((signature) => signature.sig);
  return {
    payload: Buffer.from(payload, 'base64'),
    payloadType,
    signature: Buffer.from(sig, 'base64'),
    json: { dsseEnvelope: { payload, payloadType, signatures: [{ sig }] } },
  };
}

/** The one certificate of the signer, in DER. */
function certificateOf(annotations: LegacyLayer['annotations']): Buffer | undefined {
  const pem = annotations[LEGACY_ANNOTATION.certificate];
  if (pem === undefined || pem === '') return undefined;
  if (!PEM_CERTIFICATE.test(pem)) throw new Error('its certificate is not one certificate in PEM form');
  return new X509Certificate(pem).raw;
}

/** The entry of Rekor v1, as a bundle holds it. */
function logEntriesOf(annotations: LegacyLayer['annotations']): object[] {
  const text = annotations[LEGACY_ANNOTATION.bundle];
  if (text === undefined || text === '') return [];
  const { SignedEntryTimestamp: signedEntryTimestamp, Payload: entry } = LogBundle.parse(JSON.parse(text));
  const { kind, apiVersion } = EntryBody.parse(JSON.parse(Buffer.from(entry.body, 'base64').toString('utf8')));
  return [
    {
      logIndex: String(entry.logIndex),
      logId: { keyId: Buffer.from(entry.logID, 'hex').toString('base64') },
      kindVersion: { kind, version: apiVersion },
      integratedTime: String(entry.integratedTime),
      inclusionPromise: { signedEntryTimestamp },
      canonicalizedBody: entry.body,
    },
  ];
}

function timestampsOf(annotations: LegacyLayer['annotations']): object[] {
  const text = annotations[LEGACY_ANNOTATION.timestamp];
  if (text === undefined || text === '') return [];
  return [{ signedTimestamp: Timestamp.parse(JSON.parse(text)).SignedRFC3161Timestamp }];
}
