// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { StepError } from '../errors/errors.ts';
import { collectEvidence } from '../evidence/collect.ts';
import type { CollectedPiece } from '../evidence/piece.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { simpleSigningDigest } from '../intoto/simple-signing.ts';
import { hasSubject } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import { checkNewBundle, isCertificateOf } from '../sigstore/new-bundle.ts';
import type { Trust } from '../sigstore/trusted-root.ts';
import { whoSigned } from '../sigstore/who-signed.ts';
import type { LogMode } from './attest.ts';
import { isKeyless, type KeylessSigner, type Signer } from './signer.ts';

/** A valid statement of ours that stands in the registry already, `logged` as far as we can tell; `logIndex` with it. */
export type Standing = { digest: string; pending: boolean; bundle: DsseBundle; logged: boolean; logIndex: number | undefined };

type StandingContext = { registry: Registry; trust: Trust | undefined; now: () => Date };
type Said = { predicateType: string; predicate: unknown };

/** What the signer has said about the artifact before with this type and predicate in bundles, published or pending, every piece verified. Throws what the registry throws, refused MANIFEST_UNKNOWN for an artifact that is not there. */
export async function findStanding(context: StandingContext, image: DigestReference, signer: Signer, what: Said): Promise<Standing[]> {
  return find(context, image, signer, what, (piece) => piece.tag === undefined);
}

/** The same of what lies under cosign's legacy tags. */
export async function findTagged(context: StandingContext, image: DigestReference, signer: Signer, what: Said): Promise<Standing[]> {
  return find(context, image, signer, what, (piece) => piece.tag !== undefined);
}

async function find(
  { registry, trust }: StandingContext,
  image: DigestReference,
  signer: Signer,
  what: Said,
  isWanted: (piece: CollectedPiece) => boolean,
): Promise<Standing[]> {
  // A reference without a manifest behind it would get a signature about nothing.
  const [{ pieces }] = await Promise.all([collectEvidence(registry, image, { keys: isKeyless(signer) ? [] : [signer], trust }), registry.resolve(image)]);
  const predicate: unknown = JSON.parse(JSON.stringify(what.predicate));
  const same = pieces.filter((piece) => isWanted(piece) && saysSame(piece, what.predicateType, predicate));
  const verified = isKeyless(signer) ? same.map((piece) => certified(piece, image, signer, trust)) : same.map((piece) => signedByKey(piece, trust));
  return verified.filter((standing) => standing !== undefined);
}

/** A legacy signature has no predicate; under the tag of attestations a statement of the type of a signature is none to any verifier. */
function saysSame({ kind, tag, predicateType, statement }: CollectedPiece, wanted: string, predicate: unknown): boolean {
  if (predicateType !== wanted) return false;
  if (tag !== undefined && wanted === PREDICATE_TYPE.signature) return kind === 'signature';
  return isDeepStrictEqual(statement?.predicate, predicate);
}

/** Which of them, in the order of preference, is as good as a new one with this log mode. */
export function findKept(equal: readonly Standing[], mode: LogMode): Standing | undefined {
  const published = equal.filter(({ pending }) => !pending);
  const logged = published.find((standing) => standing.logged);
  if (logged || mode === 'now') return logged;
  if (mode === 'never') return published[0];
  return equal.find(({ pending }) => pending);
}

/** Whether a piece of evidence about the artifact, for whomever it was collected, is by this signer. */
export function isBy(piece: CollectedPiece, image: DigestReference, signer: Signer, trust: Trust | undefined): boolean {
  if (isKeyless(signer)) return certified(piece, image, signer, trust) !== undefined;
  return piece.bundle !== undefined && isAbout(piece, image) && whoSigned(piece.bundle, [signer]).length > 0;
}

/** The evidence was collected for our key alone. With a trusted root only an entry counts that it vouches for. Without one nothing can be verified here; that an entry is there is then enough not to sign again, and verifiers decide for themselves. */
function signedByKey({ kind, digest, verification, bundle }: CollectedPiece, trust: Trust | undefined): Standing | undefined {
  if (kind === 'other' || verification.state !== 'verified' || !bundle) return undefined;
  const logged = trust ? verification.log !== undefined : bundle.logEntries.length > 0;
  return { digest, pending: kind === 'pending', bundle, logged, logIndex: verification.log?.index ?? firstIndex(bundle) };
}

/** Of the same identity, by a certificate that the trusted root vouches for at a verified time. */
function certified(piece: CollectedPiece, image: DigestReference, signer: KeylessSigner, trust: Trust | undefined): Standing | undefined {
  const { kind, digest, bundle } = piece;
  if (kind === 'other' || !trust || !bundle?.certificate) return undefined;
  if (!isAbout(piece, image) || !isCertificateOf(bundle.certificate, signer.token)) return undefined;
  const logged = bundle.logEntries.length > 0;
  try {
    checkNewBundle(bundle, undefined, trust, { logged }, `referrer ${digest}`);
  } catch (error) {
    // It is not ours, whatever it is; verifiers say why.
    if (error instanceof StepError && error.kind === 'denied') return undefined;
    throw error;
  }
  return { digest, pending: kind === 'pending', bundle, logged, logIndex: firstIndex(bundle) };
}

function isAbout({ tag, kind, statement, bundle, digest }: CollectedPiece, image: DigestReference): boolean {
  if (statement) return hasSubject(statement, digestHex(image.digest));
  try {
    return tag !== undefined && kind === 'signature' && bundle !== undefined && simpleSigningDigest(bundle.payload, digest) === image.digest;
  } catch {
    // Verifiers say what is wrong with it.
    return false;
  }
}

function firstIndex({ logEntries: [entry] }: DsseBundle): number | undefined {
  return entry && Number(entry.logIndex);
}
