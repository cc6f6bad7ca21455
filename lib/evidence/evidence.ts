// SPDX-License-Identifier: Apache-2.0
import type { Statement } from '../intoto/statement.ts';

/**
 * Who signed, by the name that the caller gave: a public key (fingerprint: SHA-256 of its SubjectPublicKeyInfo), or an identity that a certificate proves (fingerprint: SHA-256 of
 * issuer and subject).
 */
export type Signer = { name: string; fingerprint: string; identity?: { subject: string; issuer: string } };

/** A verified transparency log entry. `index` and `treeSize` count entries; there is no `treeSize` where the log promised inclusion and nothing proves it (cosign's legacy tags); `log` is the base URL in the trusted root, `origin` the name in the checkpoint. */
export type LogEntry = { log: string; origin: string; index: number; treeSize?: number };

/**
 * When a signature was there at the latest, and the URL of the log or timestamp authority of the trusted root that vouches for it. Anybody can have an old signature of a key logged or
 * stamped anew, so `at` alone makes nothing recent; `notBefore` does, which a certificate alone has.
 */
export type TrustedTime = { at: Date; by: string; notBefore?: Date | undefined };

/** What verification of one piece of evidence found out. `time` is undefined when nobody vouches for one: "no trusted time". */
export type Verification =
  | { state: 'verified'; signers: readonly Signer[]; log: LogEntry | undefined; logProblem?: string; time: TrustedTime | undefined }
  | { state: 'rejected'; code: string; reason: string };

/**
 * One referrer of the artifact that claims to be evidence, or one layer under cosign's legacy tags.
 * `signature` and `attestation` are Sigstore bundles told apart by predicate type alone, or what lies under the tags `.sig` and `.att`; `pending` is signed and not yet logged; `other` is anything else that refers to the artifact.
 */
export type EvidencePiece = {
  kind: 'signature' | 'attestation' | 'pending' | 'other';
  /** Digest of the referrer manifest, or of the layer under a legacy tag. */
  digest: string;
  /** The legacy tag (`sha256-<hex>.sig` or `.att`) where it was found; absent for referrers. */
  tag?: string;
  artifactType: string;
  predicateType: string | undefined;
  statement: Statement | undefined;
  /** SHA-256 digest of the payload that the signature covers. */
  payloadDigest: string | undefined;
  verification: Verification;
};

/** All evidence about one artifact, in the order of the referrers' digests. */
export type Evidence = { subject: string; digest: string; pieces: readonly EvidencePiece[] };

/** A verified attestation, as rules and reports use it. */
export type VerifiedPiece = EvidencePiece & { verification: Extract<Verification, { state: 'verified' }> };

/** The pieces that verified, of the given kind. */
export function verifiedPieces(evidence: Evidence, kind: 'signature' | 'attestation'): VerifiedPiece[] {
  return evidence.pieces.filter((piece): piece is VerifiedPiece => piece.kind === kind && piece.verification.state === 'verified');
}
