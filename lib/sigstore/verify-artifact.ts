// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { deniedError } from '../errors/errors.ts';
import { IN_TOTO_PAYLOAD_TYPE } from '../intoto/dsse.ts';
import { hasSubject, parseStatement } from '../intoto/statement.ts';
import { type Artifact, decodeArtifactBundle } from './artifact-bundle.ts';
import type { DsseBundle } from './bundle.ts';
import type { NamedKey } from './public-key.ts';
import type { Trust } from './trusted-root.ts';
import { timestampsOf } from './verified-time.ts';
import { type VerifiedBundle, verifyBundle } from './verify-bundle.ts';
import type { NamedIdentity } from './who-signed.ts';

/** Who has to have signed: the holder of a key, or one whom a certificate names. */
export type ExpectedSigner = { key: NamedKey } | { identity: NamedIdentity };

/**
 * The verification of a bundle that lies beside an artifact (sigstore architecture-docs, client-spec.md, "Verification"): it is about this artifact, by this signer. A certificate needs a
 * verified log entry; a key does without, but an entry or timestamp that is there has to be of a log or authority of the trusted root, and to be true.
 * A statement in an envelope names the artifact as one of its subjects, whatever it says about it.
 * Throws denied BUNDLE_INVALID, SUBJECT_MISMATCH, STATEMENT_INVALID, LOG_ENTRY_INVALID, TIMESTAMP_INVALID and what `verifyBundle` throws, naming `what`, and input ARTIFACT_NEEDED.
 */
export function verifyArtifactBundle(bytes: Buffer, artifact: Artifact, expected: ExpectedSigner, trust: Trust, what: string): VerifiedBundle {
  const bundle = decodeArtifactBundle(bytes, artifact, what);
  checkSubject(bundle, artifact, what);
  checkTrusted(bundle, trust, what);
  const parties = 'key' in expected ? { keys: [expected.key], identities: [], trust } : { keys: [], identities: [expected.identity], trust };
  const verified = verifyBundle(bundle, parties, what);
  if ('problem' in verified.log && ('identity' in expected || bundle.logEntries.length > 0))
    throw deniedError('LOG_ENTRY_INVALID', `${what} is not proved to be in a transparency log: ${verified.log.problem}`);
  return verified;
}

function checkSubject(bundle: DsseBundle, artifact: Artifact, what: string): void {
  if (bundle.bundle.content.$case === 'messageSignature') return;
  if (bundle.payloadType !== IN_TOTO_PAYLOAD_TYPE) {
    throw deniedError('STATEMENT_INVALID', `${what} holds an envelope of type "${bundle.payloadType.slice(0, 100)}", not an in-toto statement`);
  }
  const sha256 = 'bytes' in artifact ? createHash('sha256').update(artifact.bytes).digest() : artifact.sha256;
  if (!hasSubject(parseStatement(bundle.payload, what), sha256.toString('hex'))) throw deniedError('SUBJECT_MISMATCH', `${what} speaks about another artifact`);
}

/** Beside evidence in a registry, where anybody may add some, what is not trusted is passed over; in the one bundle that the caller chose it is a sign that something is wrong. */
function checkTrusted(bundle: DsseBundle, trust: Trust, what: string): void {
  const strangers = bundle.logEntries.filter(({ logId }) => !logId || !trust.tlogs.some(({ logID }) => logID.equals(logId.keyId)));
  if (strangers.length > 0) throw deniedError('LOG_ENTRY_INVALID', `${what} holds an entry of a log that the trusted root does not name`);
  const tokens = bundle.bundle.verificationMaterial.timestampVerificationData?.rfc3161Timestamps ?? [];
  if (timestampsOf(bundle, trust, what).length < tokens.length) {
    throw deniedError('TIMESTAMP_INVALID', `${what} holds a timestamp of an authority that the trusted root does not name`);
  }
}
