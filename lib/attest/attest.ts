// SPDX-License-Identifier: Apache-2.0
import { isDeepStrictEqual } from 'node:util';
import { inputError } from '../errors/errors.ts';
import { collectEvidence } from '../evidence/collect.ts';
import type { CollectedPiece } from '../evidence/piece.ts';
import { predicateTypeName } from '../intoto/predicate-type.ts';
import { encodeStatement } from '../intoto/statement.ts';
import type { Logger } from '../log/log.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { signStatement } from '../sigstore/bundle.ts';
import type { Rekor } from '../sigstore/rekor.ts';
import type { SigningKey } from '../sigstore/signing-key.ts';
import type { Trust } from '../sigstore/trusted-root.ts';
import { addToLog, completePending, removePending } from './log.ts';
import { publishBundle, publishPending } from './publish.ts';

/** When a signature goes into the transparency log. */
export type LogMode = 'now' | 'later' | 'never';

/** What there was to do and what it led to. `bundleDigest` names the referrer manifest, `logIndex` the entry when there is one. */
export type Attested = { action: 'signed' | 'pending' | 'kept'; bundleDigest: string; logIndex: number | undefined };

export type AttestContext = { registry: Registry; rekor: Rekor | undefined; trust: Trust | undefined; log: Logger; now: () => Date };

/**
 * Makes sure that the artifact carries a statement of this type and predicate signed by this key, and publishes one only when there is none: a valid one by the same key is kept, an unlogged or pending one is completed.
 * With `log: later` the signature is published as pending, which no verifier takes for a signature. Throws input REKOR_URL_MISSING when `now` has no log to go to, and what registry and log throw.
 */
export async function attest(
  context: AttestContext,
  image: DigestReference,
  key: SigningKey,
  what: { predicateType: string; predicate: unknown; log: LogMode },
): Promise<Attested> {
  if (what.log === 'now' && !context.rekor) {
    throw inputError('REKOR_URL_MISSING', `log=now needs a transparency log for the ${predicateTypeName(what.predicateType)} of ${image.repository}`);
  }
  const evidence = await collectEvidence(context.registry, image, { keys: [key], trust: context.trust });
  const equal = evidence.pieces.filter((piece) => saysTheSame(piece, what.predicateType, what.predicate));
  const kept = findKept(equal, what.log, context.trust);
  if (kept) {
    await removeLeftBehind(context, image, kept, equal);
    return { action: 'kept', bundleDigest: kept.digest, logIndex: logIndexOf(kept) };
  }
  const unfinished = equal.find((piece) => piece.kind === 'pending') ?? equal[0];
  if (what.log === 'now' && context.rekor && unfinished?.bundle) {
    const completed = await completePending(
      { ...context, rekor: context.rekor },
      image,
      unfinished.bundle,
      key.key,
      unfinished.kind === 'pending' ? unfinished.digest : undefined,
    );
    return { action: 'signed', ...completed };
  }
  const signed = signStatement(encodeStatement([{ sha256: digestHex(image.digest) }], what.predicateType, what.predicate), key.privateKey);
  if (what.log === 'later')
    return { action: 'pending', bundleDigest: await publishPending(context, image, signed, what.predicateType, key.key), logIndex: undefined };
  const bundle = what.log === 'now' && context.rekor ? await addToLog(context.rekor, signed, key.key) : signed;
  const bundleDigest = await publishBundle(context, image, bundle, what.predicateType);
  return { action: 'signed', bundleDigest, logIndex: bundle.logEntries[0] ? Number(bundle.logEntries[0].logIndex) : undefined };
}

/** Signed by our key (the evidence was collected for that key alone), of the same type, with an equal predicate. */
function saysTheSame(piece: CollectedPiece, predicateType: string, predicate: unknown): boolean {
  if (piece.kind === 'other' || piece.verification.state !== 'verified' || piece.predicateType !== predicateType) return false;
  return isDeepStrictEqual(piece.statement?.predicate, JSON.parse(JSON.stringify(predicate)));
}

function findKept(equal: readonly CollectedPiece[], mode: LogMode, trust: Trust | undefined): CollectedPiece | undefined {
  const published = equal.filter((piece) => piece.kind !== 'pending');
  const logged = published.find((piece) => isLogged(piece, trust));
  if (logged || mode === 'now') return logged;
  if (mode === 'never') return published[0];
  return equal.find((piece) => piece.kind === 'pending');
}

/** With a trusted root only an entry counts that it vouches for. Without one nothing can be verified here; that an entry is there is then enough not to sign again, and verifiers decide for themselves. */
function isLogged({ verification, bundle }: CollectedPiece, trust: Trust | undefined): boolean {
  if (verification.state !== 'verified') return false;
  return trust ? verification.log !== undefined : (bundle?.logEntries.length ?? 0) > 0;
}

/** A crash between publishing the finished bundle and removing the pending one leaves both; the pending one has done its work. */
async function removeLeftBehind(context: AttestContext, image: DigestReference, kept: CollectedPiece, equal: readonly CollectedPiece[]): Promise<void> {
  if (kept.kind === 'pending' || !kept.bundle || kept.bundle.logEntries.length === 0) return;
  for (const piece of equal) {
    if (piece.kind === 'pending' && piece.bundle?.signature.equals(kept.bundle.signature)) await removePending(context, image, piece.digest);
  }
}

function logIndexOf({ verification, bundle }: CollectedPiece): number | undefined {
  if (verification.state === 'verified' && verification.log) return verification.log.index;
  const entry = bundle?.logEntries[0];
  return entry ? Number(entry.logIndex) : undefined;
}
