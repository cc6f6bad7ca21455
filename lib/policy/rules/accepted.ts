// SPDX-License-Identifier: Apache-2.0
import { type Evidence, type EvidencePiece, type VerifiedPiece, verifiedPieces } from '../../evidence/evidence.ts';
import { PREDICATE_TYPE, predicateTypeName } from '../../intoto/predicate-type.ts';
import { oneLine } from '../foreign-text.ts';
import type { SignerRequirement } from '../schema-parts.ts';
import type { Problem } from '../verdict.ts';
import { isNamed, signersInWords, standing } from './signers.ts';

/** Pieces that say the same: all signatures of the artifact, or attestations with one and the same payload. Never empty. */
export type Statement = readonly VerifiedPiece[];

/** What is signed enough of one predicate type: each statement with the pieces by the named signers, of those pieces that `counts` lets count. */
export function acceptedStatements(
  evidence: Evidence,
  predicateType: string,
  signers: SignerRequirement,
  counts: (piece: VerifiedPiece) => boolean = () => true,
): Statement[] {
  const statements = new Map<string, VerifiedPiece[]>();
  for (const piece of namedPieces(evidence, predicateType, signers)) {
    if (!counts(piece)) continue;
    const key = predicateType === PREDICATE_TYPE.signature ? '' : (piece.payloadDigest ?? piece.digest);
    statements.set(key, [...(statements.get(key) ?? []), piece]);
  }
  return [...statements.values()].filter((pieces) => standing(signers, signersOf(pieces)).met);
}

/** Verified pieces of the predicate type by a named signer. A signature is what `cosign sign` states and nothing else: an attestation by the right key is not one. */
export function namedPieces(evidence: Evidence, predicateType: string, signers: SignerRequirement): VerifiedPiece[] {
  return piecesOfType(evidence, predicateType).filter((piece) => piece.verification.signers.some((signer) => isNamed(signers, signer)));
}

function piecesOfType(evidence: Evidence, predicateType: string): VerifiedPiece[] {
  const kind = predicateType === PREDICATE_TYPE.signature ? 'signature' : 'attestation';
  return verifiedPieces(evidence, kind).filter((piece) => piece.predicateType === predicateType);
}

/** What the pieces of a predicate type are called: `signature`, `cyclonedx attestation`. */
export function pieceName(predicateType: string): string {
  return predicateType === PREDICATE_TYPE.signature ? 'signature' : `${oneLine(predicateTypeName(predicateType))} attestation`;
}

/** The digests of the statements' pieces. */
export function digestsOf(statements: readonly Statement[]): string[] {
  return statements.flat().map((piece) => piece.digest);
}

/** Why nothing of the predicate type is accepted: what is there and does not count, piece by piece, or that there is nothing. */
export function missing(evidence: Evidence, predicateType: string, signers: SignerRequirement): Problem[] {
  const misses = nearMisses(evidence, predicateType, signers);
  if (misses.length > 0) return misses;
  const name = pieceName(predicateType);
  const remedy =
    predicateType === PREDICATE_TYPE.signature
      ? `sign the artifact as ${signersInWords(signers)}, for example with cosign-sign`
      : `attest it as ${signersInWords(signers)}, for example with cosign-sign and a predicate file`;
  return [{ object: evidence.digest, reason: `there is no ${name}`, remedy }];
}

/** Pieces that come near to the predicate type by the named signers, each with the reason why it does not count. */
export function nearMisses(evidence: Evidence, predicateType: string, signers: SignerRequirement): Problem[] {
  const verified = piecesOfType(evidence, predicateType);
  const together = predicateType === PREDICATE_TYPE.signature ? signersOf(verified) : undefined;
  const problems = verified.map((piece) => notEnough(piece, signers, together ?? signersOf(samePayload(verified, piece))));
  for (const piece of evidence.pieces) {
    if (isPendingOf(piece, predicateType)) problems.push(pending(piece, predicateType));
    else if (isRejectedOf(piece, predicateType)) problems.push(rejected(piece));
  }
  if (predicateType === PREDICATE_TYPE.signature && verified.length === 0) {
    const attestations = verifiedPieces(evidence, 'attestation').filter((piece) => piece.verification.signers.some((signer) => isNamed(signers, signer)));
    for (const piece of attestations) {
      const by = namesIn(piece).join(', ');
      problems.push({
        object: piece.digest,
        reason: `is a ${pieceName(piece.predicateType ?? 'unknown')} by ${by}, and an attestation is not a signature; there is no signature`,
        remedy: `sign the artifact itself as ${signersInWords(signers)}, for example with cosign-sign`,
      });
    }
  }
  return problems;
}

function notEnough(piece: VerifiedPiece, requirement: SignerRequirement, together: ReturnType<typeof signersOf>): Problem {
  const { present, missing: absent } = standing(requirement, together);
  const by = namesIn(piece).join(', ') || 'nobody';
  if (present.length === 0) {
    const reason = `is by ${by}, and ${signersInWords(requirement)} must sign`;
    return { object: piece.digest, reason, remedy: `sign as ${signersInWords(requirement)}, or name ${by} in the rule if that signer is right` };
  }
  const lack = absent.length > 0 ? `not there: ${absent.join(', ')}` : 'several of these names have the same key';
  return {
    object: piece.digest,
    reason: `is by ${by}, and ${signersInWords(requirement)} must sign the same content; ${lack}`,
    remedy: `have the missing signers sign the same content`,
  };
}

function pending(piece: EvidencePiece, predicateType: string): Problem {
  if (piece.verification.state === 'rejected') return rejected(piece);
  const by = piece.verification.signers.map((signer) => signer.name).join(', ');
  return {
    object: piece.digest,
    reason: `is a ${pieceName(predicateType)} by ${by}, signed, not logged yet: pending evidence does not count`,
    remedy: 'run rekor-upload, which logs and publishes what is pending',
  };
}

function rejected(piece: EvidencePiece): Problem {
  const reason = piece.verification.state === 'rejected' ? oneLine(piece.verification.reason, 500) : '';
  return { object: piece.digest, reason: `was rejected: ${reason}`, remedy: 'find out who attached it; sign again with the right key if it is yours' };
}

function isPendingOf(piece: EvidencePiece, predicateType: string): boolean {
  return piece.kind === 'pending' && (piece.predicateType ?? piece.statement?.predicateType) === predicateType;
}

/** A piece that cannot be read may have been anything. */
function isRejectedOf(piece: EvidencePiece, predicateType: string): boolean {
  if (piece.verification.state !== 'rejected' || piece.kind === 'other') return false;
  return piece.predicateType === predicateType || piece.predicateType === undefined;
}

function samePayload(pieces: readonly VerifiedPiece[], piece: VerifiedPiece): VerifiedPiece[] {
  return pieces.filter((other) => other === piece || (other.payloadDigest !== undefined && other.payloadDigest === piece.payloadDigest));
}

function signersOf(pieces: readonly VerifiedPiece[]) {
  return pieces.flatMap((piece) => piece.verification.signers);
}

/** The names of a piece's signers, each once. */
export function namesIn(piece: VerifiedPiece): string[] {
  return [...new Set(piece.verification.signers.map((signer) => oneLine(signer.name)))];
}
