// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { completePending, removePending, signerKey } from '../../lib/attest/log.ts';
import { deniedError, inputError, StepError } from '../../lib/errors/errors.ts';
import { collectEvidence } from '../../lib/evidence/collect.ts';
import { pendingKey } from '../../lib/evidence/pending.ts';
import type { CollectedPiece } from '../../lib/evidence/piece.ts';
import { type DigestReference, repositoryName } from '../../lib/reference/reference.ts';
import type { DsseBundle } from '../../lib/sigstore/bundle.ts';
import type { Checkpoint, LogKey } from '../../lib/sigstore/checkpoint.ts';
import { openLogMemory } from '../../lib/sigstore/log-memory.ts';
import { checkNewBundle } from '../../lib/sigstore/new-bundle.ts';
import { createEntryProver } from '../../lib/sigstore/prove-entry.ts';
import { createRekor, type Rekor } from '../../lib/sigstore/rekor.ts';
import { parseTrustedRoot, type Trust, trustedLogAt } from '../../lib/sigstore/trusted-root.ts';
import { whoSigned } from '../../lib/sigstore/who-signed.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps, StepOutcome } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

type ReadPiece = CollectedPiece & { bundle: DsseBundle };

/** Completes every pending signature of the artifact, then proves each entry that its bundles hold against the log as it is now. */
export async function run({ params, workspaces }: Inputs<typeof spec>, deps: StepDeps): Promise<StepOutcome<typeof spec>> {
  if (deps.trustedRoot === undefined)
    throw inputError('TRUSTED_ROOT_MISSING', 'rekor-upload proves what the log holds, and no trusted root says which log to believe');
  const trust = parseTrustedRoot(deps.trustedRoot);
  const logKey = trustedLogAt(trust, params['rekor-url']);
  if (!logKey) throw inputError('LOG_UNKNOWN', `the trusted root names no log at ${params['rekor-url']}`);
  const rekor = createRekor({
    http: deps.http,
    url: params['rekor-url'],
    ...(params['rekor-read-url'] !== undefined && { readUrl: params['rekor-read-url'] }),
    logKey,
  });
  // Nothing refers to an artifact that is not there, which must not pass for "nothing to do".
  await deps.registry.resolve(params.image);
  const memory = workspaces.checkpoints === undefined ? undefined : openLogMemory(workspaces.checkpoints, rekor, logKey);
  // Before anything goes into a log that has broken its promise.
  await memory?.see(await rekor.checkpoint());
  const completed = await completeAll(params.image, rekor, trust, deps);
  const { proved, checkpoint } = await proveAll(params.image, rekor, logKey, deps);
  await memory?.see(checkpoint);
  return {
    results: {
      subject: `${repositoryName(params.image)}@${params.image.digest}`,
      completed: String(completed),
      proved: String(proved),
      'log-size': String(checkpoint.size),
    },
  };
}

async function completeAll(image: DigestReference, rekor: Rekor, trust: Trust, deps: StepDeps): Promise<number> {
  const { pieces } = await collectEvidence(deps.registry, image, { keys: [], trust: undefined });
  let completed = 0;
  for (const piece of pieces) {
    if (piece.kind !== 'pending') continue;
    if (!piece.bundle) throw deniedError('PENDING_INVALID', `the pending signature ${piece.digest} of ${image.repository} cannot be read`);
    const { bundle } = piece;
    const key = provenSigner({ ...piece, bundle }, trust, `the pending signature ${piece.digest} of ${image.repository}`);
    const twins = pieces.filter((other): other is ReadPiece => other.kind !== 'pending' && other.bundle?.signature.equals(bundle.signature) === true);
    if (twins.some((twin) => isFinished(twin, key, trust))) {
      await removePending(deps, image, piece.digest);
      continue;
    }
    const { bundleDigest, logIndex } = await completePending({ ...deps, rekor }, image, bundle, key, piece.digest);
    deps.log.info('pending signature logged and published', { predicateType: piece.predicateType, bundle: bundleDigest, logIndex });
    completed++;
  }
  return completed;
}

/** Whether it is the finished bundle of a pending signature by this key. An entry that nobody vouches for may be one that somebody made up to have the pending signature removed. */
function isFinished({ bundle, tag, digest }: ReadPiece, key: KeyObject, trust: Trust): boolean {
  if (tag !== undefined) return false;
  try {
    checkNewBundle(bundle, { name: 'the signer', key }, trust, { logged: true }, `bundle ${digest}`);
    return true;
  } catch (error) {
    if (error instanceof StepError && error.kind === 'denied') return false;
    throw error;
  }
}

/** The key that signed, as the pending referrer names it, or that of a certificate which the trusted root vouches for at the time of the timestamp. Throws denied PENDING_INVALID. */
function provenSigner(piece: ReadPiece, trust: Trust, what: string): KeyObject {
  if (piece.bundle.certificate) {
    try {
      checkNewBundle(piece.bundle, undefined, trust, { logged: false }, what);
    } catch (cause) {
      if (!(cause instanceof StepError) || cause.kind !== 'denied') throw cause;
      throw deniedError('PENDING_INVALID', cause.message, { cause });
    }
    return signerKey(piece.bundle, undefined);
  }
  const key = pendingKey(piece);
  if (whoSigned(piece.bundle, [key]).length === 0) throw deniedError('PENDING_INVALID', `${what} is not by the key that it names`);
  return key.key;
}

async function proveAll(image: DigestReference, rekor: Rekor, logKey: LogKey, deps: StepDeps): Promise<{ proved: number; checkpoint: Checkpoint }> {
  const { pieces } = await collectEvidence(deps.registry, image, { keys: [], trust: undefined });
  const logged = pieces.filter((piece): piece is ReadPiece => piece.kind !== 'pending' && (piece.bundle?.logEntries.length ?? 0) > 0);
  const { checkpoint, prove } = await createEntryProver(rekor, logKey);
  let proved = 0;
  for (const piece of logged) {
    const outcome = await prove(piece.bundle, `bundle ${piece.digest} of ${image.repository}`);
    if (outcome === 'proved') proved++;
    else deps.log.warn(`bundle ${piece.digest} is logged elsewhere; this log cannot prove it`);
  }
  deps.log.info('log entries proved against the current log', { proved, logSize: checkpoint.size });
  return { proved, checkpoint };
}
