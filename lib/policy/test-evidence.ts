// SPDX-License-Identifier: Apache-2.0
// Evidence with known truth for the tests of this room.

import { inputError } from '../errors/errors.ts';
import type { Evidence, EvidencePiece, LogEntry, Signer, TrustedTime } from '../evidence/evidence.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { digestHex, sha256Digest } from '../reference/digest.ts';
import type { SbomFacts, SbomReader } from './sbom-reader.ts';

export const SUBJECT_DIGEST = `sha256:${'a'.repeat(64)}`;
export const OTHER_DIGEST = `sha256:${'f'.repeat(64)}`;
export const SUBJECT = `registry.example.com/team/app@${SUBJECT_DIGEST}`;
export const NOW = new Date('2026-08-15T12:00:00Z');
export const LOG = 'https://log.example.com';

export type PieceOptions = {
  by?: string | readonly string[];
  predicate?: unknown;
  /** Index in the log; without it the piece is not logged. */
  index?: number;
  log?: string;
  logProblem?: string;
  /** Signed with a certificate that began then, and stamped at that moment. */
  time?: string;
  /** Stamped then and signed with a key, so that nothing says how old it is. */
  stamped?: string;
  kind?: EvidencePiece['kind'];
  rejected?: string;
};

/** A signer whose key is told by its name; `key` makes two names share one. */
export function signer(name: string, key = name): Signer {
  return { name, fingerprint: digestHex(sha256Digest(key)) };
}

/** A piece of evidence of the predicate type, by signer `release` unless told otherwise. Equal arguments give the same digest. */
export function piece(predicateType: string | undefined, options: PieceOptions = {}): EvidencePiece {
  const { by = 'release', predicate = {}, index, log = LOG, logProblem, rejected } = options;
  const payload = JSON.stringify([predicateType, predicate]);
  const entry: LogEntry | undefined = index === undefined ? undefined : { log, origin: 'log.example.com', index, treeSize: index + 1 };
  const signers = [by].flat().map((name) => signer(...(name.split('=') as [string, string?])));
  return {
    kind: options.kind ?? (predicateType === PREDICATE_TYPE.signature ? 'signature' : 'attestation'),
    digest: sha256Digest(JSON.stringify([predicateType, options])),
    artifactType: 'application/vnd.dev.sigstore.bundle.v0.3+json',
    predicateType,
    statement:
      predicateType === undefined
        ? undefined
        : { _type: 'https://in-toto.io/Statement/v1', subject: [{ digest: { sha256: digestHex(SUBJECT_DIGEST) } }], predicateType, predicate },
    payloadDigest: sha256Digest(payload),
    verification:
      rejected === undefined
        ? { state: 'verified', signers, log: entry, ...(logProblem !== undefined && { logProblem }), time: timeOf(options) }
        : { state: 'rejected', code: 'SIGNATURE_INVALID', reason: rejected },
  };
}

function timeOf({ time, stamped }: PieceOptions): TrustedTime | undefined {
  const at = time ?? stamped;
  if (at === undefined) return undefined;
  return { at: new Date(at), by: 'https://tsa.example.com', ...(time !== undefined && { notBefore: new Date(time) }) };
}

export function signature(options: PieceOptions = {}): EvidencePiece {
  return piece(PREDICATE_TYPE.signature, options);
}

/** An SBOM attestation whose predicate is what `readTestSbom` gives back. */
export function sbom(facts: Partial<SbomFacts> = {}, options: PieceOptions = {}): EvidencePiece {
  return piece(PREDICATE_TYPE.cyclonedx, { ...options, predicate: { components: 5, completeness: 'complete', rootDigests: [SUBJECT_DIGEST], ...facts } });
}

export function evidence(...pieces: EvidencePiece[]): Evidence {
  return { subject: SUBJECT, digest: SUBJECT_DIGEST, pieces: [...pieces].sort((a, b) => (a.digest < b.digest ? -1 : 1)) };
}

export const readTestSbom: SbomReader = (predicate, what) => {
  const facts = predicate as Partial<SbomFacts> | undefined;
  if (typeof facts?.components !== 'number') throw inputError('SBOM_INVALID', `${what} ends in the middle of a component`);
  return {
    format: 'CycloneDX 1.6',
    components: facts.components,
    completeness: facts.completeness ?? 'not stated',
    rootDigests: facts.rootDigests ?? [],
    reasons: facts.reasons ?? [],
  };
};
