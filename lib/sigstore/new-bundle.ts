// SPDX-License-Identifier: Apache-2.0
import { X509Certificate } from '@sigstore/core';
import { deniedError } from '../errors/errors.ts';
import type { DsseBundle } from './bundle.ts';
import type { IdentityToken } from './identity-token.ts';
import type { NamedKey } from './public-key.ts';
import type { Trust } from './trusted-root.ts';
import { verifyBundle } from './verify-bundle.ts';
import type { LogFinding } from './verify-log.ts';
import type { NamedIdentity } from './who-signed.ts';

/** Fulcio's docs/oid-info.md: Issuer (V2) and Token Subject, both DER UTF8String. */
const ISSUER = '1.3.6.1.4.1.57264.1.8';
const TOKEN_SUBJECT = '1.3.6.1.4.1.57264.1.24';
const SERVICE_ACCOUNT = /^system:serviceaccount:([^:]+):([^:]+)$/;

/** Whoever the certificate names: that it is ours was settled by its key, or by `isCertificateOf`. */
const ANYBODY: NamedIdentity = { name: 'the signer', issuer: /^/, subject: /^/ };

/**
 * Whether a bundle of ours is believed with this trusted root: by `key`, or by its certificate, whoever that names; `logged` demands a log entry that is verified. Gives what its entries prove.
 * Throws denied LOG_ENTRY_INVALID and what `verifyBundle` throws, naming `what`.
 */
export function checkNewBundle(bundle: DsseBundle, key: NamedKey | undefined, trust: Trust, { logged }: { logged: boolean }, what: string): LogFinding {
  const { log } = verifyBundle(bundle, { keys: key ? [key] : [], identities: [ANYBODY], trust }, what);
  if (logged && 'problem' in log) throw deniedError('LOG_ENTRY_INVALID', `${what} is not to be published: ${log.problem}`);
  return log;
}

/** Whether the certificate (DER) is one that Fulcio gives to the holder of this token: the same issuer, and the same subject, which a Fulcio from before 1.8 does not name, so that the alternative name decides. */
export function isCertificateOf(certificate: Buffer, { issuer, subject, challenge }: Pick<IdentityToken, 'issuer' | 'subject' | 'challenge'>): boolean {
  try {
    const parsed = X509Certificate.parse(Buffer.from(certificate));
    if (text(parsed, ISSUER) !== issuer) return false;
    const named = text(parsed, TOKEN_SUBJECT);
    if (named !== undefined) return named === subject;
    const [, namespace, name] = SERVICE_ACCOUNT.exec(subject) ?? [];
    return parsed.subjectAltName === (name === undefined ? challenge : `https://kubernetes.io/namespaces/${namespace}/serviceaccounts/${name}`);
  } catch {
    // What cannot be read is nobody's; it came from the registry, where anybody may have put it.
    return false;
  }
}

function text(certificate: X509Certificate, oid: string): string | undefined {
  return certificate.extension(oid)?.valueObj.subs[0]?.value.toString('utf8');
}
