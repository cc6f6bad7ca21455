// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject } from 'node:crypto';
import { StepError } from '../errors/errors.ts';
import { preAuthenticationEncoding } from '../intoto/dsse.ts';
import { parseStatement } from '../intoto/statement.ts';
import type { Logger } from '../log/log.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type DsseBundle, withLogEntry } from '../sigstore/bundle.ts';
import { hashAlgorithm } from '../sigstore/public-key.ts';
import type { Rekor } from '../sigstore/rekor.ts';
import { publishBundle } from './publish.ts';

type CompleteContext = { registry: Registry; rekor: Rekor; log: Logger; now: () => Date };

/** Logs the signature as a hashedrekord entry over the pre-authentication encoding, the only kind that Rekor v2 takes, and gives the bundle with its proof. */
export async function addToLog(rekor: Rekor, bundle: DsseBundle, publicKey: KeyObject): Promise<DsseBundle> {
  const signed = preAuthenticationEncoding(bundle.payloadType, bundle.payload);
  const digest = createHash(hashAlgorithm(publicKey, 'the signing key')).update(signed).digest();
  return withLogEntry(bundle, await rekor.add({ digest, signature: bundle.signature, publicKey }));
}

/**
 * Logs a verified signature that is not logged yet, publishes the finished bundle, then removes the pending referrer.
 * In that order a crash leaves the pending one behind, and the next run goes on from there. A registry that does not delete keeps it; it counts for nothing.
 */
export async function completePending(
  context: CompleteContext,
  image: DigestReference,
  bundle: DsseBundle,
  publicKey: KeyObject,
  pendingDigest: string | undefined,
): Promise<{ bundleDigest: string; logIndex: number }> {
  const logged = await addToLog(context.rekor, bundle, publicKey);
  const { predicateType } = parseStatement(bundle.payload, 'the pending signature');
  const bundleDigest = await publishBundle(context, image, logged, predicateType);
  if (pendingDigest !== undefined) await removePending(context, image, pendingDigest);
  return { bundleDigest, logIndex: Number(logged.logEntries.at(-1)?.logIndex) };
}

/** Removes a pending referrer whose finished bundle is published; says so when the registry does not delete, or not for this credential. */
export async function removePending(context: { registry: Registry; log: Logger }, image: DigestReference, digest: string): Promise<void> {
  const stays = 'the pending referrer stays and counts for nothing';
  try {
    const deleted = await context.registry.deleteReferrer(image, digest);
    if (!deleted) context.log.info(`the registry does not delete; ${stays}`, { digest });
  } catch (error) {
    if (!(error instanceof StepError) || error.kind !== 'refused') throw error;
    context.log.warn(`${error.message}; ${stays}`, { digest });
  }
}
