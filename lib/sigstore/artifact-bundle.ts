// SPDX-License-Identifier: Apache-2.0
import { createHash, X509Certificate } from 'node:crypto';
import { type Bundle, bundleFromJSON } from '@sigstore/bundle';
import { HashAlgorithm } from '@sigstore/protobuf-specs';
import { deniedError } from '../errors/errors.ts';
import { parseStrictJson } from '../intoto/strict-json.ts';
import type { DsseBundle } from './bundle.ts';
import { BundleJson } from './bundle-json.ts';
import { verifiesDigest } from './digest-signature.ts';
import { keyDetailsOf } from './hashedrekord.ts';

/** An artifact as whoever verifies has it: its bytes, or its SHA-256 alone. */
export type Artifact = { bytes: Buffer } | { sha256: Buffer };

/** Most bytes of a bundle beside an artifact; the statement of an attestation may be large. */
export const MAX_BUNDLE_BYTES = 64 * 1024 * 1024;
const MAX_CHAIN = 10;

/** The versions there are, in both spellings (protobuf-specs, Bundle.media_type). */
const VERSIONS: readonly RegExp[] = ['0.1', '0.2', '0.3'].map((version) => {
  const dotted = version.replace('.', '\\.');
  return new RegExp(`^application/vnd\\.dev\\.sigstore\\.bundle(?:\\+json;version=${dotted}|\\.v${dotted}\\+json)$`);
});
const [, , V03] = VERSIONS;

const HASHES: ReadonlyMap<HashAlgorithm, string> = new Map([
  [HashAlgorithm.SHA2_256, 'sha256'],
  [HashAlgorithm.SHA2_384, 'sha384'],
  [HashAlgorithm.SHA2_512, 'sha512'],
]);

/**
 * Reads a bundle of version 0.1 to 0.3 that lies beside an artifact, with a DSSE envelope or a signature over the artifact itself; its digest has to be the one that the bundle names.
 * Of a chain of certificates (up to version 0.2) the first counts: authorities come from the trusted root alone. Throws denied BUNDLE_INVALID and SUBJECT_MISMATCH, naming `what`.
 */
export function decodeArtifactBundle(bytes: Buffer, artifact: Artifact, what: string): DsseBundle {
  const bundle = parseBundle(bytes, what);
  const material = bundle.verificationMaterial;
  const common = {
    hint: material.content.$case === 'publicKey' ? material.content.publicKey.hint : undefined,
    certificate: certificateOf(bundle, what),
    logEntries: material.tlogEntries,
    bundle,
  };
  if (bundle.content.$case === 'dsseEnvelope') {
    const { payload, payloadType, signatures } = bundle.content.dsseEnvelope;
    const [signature, ...more] = signatures;
    if (!signature || more.length > 0) throw invalid(what, `holds ${signatures.length} signatures instead of one`);
    return { ...common, payload, payloadType, signature: signature.sig };
  }
  const { messageDigest, signature } = bundle.content.messageSignature;
  checkDigest(messageDigest, artifact, what);
  const signed = { ...common, payloadType: '', signature };
  return 'bytes' in artifact ? { ...signed, payload: artifact.bytes } : { ...signed, payload: Buffer.alloc(0), digestOnly: digestOnly(artifact.sha256) };
}

function parseBundle(bytes: Buffer, what: string): Bundle {
  if (bytes.length > MAX_BUNDLE_BYTES) throw invalid(what, `has ${bytes.length} bytes, more than ${MAX_BUNDLE_BYTES}`);
  let bundle: Bundle;
  try {
    const json = parseStrictJson(new TextDecoder('utf-8', { fatal: true }).decode(bytes));
    const problem = BundleJson.safeParse(json).error?.issues[0];
    if (problem) throw new Error(`${problem.path.join('.') || 'the bundle'} ${problem.message}`.slice(0, 300));
    bundle = bundleFromJSON(json);
  } catch (cause) {
    throw deniedError('BUNDLE_INVALID', `${what} is not a Sigstore bundle`, { cause });
  }
  if (!VERSIONS.some((version) => version.test(bundle.mediaType)))
    throw invalid(what, `is of the type "${bundle.mediaType.slice(0, 100)}", which is not known`);
  if (V03?.test(bundle.mediaType) && bundle.verificationMaterial.content.$case === 'x509CertificateChain')
    throw invalid(what, 'holds a chain of certificates; version 0.3 has one');
  return bundle;
}

/** The certificate of the signer, the first of a chain. The specification forbids a root in there, and a chain has no other use. */
function certificateOf(bundle: Bundle, what: string): Buffer | undefined {
  const { content } = bundle.verificationMaterial;
  if (content.$case === 'certificate') return content.certificate.rawBytes;
  if (content.$case !== 'x509CertificateChain') return undefined;
  const [signer, ...authorities] = content.x509CertificateChain.certificates.map(({ rawBytes }) => rawBytes);
  if (authorities.length >= MAX_CHAIN) throw invalid(what, `holds a chain of more than ${MAX_CHAIN} certificates`);
  if (authorities.some((der) => isSelfIssued(der, what))) throw invalid(what, 'holds a root certificate, which only the trusted root may name');
  return signer;
}

function isSelfIssued(der: Buffer, what: string): boolean {
  try {
    const { subject, issuer } = new X509Certificate(der);
    return subject === issuer;
  } catch (cause) {
    throw deniedError('BUNDLE_INVALID', `${what} holds a chain with something that is no certificate`, { cause });
  }
}

/** The digest in the bundle helps to find it and proves nothing; one of something else is a sign of a mistake or worse (protobuf-specs, MessageSignature.message_digest). */
function checkDigest({ algorithm, digest }: { algorithm: HashAlgorithm; digest: Buffer }, artifact: Artifact, what: string): void {
  const hash = HASHES.get(algorithm);
  if (hash === undefined) throw invalid(what, 'names a digest whose hash is not known');
  if ('sha256' in artifact && hash !== 'sha256') throw invalid(what, `names a ${hash} digest, and of the artifact the sha256 alone was given`);
  const found = 'bytes' in artifact ? createHash(hash).update(artifact.bytes).digest() : artifact.sha256;
  if (!found.equals(digest))
    throw deniedError('SUBJECT_MISMATCH', `${what} speaks about another artifact: its digest is ${hash}:${digest.toString('hex').slice(0, 128)}`);
}

function digestOnly(sha256: Buffer): NonNullable<DsseBundle['digestOnly']> {
  return { sha256, isSignedBy: (key, signature) => verifiesDigest({ digest: sha256, signature, publicKey: key, keyDetails: keyDetailsOf(key) }) };
}

function invalid(what: string, problem: string): Error {
  return deniedError('BUNDLE_INVALID', `${what} ${problem}`);
}
