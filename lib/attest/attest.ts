// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../errors/errors.ts';
import { predicateTypeName } from '../intoto/predicate-type.ts';
import type { Logger } from '../log/log.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import type { EntryLog } from '../sigstore/entry-log.ts';
import type { Trust } from '../sigstore/trusted-root.ts';
import type { TimestampAuthority } from '../sigstore/tsa.ts';
import { attestInTags, checkTags } from './attest-tags.ts';
import { completePending, removePending, signerKey } from './log.ts';
import { makeBundle, signAndDate } from './make-bundle.ts';
import { publishBundle, publishPending } from './publish.ts';
import { isKeyless, type Signer } from './signer.ts';
import { findKept, findStanding, type Standing } from './standing.ts';

/** When a signature goes into the transparency log. */
export type LogMode = 'now' | 'later' | 'never';

/** How it lies in the registry: as Sigstore bundle that refers to the artifact (cosign 3), under cosign's legacy tags, or both. */
export type Format = 'bundle' | 'legacy' | 'both';

/** What there was to do and what it led to. `bundleDigest` names the referrer manifest (the layer, with the format `legacy`), `logIndex` the entry when there is one. */
export type Attested = { action: 'signed' | 'pending' | 'kept'; bundleDigest: string; logIndex: number | undefined };

/** What to say about the artifact; the format is `bundle` unless told otherwise. */
export type What = { predicateType: string; predicate: unknown; log: LogMode; format?: Format };

/** `rekor` is the log that signatures go to; `furtherLogs` get them as well; `authorities` date them. */
export type AttestContext = {
  registry: Registry;
  rekor: EntryLog | undefined;
  furtherLogs?: readonly EntryLog[];
  authorities?: readonly TimestampAuthority[];
  trust: Trust | undefined;
  log: Logger;
  now: () => Date;
};

/**
 * Makes sure that the artifact carries a statement of this type and predicate by this signer (a key, or an identity), and publishes one only when there is none: a valid one by the same signer is kept, an unlogged or pending one is completed.
 * With `log: later` the signature is published as pending, which no verifier takes for a signature. With a trusted root nothing is published that would not be believed by it.
 * Throws input REKOR_URL_MISSING when `now` has no log to go to, and TRUSTED_ROOT_MISSING, SIGNING_SERVICE_MISSING and LOG_LATER_IMPOSSIBLE for what keyless signing cannot do without; LEGACY_IMPOSSIBLE for what cosign's tags cannot hold; denied by `checkNewBundle`; and what Fulcio, authorities, registry and log throw.
 */
export async function attest(context: AttestContext, image: DigestReference, signer: Signer, what: What): Promise<Attested> {
  checkRequest(context, image, signer, what);
  if (what.format === 'legacy') return attestInTags(context, image, signer, what);
  const { bundle, ...attested } = await attestInBundle(context, image, signer, what);
  if (what.format !== 'both') return attested;
  const tagged = await attestInTags(context, image, signer, what, bundle);
  return attested.action === 'kept' ? { ...attested, action: tagged.action } : attested;
}

/** Throws input for what the services or the format cannot do, before anything is done. */
export function checkRequest(context: AttestContext, image: DigestReference, signer: Signer, what: What): void {
  if (what.log === 'now' && !context.rekor) {
    throw inputError('REKOR_URL_MISSING', `log=now needs a transparency log for the ${predicateTypeName(what.predicateType)} of ${image.repository}`);
  }
  if (isKeyless(signer)) checkKeyless(context, what.log);
  if (what.format === 'legacy' || what.format === 'both') checkTags(context, what.log);
}

async function attestInBundle(context: AttestContext, image: DigestReference, signer: Signer, what: What): Promise<Attested & { bundle: DsseBundle }> {
  const equal = await findStanding(context, image, signer, what);
  const kept = findKept(equal, what.log);
  if (kept) {
    await removeLeftBehind(context, image, kept, equal);
    return { action: 'kept', bundleDigest: kept.digest, logIndex: kept.logIndex, bundle: kept.bundle };
  }
  const unfinished = equal.find(({ pending }) => pending) ?? equal[0];
  if (what.log === 'now' && context.rekor && unfinished && (!isKeyless(signer) || !logsDate(context))) {
    const key = signerKey(unfinished.bundle, isKeyless(signer) ? undefined : signer.key);
    const completed = await completePending(
      { ...context, rekor: context.rekor },
      image,
      unfinished.bundle,
      key,
      unfinished.pending ? unfinished.digest : undefined,
    );
    return { action: 'signed', ...completed, bundle: unfinished.bundle };
  }
  return publishNew(context, image, signer, what);
}

async function publishNew(context: AttestContext, image: DigestReference, signer: Signer, what: What): Promise<Attested & { bundle: DsseBundle }> {
  if (what.log === 'later') {
    const { bundle, key } = await signAndDate(context, [image], signer, what);
    return { action: 'pending', bundleDigest: await publishPending(context, image, bundle, what.predicateType, key), logIndex: undefined, bundle };
  }
  // Who may not write to the repository shall learn it before there is an entry in a log.
  const bundle = await makeBundle(context, [image], signer, what, context.registry.prepareReferrer(image));
  const bundleDigest = await publishBundle(context, image, bundle, what.predicateType);
  return { action: 'signed', bundleDigest, logIndex: bundle.logEntries[0] ? Number(bundle.logEntries[0].logIndex) : undefined, bundle };
}

/** A certificate lives for ten minutes: without a verified time in them nobody can say that the signature was made within. */
function checkKeyless(context: AttestContext, mode: LogMode): void {
  if (!context.trust) throw inputError('TRUSTED_ROOT_MISSING', 'keyless signing needs a trusted root, by which it checks the certificate that it gets');
  if ((context.authorities ?? []).length > 0) {
    if (mode === 'later' && logsDate(context))
      throw inputError(
        'LOG_LATER_IMPOSSIBLE',
        'log=later is not possible for keyless signatures that go to Rekor v1, which takes them while the certificate is valid',
      );
    return;
  }
  if (mode === 'now' && logsDate(context)) return;
  throw inputError('SIGNING_SERVICE_MISSING', 'keyless signing needs a timestamp authority, unless the signature goes to Rekor v1 at once');
}

function logsDate({ rekor, furtherLogs = [] }: AttestContext): boolean {
  return [rekor, ...furtherLogs].some((log) => log?.datesEntries);
}

/** A crash between publishing the finished bundle and removing the pending one leaves both; the pending one has done its work. */
async function removeLeftBehind(context: AttestContext, image: DigestReference, kept: Standing, equal: readonly Standing[]): Promise<void> {
  // An entry that nobody vouches for may be one that somebody put there to have the pending signature removed.
  if (kept.pending || !kept.logged) return;
  for (const { pending, bundle, digest } of equal) {
    if (pending && bundle.signature.equals(kept.bundle.signature)) await removePending(context, image, digest);
  }
}
