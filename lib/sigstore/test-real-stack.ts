// SPDX-License-Identifier: Apache-2.0
// What real servers (Fulcio, a CT log, Rekor v1 and v2, a timestamp authority) and the real cosign made; `node test/sigstore/record/main.ts` records it anew.
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type DsseBundle, decodeBundle } from './bundle.ts';
import { type NamedKey, parsePublicKey } from './public-key.ts';
import { parseTrustedRoot, type Trust } from './trusted-root.ts';
import type { TrustedParties } from './verify-bundle.ts';
import type { NamedIdentity } from './who-signed.ts';

export const BUNDLE_NAMES = ['keylessV2', 'keylessV1', 'keylessV1WithoutTsa', 'keyV2', 'keyV1'] as const;
export type BundleName = (typeof BUNDLE_NAMES)[number];

// biome-ignore lint/suspicious/noExplicitAny: a test changes what it likes
type Json = any;

const recorded: Json = JSON.parse(readFileSync(join(import.meta.dirname, 'testdata/real-stack.json'), 'utf8'));

/** When which artifact was signed, and who signed it without a key of its own. */
export const SIGNED: { at: Date; digest: string; subject: string; issuer: string } = {
  at: new Date(recorded.recordedAt),
  digest: recorded.digest,
  subject: 'https://kubernetes.io/namespaces/build/serviceaccounts/bot',
  issuer: recorded.issuer,
};
export const BOT: NamedIdentity = { name: 'bot', issuer: SIGNED.issuer, subject: SIGNED.subject };
export const KEY: NamedKey = { name: 'release', key: parsePublicKey(recorded.publicKey, 'the recorded key') };

/** A recorded bundle after a change of its JSON; `tooEarly` was signed before its certificate was there. */
export function recordedBundle(name: BundleName | 'tooEarly', change: (json: Json) => void = () => {}): DsseBundle {
  const json = structuredClone(name === 'tooEarly' ? recorded.tooEarly : recorded.bundles[name]);
  change(json);
  return decodeBundle(Buffer.from(JSON.stringify(json)), 'the recorded bundle');
}

/** The JSON of a recorded bundle, to be changed. */
export function recordedJson(name: BundleName): Json {
  return structuredClone(recorded.bundles[name]);
}

/** The trusted root of the stack after a change of its JSON. */
export function stackTrust(change: (json: Json) => void = () => {}): Trust {
  const json = structuredClone(recorded.trustedRoot);
  change(json);
  return parseTrustedRoot(JSON.stringify(json));
}

/** The stack's trusted root, the key and the service account that signed. */
export function stackParties(changes: Partial<TrustedParties> = {}): TrustedParties {
  return { keys: [KEY], identities: [BOT], trust: stackTrust(), ...changes };
}

/** A bundle with an entry of Rekor v1 of a kind that cosign does not write, and the key that signed it. */
export function otherKind(kind: 'intoto' | 'hashedrekord', change: (entry: Json) => void = () => {}): { bundle: DsseBundle; signer: NamedKey } {
  const { publicKey, dsseEnvelope, entries } = structuredClone(recorded.otherKinds);
  change(entries[kind]);
  const verificationMaterial = { publicKey: { hint: '' }, tlogEntries: [entries[kind]], timestampVerificationData: { rfc3161Timestamps: [] } };
  const json = { mediaType: 'application/vnd.dev.sigstore.bundle.v0.3+json', verificationMaterial, dsseEnvelope };
  return { bundle: decodeBundle(Buffer.from(JSON.stringify(json)), 'the recorded entry'), signer: { name: 'recorded', key: parsePublicKey(publicKey, 'key') } };
}
