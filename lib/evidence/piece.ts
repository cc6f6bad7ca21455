// SPDX-License-Identifier: Apache-2.0
import { deniedError, StepError } from '../errors/errors.ts';
import { IN_TOTO_PAYLOAD_TYPE } from '../intoto/dsse.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { hasSubject, parseStatement, type Statement } from '../intoto/statement.ts';
import { digestHex, sha256Digest } from '../reference/digest.ts';
import { type DigestReference, repositoryName } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { type Descriptor, type ImageManifest, MEDIA_TYPE, parseManifest } from '../registry/oci.ts';
import { BUNDLE_MEDIA_TYPE, type DsseBundle, decodeBundle } from '../sigstore/bundle.ts';
import { SIMPLE_SIGNING_TYPE } from '../sigstore/legacy-layer.ts';
import { type TrustedParties, type VerifiedBundle, verifyBundle } from '../sigstore/verify-bundle.ts';
import { signsBare } from '../sigstore/who-signed.ts';
import type { EvidencePiece, Verification } from './evidence.ts';
import { PENDING_ARTIFACT_TYPE } from './pending.ts';

const BUNDLE_TYPE_PREFIX = 'application/vnd.dev.sigstore.bundle';

/** All bundles of one artifact together, so that a flooded repository cannot use up the memory of a step; cosign attaches up to 128 MiB. */
export const MAX_EVIDENCE_BYTES = 128 * 1024 * 1024;

/** Bytes that may still be read. What does not fit is rejected and thus counts for nothing. */
export type ByteBudget = { left: number };

/** A piece of evidence with the manifest and bundle that it was read from, for those who work on with it. */
export type CollectedPiece = EvidencePiece & { manifest: ImageManifest | undefined; bundle: DsseBundle | undefined };

/** Reads and verifies one referrer. Throws only what the registry client throws; anything wrong with the piece itself is in its verification. */
export async function readReferrer(
  registry: Registry,
  image: DigestReference,
  descriptor: Descriptor,
  parties: TrustedParties,
  budget: ByteBudget,
): Promise<CollectedPiece> {
  const listedType = descriptor.artifactType ?? '';
  if (listedType !== '' && listedType !== MEDIA_TYPE.ociEmpty && !isEvidenceType(listedType)) return other(descriptor, listedType);
  const reference = { registry: image.registry, repository: image.repository, digest: descriptor.digest };
  let manifest: ImageManifest;
  let bundle: DsseBundle;
  let artifactType = listedType;
  try {
    const { bytes, descriptor: found } = await registry.manifest(reference);
    manifest = parseReferrer(bytes, found.mediaType, descriptor.digest);
    artifactType = manifest.artifactType ?? manifest.config.mediaType;
    if (!isEvidenceType(artifactType)) return other(descriptor, artifactType);
    bundle = decodeBundle(await readLayer(registry, reference, manifest, artifactType, budget), `the bundle in ${descriptor.digest}`);
  } catch (error) {
    if (error instanceof StepError && error.code === 'MANIFEST_UNKNOWN') return gone(descriptor, artifactType);
    return { ...other(descriptor, artifactType), kind: artifactType === PENDING_ARTIFACT_TYPE ? 'pending' : 'attestation', verification: rejected(error) };
  }
  const piece = { digest: descriptor.digest, artifactType, manifest, bundle, payloadDigest: sha256Digest(bundle.payload) };
  const { statement, verification } = verifyStatement(bundle, image, parties, `referrer ${descriptor.digest} of ${repositoryName(image)}`);
  const predicateType = statement?.predicateType;
  const isSignature = predicateType === PREDICATE_TYPE.signature;
  return {
    ...piece,
    kind: artifactType === PENDING_ARTIFACT_TYPE ? 'pending' : isSignature ? 'signature' : 'attestation',
    predicateType,
    statement,
    verification,
  };
}

/** Code of the rejection of an image signature that Tekton Chains put into an envelope without signing the envelope. */
export const SIGNATURE_MISENCODED = 'SIGNATURE_MISENCODED';

/** Code of the rejection of a referrer that is listed and gone. */
export const REFERRER_GONE = 'REFERRER_GONE';

function isEvidenceType(artifactType: string): boolean {
  return artifactType.startsWith(BUNDLE_TYPE_PREFIX) || artifactType === PENDING_ARTIFACT_TYPE;
}

function other(descriptor: Descriptor, artifactType: string): CollectedPiece {
  return {
    kind: 'other',
    digest: descriptor.digest,
    artifactType,
    predicateType: undefined,
    statement: undefined,
    payloadDigest: undefined,
    manifest: undefined,
    bundle: undefined,
    verification: { state: 'rejected', code: 'NOT_EVIDENCE', reason: `it is a referrer of type ${artifactType || 'unknown'}, not a Sigstore bundle` },
  };
}

/** Listed, and not there any more: its writer has replaced it in the meantime, or the listing is stale. */
function gone(descriptor: Descriptor, artifactType: string): CollectedPiece {
  const reason = 'the registry lists it and no longer has it';
  return { ...other(descriptor, artifactType), verification: { state: 'rejected', code: REFERRER_GONE, reason } };
}

function parseReferrer(bytes: Buffer, mediaType: string, digest: string): ImageManifest {
  const manifest = parseManifest(bytes, mediaType);
  if (manifest.kind !== 'manifest') throw deniedError('REFERRER_INVALID', `referrer ${digest} is an index, not a manifest`);
  return manifest;
}

async function readLayer(registry: Registry, reference: DigestReference, manifest: ImageManifest, artifactType: string, budget: ByteBudget): Promise<Buffer> {
  const [layer, ...more] = manifest.layers;
  // cosign looks at the type of the layer alone, so a pending referrer with a layer of a bundle would pass there for a signature.
  const layerType = artifactType === PENDING_ARTIFACT_TYPE ? PENDING_ARTIFACT_TYPE : BUNDLE_TYPE_PREFIX;
  if (!layer || more.length > 0 || !layer.mediaType.startsWith(layerType)) {
    const wanted = layerType === BUNDLE_TYPE_PREFIX ? BUNDLE_MEDIA_TYPE : layerType;
    throw deniedError('REFERRER_INVALID', `referrer ${reference.digest} must hold exactly one layer of type ${wanted}`);
  }
  return readWithin(budget, registry, reference, layer, `the bundle in referrer ${reference.digest}`);
}

/** The bytes of a layer, as far as the budget goes. Throws denied REFERRER_INVALID, naming `what`, and what the registry client throws. */
export async function readWithin(budget: ByteBudget, registry: Registry, reference: DigestReference, layer: Descriptor, what: string): Promise<Buffer> {
  if (layer.size > budget.left) {
    throw deniedError(
      'REFERRER_INVALID',
      `${what} has ${layer.size} bytes, and only ${budget.left} of ${MAX_EVIDENCE_BYTES} are left for the evidence of one artifact`,
    );
  }
  budget.left -= layer.size;
  const chunks: Buffer[] = [];
  for await (const chunk of registry.blob(reference, layer)) chunks.push(chunk);
  return Buffer.concat(chunks);
}

/** Who signed the bundle about which artifact, and what its log entry and timestamps prove. The signature decides first; a statement about another artifact is rejected even when a trusted key signed it. */
export function verifyStatement(
  bundle: DsseBundle,
  image: DigestReference,
  parties: TrustedParties,
  what: string,
): { statement: Statement | undefined; verification: Verification } {
  let statement: Statement | undefined;
  try {
    if (bundle.payloadType === SIMPLE_SIGNING_TYPE) throw misencoded(bundle, parties, what);
    if (bundle.payloadType !== IN_TOTO_PAYLOAD_TYPE)
      throw deniedError('STATEMENT_INVALID', `${what} signs a payload of type "${bundle.payloadType}", not an in-toto statement`);
    statement = parseStatement(bundle.payload, what);
    const verified = verifyBundle(bundle, parties, what);
    if (!hasSubject(statement, digestHex(image.digest))) throw deniedError('SUBJECT_MISMATCH', `${what} speaks about another artifact`);
    return { statement, verification: asVerification(verified) };
  } catch (error) {
    return { statement, verification: rejected(error) };
  }
}

export function asVerification({ signers, log, time }: VerifiedBundle): Verification {
  return { state: 'verified', signers, log: 'entry' in log ? log.entry : undefined, ...('problem' in log && { logProblem: log.problem }), time };
}

/** Tekton Chains (up to 0.29, storage encoding `sigstore-bundle`) signs the payload and puts it into an envelope, whose signature would have to cover its type as well (pkg/chains/storage/oci, makeSigBundleBytes). */
function misencoded(bundle: DsseBundle, { keys }: TrustedParties, what: string): StepError {
  const [signer] = keys.filter((key) => signsBare(bundle, key));
  const by = signer ? ` by ${signer.name}` : '';
  return deniedError(
    SIGNATURE_MISENCODED,
    `${what} is an image signature${by} in the form of Tekton Chains' encoding "sigstore-bundle", which signs the payload and not the envelope around it, so that it proves nothing to any verifier. ` +
      'The attestations beside it are not affected. Let Chains store signatures with storage.oci.encoding-format: dsse, or sign with cosign-sign',
  );
}

/** A verdict on the piece itself. What the registry or the network did wrong is no verdict, so it goes on as the error it is. */
export function rejected(error: unknown): Verification {
  if (!(error instanceof StepError) || error.kind === 'transient' || error.kind === 'bug' || error.kind === 'refused') throw error;
  return { state: 'rejected', code: error.code, reason: error.message };
}
