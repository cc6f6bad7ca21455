// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { StepError } from '../errors/errors.ts';
import { collectEvidence } from '../evidence/collect.ts';
import type { CollectedPiece } from '../evidence/piece.ts';
import { hasSubject } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import { checkNewBundle, isCertificateOf } from '../sigstore/new-bundle.ts';
import type { Trust } from '../sigstore/trusted-root.ts';
import { isKeyless, type KeylessSigner, type Signer } from './signer.ts';

/** A valid statement of ours that stands in the registry already, `logged` as far as we can tell; `logIndex` with it. */
export type Standing = { digest: string; pending: boolean; bundle: DsseBundle; logged: boolean; logIndex: number | undefined };

/** What the signer has said about the artifact before with this type and predicate, published or pending, every piece verified. */
export async function findStanding(
  context: { registry: Registry; trust: Trust | undefined; now: () => Date },
  image: DigestReference,
  signer: Signer,
  what: { predicateType: string; predicate: unknown },
): Promise<Standing[]> {
  const { registry, trust } = context;
  const { pieces } = await collectEvidence(registry, image, { keys: isKeyless(signer) ? [] : [signer], trust });
  const predicate: unknown = JSON.parse(JSON.stringify(what.predicate));
  const same = pieces.filter((piece) => piece.predicateType === what.predicateType && isDeepStrictEqual(piece.statement?.predicate, predicate));
  const verified = isKeyless(signer) ? same.map((piece) => certified(piece, image, signer, trust)) : same.map((piece) => signedByKey(piece, trust));
  return verified.filter((standing) => standing !== undefined);
}

/** The evidence was collected for our key alone. With a trusted root only an entry counts that it vouches for. Without one nothing can be verified here; that an entry is there is then enough not to sign again, and verifiers decide for themselves. */
function signedByKey({ kind, digest, verification, bundle }: CollectedPiece, trust: Trust | undefined): Standing | undefined {
  if (kind === 'other' || verification.state !== 'verified' || !bundle) return undefined;
  const logged = trust ? verification.log !== undefined : bundle.logEntries.length > 0;
  return { digest, pending: kind === 'pending', bundle, logged, logIndex: verification.log?.index ?? firstIndex(bundle) };
}

/** Of the same identity, by a certificate that the trusted root vouches for at a verified time. */
function certified(piece: CollectedPiece, image: DigestReference, signer: KeylessSigner, trust: Trust | undefined): Standing | undefined {
  const { kind, digest, bundle, statement } = piece;
  if (kind === 'other' || !trust || !bundle?.certificate || !statement) return undefined;
  if (!hasSubject(statement, digestHex(image.digest)) || !isCertificateOf(bundle.certificate, signer.token)) return undefined;
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

function firstIndex({ logEntries: [entry] }: DsseBundle): number | undefined {
  return entry && Number(entry.logIndex);
}
