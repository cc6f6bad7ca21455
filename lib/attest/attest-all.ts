// SPDX-License-Identifier: Apache-2.0
import { inputError, refusedError } from '../errors/errors.ts';
import { hasSubject, parseStatement } from '../intoto/statement.ts';
import { digestHex } from '../reference/digest.ts';
import { type DigestReference, formatReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { INDEX_TYPES, MANIFEST_TYPES, parseManifest } from '../registry/oci.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import { type AttestContext, type Attested, attest, checkRequest, type What } from './attest.ts';
import { attestInTags, checkTags } from './attest-tags.ts';
import { makeBundle } from './make-bundle.ts';
import { publishBundle } from './publish.ts';
import type { Signer } from './signer.ts';
import { findKept, findStanding } from './standing.ts';

const MAX_DEPTH = 4;
/** As many subjects as verifiers take (sigstore-go), and `parseStatement`. */
const MAX_SUBJECTS = 1024;
/** Two requests each at once, of the 32 connections that lib/http has for a host. */
const PARALLEL = 16;

/** The artifact and, where it is an index, all manifests and indexes below it, each once, the artifact first. Throws refused INDEX_TOO_LARGE and what the registry throws. */
export async function withChildren(registry: Registry, image: DigestReference): Promise<DigestReference[]> {
  const found = new Map([[image.digest, image]]);
  let level = [image];
  for (let depth = 1; level.length > 0; depth += 1) {
    const children = (await inBatches(level, (ref) => childrenOf(registry, ref))).flat();
    level = [];
    for (const child of children) {
      if (found.has(child.digest)) continue;
      found.set(child.digest, child);
      // What is no index has no children, and need not be read.
      if (child.isIndex) level.push(child);
    }
    if (found.size > MAX_SUBJECTS || (level.length > 0 && depth === MAX_DEPTH)) {
      throw refusedError('INDEX_TOO_LARGE', `${formatReference(image)} nests deeper than ${MAX_DEPTH} levels or names more than ${MAX_SUBJECTS} manifests`);
    }
  }
  return [...found.values()].map(({ registry: host, repository, digest }) => ({ registry: host, repository, digest }));
}

async function childrenOf(registry: Registry, { registry: host, repository, digest }: DigestReference): Promise<(DigestReference & { isIndex: boolean })[]> {
  const { bytes, descriptor } = await registry.manifest({ registry: host, repository, digest });
  const manifest = parseManifest(bytes, descriptor.mediaType);
  if (manifest.kind !== 'index') return [];
  return manifest.manifests
    .filter(({ mediaType }) => MANIFEST_TYPES.includes(mediaType) || INDEX_TYPES.includes(mediaType))
    .map((child) => ({ registry: host, repository, digest: child.digest, isIndex: INDEX_TYPES.includes(child.mediaType) }));
}

/** Throws input for what the format and the log mode cannot do together, before anything is asked: LEGACY_IMPOSSIBLE, and RECURSIVE_IMPOSSIBLE for an index with its children. */
export function checkFormat(context: Pick<AttestContext, 'rekor'>, { format, log, recursive }: Pick<What, 'format' | 'log'> & { recursive: boolean }): void {
  if (format === 'legacy' || format === 'both') checkTags(context, log);
  if (recursive && log === 'later')
    throw inputError('RECURSIVE_IMPOSSIBLE', 'log=later is possible for one digest at a time, not for an index with its children');
}

/**
 * Makes sure that each of the artifacts carries a statement as `attest` does, by one statement about all of them, with one signature and one log entry, whose bundle is attached to each that
 * lacks one. After an interruption the bundle that some have is attached to the rest. Under cosign's tags a signature is about one digest, so each gets its own.
 * What is given back is that of the first. Throws input RECURSIVE_IMPOSSIBLE with `log: later`, and as `attest` does.
 */
export async function attestAll(context: AttestContext, images: readonly DigestReference[], signer: Signer, what: What): Promise<Attested> {
  const [first] = images;
  if (!first) throw inputError('RECURSIVE_IMPOSSIBLE', 'there is nothing to sign');
  if (images.length === 1) return attest(context, first, signer, what);
  checkRequest(context, first, signer, what);
  checkFormat(context, { ...what, recursive: true });
  const { attested, bundle } = what.format === 'legacy' ? {} : await attestInBundles(context, images, signer, what);
  if (attested && what.format !== 'both') return attested;
  // One after the other: services that sign are asked once at a time.
  const tagged: Attested[] = [];
  for (const image of images) tagged.push(await attestInTags(context, image, signer, what, bundle && speaksOf(bundle, [image]) ? bundle : undefined));
  const changed = tagged.some(({ action }) => action === 'signed');
  const [result = tagged[0]] = attested ? [attested] : tagged;
  if (!result) throw inputError('RECURSIVE_IMPOSSIBLE', 'there is nothing to sign');
  return { ...result, action: changed ? 'signed' : result.action };
}

async function attestInBundles(
  context: AttestContext,
  images: readonly DigestReference[],
  signer: Signer,
  what: What,
): Promise<{ attested: Attested; bundle: DsseBundle | undefined }> {
  const standing = await inBatches(images, async (image) => ({ image, kept: findKept(await findStanding(context, image, signer, what), what.log) }));
  const whole = standing.find(({ kept }) => kept && speaksOf(kept.bundle, images))?.kept;
  const missing = standing.filter(({ kept }) => !kept);
  const ready = inBatches(missing, ({ image }) => context.registry.prepareReferrer(image));
  const [made] = await Promise.all([whole || missing.length === 0 ? undefined : makeBundle(context, images, signer, what, ready), ready]);
  const bundle = whole?.bundle ?? made;
  const published = bundle
    ? await inBatches(missing, async ({ image }) => [image.digest, await publishBundle(context, image, bundle, what.predicateType)] as const)
    : [];
  const [root] = standing;
  const entry = root?.kept?.logIndex ?? bundle?.logEntries[0]?.logIndex;
  return {
    bundle,
    attested: {
      action: missing.length > 0 ? 'signed' : 'kept',
      bundleDigest: root?.kept?.digest ?? new Map(published).get(images[0]?.digest ?? '') ?? '',
      logIndex: entry === undefined ? undefined : Number(entry),
    },
  };
}

function speaksOf(bundle: DsseBundle, images: readonly DigestReference[]): boolean {
  const statement = parseStatement(bundle.payload, 'the signature');
  return images.every(({ digest }) => hasSubject(statement, digestHex(digest)));
}

async function inBatches<T, R>(items: readonly T[], work: (item: T) => Promise<R>): Promise<R[]> {
  const done: R[] = [];
  for (let start = 0; start < items.length; start += PARALLEL) {
    // What goes well beside a failure is finished, so that the next run has a bundle to go on with.
    const settled = await Promise.allSettled(items.slice(start, start + PARALLEL).map(work));
    for (const one of settled) {
      if (one.status === 'rejected') throw one.reason;
      done.push(one.value);
    }
  }
  return done;
}
