// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { strictBase64 } from './checkpoint.ts';

/** The library takes anything for a text and drops what is not base64 from bytes, so that two readers of one bundle could see different ones. */
const bytes = z.string().refine((text) => strictBase64(text) !== undefined, 'is not base64');
/** 64-bit numbers are strings or numbers (protobuf, "ProtoJSON"), and none in a bundle is negative. */
const count = z.union([z.string().regex(/^(?:0|[1-9][0-9]{0,18})$/, 'is not a number that is there'), z.int().min(0)]);
const text = z.string();

/** ProtoJSON takes null for what is not there. */
function optional<T extends z.ZodType>(schema: T): z.ZodOptional<z.ZodNullable<T>> {
  return schema.nullable().optional();
}

const Certificate = z.object({ rawBytes: bytes });
const Digest = z.object({ algorithm: z.union([text, z.int()]), digest: bytes });

const InclusionProof = z.object({
  logIndex: optional(count),
  rootHash: bytes,
  treeSize: optional(count),
  hashes: optional(z.array(bytes).max(64)),
  checkpoint: optional(z.object({ envelope: text })),
});

const LogEntry = z.object({
  logIndex: optional(count),
  logId: z.object({ keyId: bytes }),
  kindVersion: z.object({ kind: text, version: text }),
  integratedTime: optional(count),
  inclusionPromise: optional(z.object({ signedEntryTimestamp: bytes })),
  inclusionProof: optional(InclusionProof),
  canonicalizedBody: bytes,
});

const Material = z.object({
  publicKey: optional(z.object({ hint: optional(text) })),
  x509CertificateChain: optional(z.object({ certificates: z.array(Certificate) })),
  certificate: optional(Certificate),
  tlogEntries: optional(z.array(LogEntry)),
  timestampVerificationData: optional(z.object({ rfc3161Timestamps: optional(z.array(z.object({ signedTimestamp: bytes }))) })),
});

const Envelope = z.object({
  payload: bytes,
  payloadType: text,
  signatures: z.array(z.object({ sig: bytes, keyid: optional(text) })),
});

/** Exactly one of what only one may be of (protobuf, "oneof"). */
function oneOf(names: readonly string[]): (mapping: object) => boolean {
  return (mapping) => Object.entries(mapping).filter(([name, value]) => names.includes(name) && value !== null && value !== undefined).length === 1;
}

/** The JSON of a Sigstore bundle of any version (protobuf-specs, sigstore_bundle.proto) as to its types; fields that are not known are passed over. */
export const BundleJson = z
  .object({
    mediaType: text,
    verificationMaterial: Material.refine(oneOf(['publicKey', 'x509CertificateChain', 'certificate']), 'is not of exactly one key or certificate'),
    messageSignature: optional(z.object({ messageDigest: Digest, signature: bytes })),
    dsseEnvelope: optional(Envelope),
  })
  .refine(oneOf(['messageSignature', 'dsseEnvelope']), 'is not of exactly one message or envelope');
