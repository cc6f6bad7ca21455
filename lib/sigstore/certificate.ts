// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, X509Certificate as NodeCertificate } from 'node:crypto';
import { X509Certificate } from '@sigstore/core';
import { type SignedEntity, Verifier } from '@sigstore/verify';
import { deniedError, StepError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';
import { isSignedBy } from './signed-content.ts';
import type { Trust } from './trusted-root.ts';
import type { ProvenTime } from './verified-time.ts';

/** Whom a certificate authority of the trusted root saw: the subject alternative name, and the issuer of the token that it came with. */
export type CertificateIdentity = { subject: string; issuer: string };

const MAX_CERTIFICATE_BYTES = 64 * 1024;
const CODE_SIGNING = '1.3.6.1.5.5.7.3.3';
const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';
/** fulcio docs/oid-info.md: the issuer as DER string, and as bare bytes, and the name of a user where it is neither a URI nor an address. */
const ISSUER_V2 = '1.3.6.1.4.1.57264.1.8';
const ISSUER_V1 = '1.3.6.1.4.1.57264.1.1';
const USERNAME = '1.3.6.1.4.1.57264.1.7';

const TAG_OTHER_NAME = 0;
const TAG_EMAIL = 1;
const TAG_URI = 6;
const UTF8_STRING = 0x0c;

/** What a certificate says about its key; `purposes` are the object identifiers of its extended key usage. */
export type CertificateFacts = { publicKey: KeyObject; notBefore: Date; isAuthority: boolean; purposes: readonly string[] };

/** Reads the certificate of a bundle, without a look at who issued it. Throws denied CERTIFICATE_INVALID, naming `what`. */
export function parseCertificate(der: Buffer, what: string): CertificateFacts {
  try {
    if (der.length > MAX_CERTIFICATE_BYTES) throw new Error(`it has ${der.length} bytes, more than ${MAX_CERTIFICATE_BYTES}`);
    const certificate = new NodeCertificate(der);
    if (!certificate.raw.equals(der)) throw new Error('it is not DER, or more than that');
    // Node decodes the key when it is asked for, and then throws what is not of our kind.
    return { publicKey: certificate.publicKey, notBefore: certificate.validFromDate, isAuthority: certificate.ca, purposes: certificate.keyUsage ?? [] };
  } catch (cause) {
    throw invalid(what, cause);
  }
}

/**
 * Verifies that the certificate of the bundle made its signature, and gives whom it names. At each of the `times`, of which there must be one, it leads to a certificate authority of the
 * trusted root that was trusted then; certificate transparency logs of the trusted root promised to show it (RFC 6962); it is an end-entity certificate for code signing.
 * Throws denied CERTIFICATE_INVALID and CERTIFICATE_UNTIMED, naming `what`.
 */
export function verifyCertificate(bundle: DsseBundle & { certificate: Buffer }, trust: Trust, times: readonly ProvenTime[], what: string): CertificateIdentity {
  const { purposes, isAuthority } = parseCertificate(bundle.certificate, what);
  if (times.length === 0) {
    throw deniedError('CERTIFICATE_UNTIMED', `the certificate of ${what} counts for minutes, and no trusted timestamp authority or log says when it was used`, {
      hint: 'sign with a timestamp authority of the trusted root, or a Rekor v1 log of it',
    });
  }
  try {
    if (isAuthority) throw new Error('it is one of an authority');
    if (!purposes.includes(CODE_SIGNING)) throw new Error('it is not for code signing');
    const certificate = X509Certificate.parse(Buffer.from(bundle.certificate));
    if (!namesOneAlgorithm(certificate)) throw new Error('it names another signature algorithm inside than outside');
    const material = { ...trust, publicKey: noKey };
    const options = { tlogThreshold: 0, timestampThreshold: 1, ctlogThreshold: 1 };
    const entity: SignedEntity = {
      signature: signatureOf(bundle),
      key: { $case: 'certificate', certificate },
      tlogEntries: [],
      timestamps: times.map(({ proof }) => proof),
    };
    new Verifier(material, options).verify(entity);
    return certificateIdentity(certificate);
  } catch (cause) {
    if (cause instanceof StepError && cause.kind === 'input') throw cause;
    throw invalid(what, cause);
  }
}

/** Whom the certificate names, whoever issued it (fulcio docs/oid-info.md and certificate-specification.md). Throws an Error in words where that is not exactly one subject and issuer. */
export function certificateIdentity(certificate: X509Certificate): CertificateIdentity {
  return { subject: subjectOf(certificate), issuer: issuerOf(certificate) };
}

function signatureOf(bundle: DsseBundle): SignedEntity['signature'] {
  return {
    // The library looks at these bytes for timestamps alone.
    signature: bundle.stamped ?? bundle.signature,
    compareSignature: () => false,
    compareDigest: () => false,
    compareSignedDigest: () => false,
    verifySignature: (key) => isSignedBy(bundle, key, 'the key of the certificate'),
  };
}

/** RFC 5280 section 4.1.1.2: what stands beside the signed part, unsigned, repeats what stands in it behind version and serial number. The library does not look. */
function namesOneAlgorithm({ root, tbsCertificate }: X509Certificate): boolean {
  const [outside, inside] = [root.subs[1], tbsCertificate.subs[2]];
  return outside !== undefined && inside !== undefined && outside.toDER().equals(inside.toDER());
}

function noKey(): never {
  throw new Error('there is no key beside the certificate');
}

/** The one subject alternative name. With several, a verifier that looks at one and a person that reads another would see different signers. */
function subjectOf(certificate: X509Certificate): string {
  const [names, ...more] = certificate.extensions.filter((extension) => extension.subs[0]?.toOID() === SUBJECT_ALTERNATIVE_NAME);
  const [name, ...others] = names?.subs.at(-1)?.subs[0]?.subs ?? [];
  if (!name || more.length > 0 || others.length > 0) throw new Error('it does not name exactly one subject');
  if (name.tag.isContextSpecific(TAG_URI) || name.tag.isContextSpecific(TAG_EMAIL)) return plainText(name.value, /^[\x21-\x7e]+$/);
  const [oid, value] = name.tag.isContextSpecific(TAG_OTHER_NAME) ? name.subs : [];
  if (oid?.toOID() !== USERNAME) throw new Error('its subject is neither a URI nor an email address nor a user name');
  return utf8String(value?.subs[0]);
}

function issuerOf(certificate: X509Certificate): string {
  const [current, old] = [certificate.extension(ISSUER_V2), certificate.extension(ISSUER_V1)];
  const plain = old && plainText(old.value, /^[\x21-\x7e]+$/);
  const issuer = current ? utf8String(current.valueObj.subs[0]) : plain;
  if (issuer === undefined) throw new Error('it does not name the issuer of the identity');
  if (plain !== undefined && plain !== issuer) throw new Error('it names two issuers');
  return issuer;
}

function utf8String(object: { tag: { number: number; isUniversal(): boolean }; value: Buffer } | undefined): string {
  if (!object?.tag.isUniversal() || object.tag.number !== UTF8_STRING) throw new Error('it holds a name that is no UTF-8 string');
  return plainText(object.value, /^[^\p{C}]+$/u);
}

/** The text of the bytes; a decoder that drops bits or passes over control characters would let one name look like another. */
function plainText(bytes: Buffer, allowed: RegExp): string {
  const text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes);
  if (text.length > 1000 || !allowed.test(text)) throw new Error('it holds a name with characters that no name has');
  return text;
}

function invalid(what: string, cause: unknown): StepError {
  const chain =
    cause instanceof Error && cause.cause instanceof Error ? `${cause.message}: ${cause.cause.message}` : cause instanceof Error ? cause.message : cause;
  return deniedError('CERTIFICATE_INVALID', `the certificate of ${what} does not prove who signed: ${chain}`, { cause });
}
