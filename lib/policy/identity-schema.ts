// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { wholeTextPattern } from '../sigstore/text-pattern.ts';
import type { TextMatch } from '../sigstore/who-signed.ts';

const MAX_PATTERN = 500;

const Text = z
  .string()
  .max(500)
  .regex(/^[^\s\p{C}]+$/u, 'must be the whole text as the certificate has it, without spaces');
const Pattern = z
  .string()
  .min(1, 'must not be empty')
  .max(MAX_PATTERN)
  .superRefine((source, context) => {
    const problem = patternProblem(source);
    if (problem !== undefined) context.addIssue({ code: 'custom', message: problem });
  });

/** Whom a certificate must name: subject (alternative name) and issuer, each as a text or as a pattern for the whole of it. */
export const Identity = z
  .strictObject({
    issuer: Text.optional().describe('Issuer of the token that the signer showed to the certificate authority.'),
    issuerRegExp: Pattern.optional().describe('Pattern that the whole issuer must match.'),
    subject: Text.optional().describe('URI or email address in the certificate, such as https://kubernetes.io/namespaces/NS/serviceaccounts/SA.'),
    subjectRegExp: Pattern.optional().describe('Pattern that the whole subject must match.'),
  })
  .refine(({ issuer, issuerRegExp }) => (issuer === undefined) !== (issuerRegExp === undefined), 'must have issuer or issuerRegExp, and not both')
  .refine(({ subject, subjectRegExp }) => (subject === undefined) !== (subjectRegExp === undefined), 'must have subject or subjectRegExp, and not both');

export type Identity = z.output<typeof Identity>;

export function issuerMatch({ issuer, issuerRegExp = '' }: Identity): TextMatch {
  return issuer ?? wholeTextPattern(issuerRegExp);
}

export function subjectMatch({ subject, subjectRegExp = '' }: Identity): TextMatch {
  return subject ?? wholeTextPattern(subjectRegExp);
}

/** Why a pattern is refused; undefined when it is not. */
export function patternProblem(source: string): string | undefined {
  try {
    wholeTextPattern(source);
    return undefined;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
