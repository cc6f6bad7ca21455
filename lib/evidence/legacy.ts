// SPDX-License-Identifier: Apache-2.0
import { deniedError, refusedError, StepError } from '../errors/errors.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { simpleSigningDigest } from '../intoto/simple-signing.ts';
import { sha256Digest } from '../reference/digest.ts';
import { type DigestReference, formatReference, type ImageReference, repositoryName } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Descriptor, parseManifest } from '../registry/oci.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import { DSSE_ENVELOPE_TYPE, decodeLegacyLayer, SIMPLE_SIGNING_TYPE } from '../sigstore/legacy-layer.ts';
import { type TrustedParties, verifyBundle } from '../sigstore/verify-bundle.ts';
import type { Verification } from './evidence.ts';
import { asVerification, type ByteBudget, type CollectedPiece, readWithin, rejected, verifyStatement } from './piece.ts';

/** The two tags beside an artifact that older cosigns and Tekton Chains write (cosign specs/SIGNATURE_SPEC.md, "Storage"), and the type of their layers. */
export const LEGACY_KINDS = [
  { kind: 'signature', suffix: 'sig', mediaType: SIMPLE_SIGNING_TYPE },
  { kind: 'attestation', suffix: 'att', mediaType: DSSE_ENVELOPE_TYPE },
] as const;

export type LegacyKind = (typeof LEGACY_KINDS)[number];

/** A layer under a legacy tag. */
export type TaggedLayer = { kind: LegacyKind; tag: string; descriptor: Descriptor };

/** Times that a tag is read anew when its manifest was replaced in between. */
const MAX_READS = 3;

/** `repository:sha256-<hex>.sig` or `.att`. */
export function legacyTag(image: DigestReference, { suffix }: LegacyKind): ImageReference & { tag: string } {
  return { registry: image.registry, repository: image.repository, tag: `${image.digest.replace(':', '-')}.${suffix}` };
}

/** The layers under both tags; none for a tag that is not there. Throws refused LEGACY_TAG_INVALID for one that holds anything but a manifest, and what the registry client throws. */
export async function legacyLayers(registry: Registry, image: DigestReference): Promise<TaggedLayer[]> {
  const found = await Promise.all(LEGACY_KINDS.map(async (kind) => layersAt(registry, legacyTag(image, kind), kind)));
  return found.flat();
}

async function layersAt(registry: Registry, ref: ImageReference & { tag: string }, kind: LegacyKind): Promise<TaggedLayer[]> {
  for (let reads = 1; ; reads += 1) {
    const digest = await digestAt(registry, ref);
    if (digest === undefined) return [];
    try {
      const { bytes, descriptor } = await registry.manifest({ registry: ref.registry, repository: ref.repository, digest });
      const manifest = parseManifest(bytes, descriptor.mediaType);
      if (manifest.kind !== 'manifest') throw invalidTag(ref, new Error('it holds an index'));
      return manifest.layers.map((layer) => ({ kind, tag: ref.tag, descriptor: layer }));
    } catch (error) {
      if (error instanceof StepError && error.kind === 'input') throw invalidTag(ref, error);
      if (!(error instanceof StepError) || error.code !== 'MANIFEST_UNKNOWN' || reads === MAX_READS) throw error;
    }
  }
}

async function digestAt(registry: Registry, ref: ImageReference): Promise<string | undefined> {
  try {
    return (await registry.resolve(ref)).digest;
  } catch (error) {
    if (error instanceof StepError && error.code === 'MANIFEST_UNKNOWN') return undefined;
    if (error instanceof StepError && error.kind === 'input') throw invalidTag(ref, error);
    throw error;
  }
}

function invalidTag(ref: ImageReference, cause: Error): StepError {
  return refusedError('LEGACY_TAG_INVALID', `the tag ${formatReference(ref)}, where cosign keeps signatures, cannot be read: ${cause.message}`, {
    cause,
    hint: 'find out who wrote it, and delete the tag if it is not what cosign wrote',
  });
}

/** Reads and verifies one layer. Throws only what the registry client throws; anything wrong with the layer itself is in its verification. */
export async function readLegacyLayer(
  registry: Registry,
  image: DigestReference,
  { kind: { kind, mediaType }, tag, descriptor }: TaggedLayer,
  parties: TrustedParties,
  budget: ByteBudget,
): Promise<CollectedPiece> {
  const what = `layer ${descriptor.digest} of ${repositoryName(image)}:${tag}`;
  const unread = { kind, tag, digest: descriptor.digest, artifactType: descriptor.mediaType, statement: undefined, manifest: undefined } as const;
  let bundle: DsseBundle;
  try {
    if (descriptor.mediaType !== mediaType) throw deniedError('LEGACY_LAYER_INVALID', `${what} is of type ${descriptor.mediaType}, not ${mediaType}`);
    const bytes = await readWithin(budget, registry, image, descriptor, what);
    bundle = decodeLegacyLayer({ kind, bytes, annotations: descriptor.annotations ?? {} }, what);
  } catch (error) {
    return { ...unread, predicateType: undefined, payloadDigest: undefined, bundle: undefined, verification: rejected(error) };
  }
  const read = { ...unread, bundle, payloadDigest: sha256Digest(bundle.payload) };
  if (kind === 'signature') return { ...read, predicateType: PREDICATE_TYPE.signature, verification: verifySignature(bundle, image, parties, what) };
  const { statement, verification } = verifyStatement(bundle, image, parties, what);
  return { ...read, predicateType: statement?.predicateType, statement, verification };
}

/** As for a bundle: who signed decides first, then what about. */
function verifySignature(bundle: DsseBundle, image: DigestReference, parties: TrustedParties, what: string): Verification {
  try {
    const digest = simpleSigningDigest(bundle.payload, what);
    const verified = verifyBundle(bundle, parties, what);
    if (digest !== image.digest) throw deniedError('SUBJECT_MISMATCH', `${what} speaks about another artifact`);
    return asVerification(verified);
  } catch (error) {
    return rejected(error);
  }
}
