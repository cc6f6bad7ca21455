// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { encodeStatement } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import type { DigestReference } from '../reference/reference.ts';
import { type DsseBundle, withTimestamps } from '../sigstore/bundle.ts';
import { checkNewBundle } from '../sigstore/new-bundle.ts';
import type { AttestContext, What } from './attest.ts';
import { addToLogs, signerKey } from './log.ts';
import { isKeyless, type Signer, signBy } from './signer.ts';

/**
 * A finished bundle with one statement about all of the artifacts, one signature and, with `log: now`, an entry in each log; not published. What `ready` waits for goes on beside the signing and
 * must have gone well before anything is logged. Throws what `ready`, signer, authorities and logs throw, and denied by `checkNewBundle`.
 */
export async function makeBundle(
  context: AttestContext,
  images: readonly DigestReference[],
  signer: Signer,
  what: What,
  ready: Promise<unknown> = Promise.resolve(),
): Promise<DsseBundle> {
  const [{ bundle: dated, key }] = await Promise.all([signAndDate(context, images, signer, what), ready]);
  const bundle = what.log === 'now' && context.rekor ? await addToLogs([context.rekor, ...(context.furtherLogs ?? [])], dated, key) : dated;
  checkNew(context, bundle, signer, what.log === 'now');
  return bundle;
}

/** The same before it goes into a log, with the key that made the signature. */
export async function signAndDate(
  context: AttestContext,
  images: readonly DigestReference[],
  signer: Signer,
  { predicateType, predicate }: What,
): Promise<{ bundle: DsseBundle; key: KeyObject }> {
  const subjects = images.map(({ digest }) => ({ sha256: digestHex(digest) }));
  const signed = await signBy(signer, encodeStatement(subjects, predicateType, predicate));
  const bundle = await date(context, signed);
  // A log entry is for ever, so what can be checked before is.
  if (bundle !== signed) checkNew(context, bundle, signer, false);
  return { bundle, key: signerKey(signed, isKeyless(signer) ? undefined : signer.key) };
}

/** Throws denied where a trusted root is there that does not believe the new signature. */
export function checkNew({ trust }: Pick<AttestContext, 'trust'>, bundle: DsseBundle, signer: Signer, logged: boolean): void {
  if (trust) checkNewBundle(bundle, isKeyless(signer) ? undefined : signer, trust, { logged }, 'the new signature');
}

async function date({ authorities = [] }: AttestContext, signed: DsseBundle): Promise<DsseBundle> {
  if (authorities.length === 0) return signed;
  return withTimestamps(signed, await Promise.all(authorities.map((stamp) => stamp(signed.signature))));
}
