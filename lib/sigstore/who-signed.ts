// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import type { DsseBundle } from './bundle.ts';
import type { CertificateIdentity } from './certificate.ts';
import { hashAlgorithm, type NamedKey } from './public-key.ts';
import { isSignedBy } from './signed-content.ts';
import type { TextPattern } from './text-pattern.ts';

/** A text that must be equal, or that the whole must match. */
export type TextMatch = string | TextPattern;

/** Whom a certificate must name, under the name that a policy or command line gave: subject and issuer both. */
export type NamedIdentity = { name: string; issuer: TextMatch; subject: TextMatch };

/**
 * Which of the keys made the signature of the bundle (DSSE v1 protocol, "Signature Verification").
 * This file is the one place where the suite decides who signed. Hints and key ids inside the bundle are ignored: they are the signer's claim, and only the key itself proves anything.
 */
export function whoSigned(bundle: DsseBundle, keys: readonly NamedKey[]): NamedKey[] {
  return keys.filter(({ name, key }) => isSignedBy(bundle, key, `the key ${name}`));
}

/** Whether the key signed the payload without the encoding around it. It proves nothing, and explains a rejection. */
export function signsBare({ payload, signature }: DsseBundle, { name, key }: NamedKey): boolean {
  return verify(hashAlgorithm(key, `the key ${name}`), payload, key, signature);
}

/** Which of the identities a verified certificate names (`verifyCertificate`, which has checked that it made the signature). */
export function whoIsNamed(verified: CertificateIdentity, identities: readonly NamedIdentity[]): NamedIdentity[] {
  return identities.filter(({ issuer, subject }) => isText(verified.issuer, issuer) && isText(verified.subject, subject));
}

function isText(text: string, match: TextMatch): boolean {
  return typeof match === 'string' ? text === match : match.test(text);
}
