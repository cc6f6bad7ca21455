// SPDX-License-Identifier: Apache-2.0
// What real servers and the real cosign made; `node test/conformance/record/main.ts` records it anew.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';

// biome-ignore lint/suspicious/noExplicitAny: a case changes what it likes
export type Json = any;

const recorded: Json = JSON.parse(readFileSync(join(import.meta.dirname, 'testdata/real-stack.json'), 'utf8'));

export const ARTIFACT: string = recorded.artifact;
export const SUBJECT: string = recorded.subject;
export const ISSUER: string = recorded.issuer;
export const PUBLIC_KEY: string = recorded.publicKey;

/** A copy of a recorded bundle. */
export function bundle(name: string): Json {
  return structuredClone(name === 'stampedTwice' ? recorded.stampedTwice : recorded.bundles[name]);
}

/** A copy of the trusted root of the servers. */
export function trustedRoot(): Json {
  return structuredClone(recorded.trustedRoot);
}

/** Base64 of other bytes of the same length. */
export function flipped(text: string, at = 0): string {
  const bytes = Buffer.from(text, 'base64');
  bytes[at] = (bytes[at] ?? 0) ^ 1;
  return bytes.toString('base64');
}

/** When the first timestamp of a bundle was made: the only GeneralizedTime of its TSTInfo (RFC 3161). */
export function stampedAt({ verificationMaterial }: Json): Date {
  const token = Buffer.from(verificationMaterial.timestampVerificationData.rfc3161Timestamps[0].signedTimestamp, 'base64').toString('latin1');
  const [, year, month, day, hour, minute, second] = /(\d{4})(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)Z/.exec(token) ?? [];
  return new Date(`${year}-${month}-${day}T${hour}:${minute}:${second}Z`);
}
