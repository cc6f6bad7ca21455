// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { deniedError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';
import { type CertificateIdentity, parseCertificate, verifyCertificate } from './certificate.ts';
import { keyFingerprint, type NamedKey } from './public-key.ts';
import type { Trust } from './trusted-root.ts';
import { earliest, timestampsOf, type VerifiedTime } from './verified-time.ts';
import { type LogFinding, verifyLogEntries } from './verify-log.ts';
import { type NamedIdentity, whoIsNamed, whoSigned } from './who-signed.ts';

/** The keys, identities, logs and authorities that verification believes. */
export type TrustedParties = { keys: readonly NamedKey[]; identities?: readonly NamedIdentity[]; trust: Trust | undefined };

/**
 * One that signed, by the name that the caller gave. `fingerprint` (`sha256:<hex>`) tells signers apart: of the SubjectPublicKeyInfo of a key, or of what a certificate says,
 * since its key serves one signature alone.
 */
export type VerifiedSigner = { name: string; fingerprint: string; identity?: CertificateIdentity };

/** What a bundle proves: who signed it, its log entry, and when it was there at the latest. */
export type VerifiedBundle = { signers: readonly VerifiedSigner[]; log: LogFinding; time: VerifiedTime | undefined };

/**
 * The one verification of a bundle: the signature by a trusted key, or by a certificate for a trusted identity; its log entries; its timestamps. The payload is for the caller to read.
 * Throws denied SIGNATURE_UNKNOWN, CERTIFICATE_INVALID, CERTIFICATE_UNTIMED, LOG_ENTRY_INVALID and TIMESTAMP_INVALID, naming `what`, and input KEY_UNSUPPORTED.
 */
export function verifyBundle(bundle: DsseBundle, parties: TrustedParties, what: string): VerifiedBundle {
  return bundle.certificate ? verifyKeyless({ ...bundle, certificate: bundle.certificate }, parties, what) : verifyKeyed(bundle, parties, what);
}

function verifyKeyed(bundle: DsseBundle, { keys, trust }: TrustedParties, what: string): VerifiedBundle {
  const signers = whoSigned(bundle, keys);
  const [signer] = signers;
  if (!signer) throw deniedError('SIGNATURE_UNKNOWN', `none of the trusted keys signed ${what}`);
  const stamped = timestampsOf(bundle, trust, what);
  const log = verifyLogEntries(bundle, { key: signer.key }, trust, what, datesOf(stamped));
  return {
    signers: signers.map(({ name, key }) => ({ name, fingerprint: keyFingerprint(key) })),
    log,
    time: earliest([...stamped, ...logTimes(log)]),
  };
}

function verifyKeyless(bundle: DsseBundle & { certificate: Buffer }, { identities = [], trust }: TrustedParties, what: string): VerifiedBundle {
  if (!trust) throw deniedError('SIGNATURE_UNKNOWN', `${what} is signed with a certificate, and no trusted root says which authorities to believe`);
  const { publicKey: key, notBefore } = parseCertificate(bundle.certificate, what);
  const stamped = timestampsOf(bundle, trust, what);
  const log = verifyLogEntries(bundle, { key, certificate: bundle.certificate }, trust, what, datesOf(stamped));
  const times = [...stamped, ...logTimes(log)];
  const identity = verifyCertificate(bundle, trust, times, what);
  const signers = whoIsNamed(identity, identities);
  if (signers.length === 0) {
    throw deniedError('SIGNATURE_UNKNOWN', `${what} is signed by ${identity.subject} (issuer ${identity.issuer}), who is none of the trusted identities`);
  }
  const fingerprint = `sha256:${createHash('sha256')
    .update(JSON.stringify([identity.issuer, identity.subject]))
    .digest('hex')}`;
  return { signers: signers.map(({ name }) => ({ name, fingerprint, identity })), log, time: earliest(times, notBefore) };
}

function logTimes(finding: LogFinding): Extract<LogFinding, { times: unknown }>['times'] {
  return 'times' in finding ? finding.times : [];
}

function datesOf(times: readonly VerifiedTime[]): Date[] {
  return times.map(({ at }) => at);
}
