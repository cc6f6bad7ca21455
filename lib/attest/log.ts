// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, X509Certificate } from 'node:crypto';
import { bugError, StepError } from '../errors/errors.ts';
import { parseStatement } from '../intoto/statement.ts';
import type { Logger } from '../log/log.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type DsseBundle, withLogEntry } from '../sigstore/bundle.ts';
import type { EntryLog } from '../sigstore/entry-log.ts';
import { keyDetailsOf } from '../sigstore/hashedrekord.ts';
import { signedDigest } from '../sigstore/signed-content.ts';
import { publishBundle } from './publish.ts';

type CompleteContext = { registry: Registry; rekor: EntryLog; furtherLogs?: readonly EntryLog[]; log: Logger; now: () => Date };

/** Logs the signature and gives the bundle with its proof. Where the bundle has a certificate, the entry names that. */
export async function addToLog(rekor: EntryLog, bundle: DsseBundle, publicKey: KeyObject): Promise<DsseBundle> {
  return addToLogs([rekor], bundle, publicKey);
}

/** The same with several logs at once; the entries stand in the order of the logs. */
export async function addToLogs(logs: readonly EntryLog[], bundle: DsseBundle, publicKey: KeyObject): Promise<DsseBundle> {
  const { payload, payloadType, signature, certificate } = bundle;
  const envelope = bundle.bundle.content.$case === 'dsseEnvelope' && { envelope: { payload, payloadType } };
  const entry = { digest: signedDigest(bundle, keyDetailsOf(publicKey).hash), signature, publicKey, ...envelope, ...(certificate && { certificate }) };
  const entries = await Promise.all(logs.map((log) => log.add(entry)));
  return entries.reduce<DsseBundle>(withLogEntry, bundle);
}

/** The key that made the signature of a bundle: that of its certificate, or the one of the signer. */
export function signerKey({ certificate }: DsseBundle, key: KeyObject | undefined): KeyObject {
  if (certificate) return new X509Certificate(certificate).publicKey;
  if (key) return key;
  throw bugError('SIGNER_UNKNOWN', 'a bundle has neither a certificate nor a key that signed it');
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
  const logged = await addToLogs([context.rekor, ...(context.furtherLogs ?? [])], bundle, publicKey);
  const { predicateType } = parseStatement(bundle.payload, 'the pending signature');
  const bundleDigest = await publishBundle(context, image, logged, predicateType);
  if (pendingDigest !== undefined) await removePending(context, image, pendingDigest);
  return { bundleDigest, logIndex: Number(logged.logEntries[bundle.logEntries.length]?.logIndex) };
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
