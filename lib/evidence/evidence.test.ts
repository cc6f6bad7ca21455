// SPDX-License-Identifier: Apache-2.0
import { expect, it } from 'vitest';
import { type EvidencePiece, type Verification, verifiedPieces } from './evidence.ts';

const VERIFIED: Verification = { state: 'verified', signers: [], log: undefined, time: undefined };
const REJECTED: Verification = { state: 'rejected', code: 'X', reason: 'x' };

function piece(kind: EvidencePiece['kind'], verification: Verification): EvidencePiece {
  return {
    kind,
    digest: `${kind} ${verification.state}`,
    artifactType: 'x',
    predicateType: undefined,
    statement: undefined,
    payloadDigest: undefined,
    verification,
  };
}

it('verifiedPieces takes neither another kind nor a rejected piece', () => {
  const kinds = ['signature', 'attestation', 'pending', 'other'] as const;
  const evidence = { subject: 'r/app', digest: 'sha256:1', pieces: kinds.flatMap((kind) => [piece(kind, VERIFIED), piece(kind, REJECTED)]) };
  expect(verifiedPieces(evidence, 'signature').map(({ digest }) => digest)).toEqual(['signature verified']);
  expect(verifiedPieces(evidence, 'attestation').map(({ digest }) => digest)).toEqual(['attestation verified']);
});
