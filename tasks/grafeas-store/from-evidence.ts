// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import type { EvidencePiece, VerifiedPiece } from '../../lib/evidence/evidence.ts';
import type { CollectedPiece } from '../../lib/evidence/piece.ts';
import type { Content, Occurrence, SignedEnvelope } from '../../lib/grafeas/occurrence.ts';
import { readProvenance } from '../../lib/grafeas/slsa.ts';
import { PREDICATE_TYPE, predicateTypeName } from '../../lib/intoto/predicate-type.ts';
import { digestHex, sha256Digest } from '../../lib/reference/digest.ts';
import { type DigestReference, repositoryName } from '../../lib/reference/reference.ts';
import { parseCertificate } from '../../lib/sigstore/certificate.ts';
import { keyFingerprint } from '../../lib/sigstore/public-key.ts';

/** Larger ones stay in the registry alone: the reference server takes and gives at most 4 MiB at a time, and an attestation stands in an occurrence up to three times. */
const MAX_PAYLOAD = 256 * 1024;

/** Who refers to the SBOM, in every SBOM reference. */
const REFERRER_ID = 'https://github.com/tekton-supply-chain/tekton-supply-chain/tasks/grafeas-store';

export type Naming = { image: DigestReference; noteId: string; resourceUri: string };
/** What becomes of a piece of evidence: an occurrence, a scan to read, or nothing, and why. */
export type Mapped = { occurrence: Occurrence } | { scan: unknown } | { leftOut: string };

type Piece = CollectedPiece & VerifiedPiece;

/** Maps one referrer. Only what verified becomes an occurrence; notes are named as Chains names its own where they mean the same, and SBOM notes as gcloud names them. */
export function mapPiece(piece: CollectedPiece, naming: Naming): Mapped {
  if (piece.verification.state === 'rejected') return { leftOut: `${piece.verification.code}: ${piece.verification.reason}` };
  if (piece.kind === 'pending') return { leftOut: 'it is pending, and no signature before rekor-upload has logged it' };
  if (!isWhole(piece)) return { leftOut: 'it is no attestation' };
  const { predicateType } = piece;
  if (predicateType === PREDICATE_TYPE.vuln) return { scan: piece.statement?.predicate };
  if (predicateType === PREDICATE_TYPE.cyclonedx || predicateType === PREDICATE_TYPE.spdxjson) return sbomReference(piece, naming);
  if (piece.bundle.payload.length > MAX_PAYLOAD)
    return { leftOut: `its statement has ${piece.bundle.payload.length} bytes, more than the ${MAX_PAYLOAD} that are recorded` };
  const { note, content } = attestation(piece, naming.noteId);
  return { occurrence: { noteId: note, resourceUri: naming.resourceUri, content } };
}

function isWhole(piece: CollectedPiece): piece is Piece & { bundle: NonNullable<Piece['bundle']>; statement: NonNullable<EvidencePiece['statement']> } {
  return piece.verification.state === 'verified' && piece.bundle !== undefined && piece.statement !== undefined;
}

function attestation(piece: Parameters<typeof envelopeOf>[0], noteId: string): { note: string; content: Content } {
  const envelope = envelopeOf(piece);
  if (piece.kind === 'signature') return { note: `${noteId}-simplesigning`, content: { kind: 'ATTESTATION', hint: noteId, envelope } };
  const facts = readProvenance(piece.statement);
  if (facts) {
    const content: Content = { kind: 'BUILD', builder: facts.builder || 'unknown', statement: piece.statement, envelope };
    return { note: `${noteId}-${facts.run ? `${facts.run}-` : ''}intoto`, content };
  }
  const name = predicateTypeName(piece.predicateType ?? '');
  return { note: `${noteId}-${/^[a-z0-9]+$/.test(name) ? name : 'attestation'}`, content: { kind: 'DSSE_ATTESTATION', hint: noteId, envelope } };
}

function envelopeOf({
  bundle,
  verification,
}: Piece & { bundle: NonNullable<Piece['bundle']>; statement: NonNullable<EvidencePiece['statement']> }): SignedEnvelope {
  const [signer] = verification.signers;
  // The fingerprint of an identity is none of a key; the certificate has the one that signed.
  const named = bundle.certificate ? keyFingerprint(parseCertificate(bundle.certificate, 'the attestation').publicKey) : (signer?.fingerprint ?? '');
  const fingerprint = Buffer.from(digestHex(named), 'hex').toString('base64url');
  return { payload: bundle.payload, payloadType: bundle.payloadType, signature: bundle.signature, publicKeyId: `ni:///sha-256;${fingerprint}` };
}

const CycloneDx = z.object({ bomFormat: z.literal('CycloneDX'), specVersion: z.string().regex(/^\d{1,2}\.\d{1,2}$/) });
const Spdx = z.object({ spdxVersion: z.string().regex(/^SPDX-\d{1,2}\.\d{1,2}$/) });

/** The SBOM itself stays in the registry, in the referrer that `location` names. */
function sbomReference(piece: Piece, { image, resourceUri }: Naming): Mapped {
  const predicate = piece.statement?.predicate;
  const cyclonedx = CycloneDx.safeParse(predicate).data;
  const spdx = Spdx.safeParse(predicate).data;
  const bytes = sbomBytes(predicate);
  if ((!cyclonedx && !spdx) || bytes === undefined) return { leftOut: 'its predicate is not an SBOM as CycloneDX or SPDX write it in JSON' };
  const format = cyclonedx ? 'cyclonedx' : 'spdx';
  const version = cyclonedx?.specVersion ?? spdx?.spdxVersion.slice('SPDX-'.length) ?? '';
  const content: Content = {
    kind: 'SBOM_REFERENCE',
    format,
    version,
    subject: { name: repositoryName(image), sha256: digestHex(image.digest) },
    referrerId: REFERRER_ID,
    location: `oci://${repositoryName(image)}@${piece.digest}`,
    mimeType: cyclonedx ? 'application/vnd.cyclonedx+json' : 'application/spdx+json',
    sha256: digestHex(sha256Digest(bytes)),
  };
  return { occurrence: { noteId: `sbom-${format}-${version.replaceAll('.', '-')}`, resourceUri, content } };
}

/** The SBOM as one line of JSON with a line break, which is how sbom-generate writes the file that it gives the digest of. */
function sbomBytes(predicate: unknown): string | undefined {
  try {
    return `${JSON.stringify(predicate)}\n`;
  } catch {
    // Nested too deeply to be written: the caller leaves it out and says so.
    return undefined;
  }
}
