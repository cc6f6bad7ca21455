// SPDX-License-Identifier: Apache-2.0
import { type KeyObject, sign } from 'node:crypto';
import { inputError } from '../errors/errors.ts';
import { LEGACY_KINDS, legacyTag } from '../evidence/legacy.ts';
import { encodeEnvelope } from '../intoto/dsse.ts';
import { PREDICATE_TYPE } from '../intoto/predicate-type.ts';
import { encodeSimpleSigning } from '../intoto/simple-signing.ts';
import { type DigestReference, repositoryName } from '../reference/reference.ts';
import type { DsseBundle } from '../sigstore/bundle.ts';
import { decodeLegacyLayer, LEGACY_ANNOTATION, type LegacyLayer, logAnnotation, timestampAnnotation } from '../sigstore/legacy-layer.ts';
import { hashAlgorithm } from '../sigstore/public-key.ts';
import { certificatePem } from '../sigstore/rekor-v1.ts';
import type { AttestContext, Attested, LogMode, What } from './attest.ts';
import { addToLog, signerKey } from './log.ts';
import { checkNew, makeBundle } from './make-bundle.ts';
import { isKeyless, type Signer } from './signer.ts';
import { findKept, findTagged } from './standing.ts';

/** cosign's tags hold one log entry, by its signed entry timestamp. Throws input LEGACY_IMPOSSIBLE where there is to be none yet, or one of Rekor v2, which signs no timestamp. */
export function checkTags({ rekor }: Pick<AttestContext, 'rekor'>, mode: LogMode): void {
  if (mode === 'later')
    throw inputError('LEGACY_IMPOSSIBLE', 'log=later is not possible under the legacy tags, where every verifier takes a layer for finished');
  if (mode === 'now' && !rekor?.datesEntries) {
    throw inputError('LEGACY_IMPOSSIBLE', 'the legacy tags hold log entries of Rekor v1 alone, and the log is of Rekor v2', {
      hint: 'name a Rekor v1 log in the signing config, or give log=never or format=bundle',
    });
  }
}

/**
 * Makes sure that a layer by this signer lies under cosign's legacy tag: of a signature (`.sig`) its simple-signing payload, of an attestation (`.att`) the envelope. `made` is a bundle about
 * the artifact whose envelope and log entry serve for both. Throws as `attest` does.
 */
export async function attestInTags(context: AttestContext, image: DigestReference, signer: Signer, what: What, made?: DsseBundle): Promise<Attested> {
  const kept = findKept(await findTagged(context, image, signer, what), what.log);
  if (kept) return { action: 'kept', bundleDigest: kept.digest, logIndex: kept.logIndex };
  const kind = LEGACY_KINDS[what.predicateType === PREDICATE_TYPE.signature ? 0 : 1];
  const layer = kind.kind === 'signature' ? await signatureLayer(context, image, signer, what.log) : await envelopeLayer(context, image, signer, what, made);
  const finished = decodeLegacyLayer(layer, 'the new signature');
  checkNew(context, finished, signer, what.log === 'now');
  const { bytes, annotations } = layer;
  const bundleDigest = await context.registry.addTaggedLayer(legacyTag(image, kind), { mediaType: kind.mediaType, bytes, annotations: { ...annotations } });
  return { action: 'signed', bundleDigest, logIndex: finished.logEntries[0] ? Number(finished.logEntries[0].logIndex) : undefined };
}

async function signatureLayer(context: AttestContext, image: DigestReference, signer: Signer, mode: LogMode): Promise<LegacyLayer> {
  const bytes = encodeSimpleSigning(repositoryName(image), image.digest);
  const { signature, certificate } = await signBytes(signer, bytes);
  const signed = { ...certificateAnnotation(certificate), [LEGACY_ANNOTATION.signature]: signature.toString('base64') };
  const annotations = { ...signed, ...(await timestampOf(context, signature)) };
  const bare = decodeLegacyLayer({ kind: 'signature', bytes, annotations }, 'the new signature');
  const key = signerKey(bare, isKeyless(signer) ? undefined : signer.key);
  return { kind: 'signature', bytes, annotations: { ...annotations, ...(await logged(context, bare, key, mode)) } };
}

async function signBytes(signer: Signer, bytes: Buffer): Promise<{ signature: Buffer; certificate?: Buffer }> {
  if (!isKeyless(signer)) return { signature: await signer.sign(bytes) };
  const { privateKey, key, certificate } = await signer.certify();
  return { signature: sign(hashAlgorithm(key, 'the new key'), bytes, privateKey), certificate };
}

async function logged({ rekor }: AttestContext, bare: DsseBundle, key: KeyObject, mode: LogMode): Promise<Record<string, string>> {
  if (mode !== 'now' || !rekor) return {};
  const { logEntries } = await addToLog(rekor, bare, key);
  return logEntries[0] ? logAnnotation(logEntries[0]) : {};
}

/** The layer has to be the very text that the log was sent. */
async function envelopeLayer(context: AttestContext, image: DigestReference, signer: Signer, what: What, made: DsseBundle | undefined): Promise<LegacyLayer> {
  const promised = made?.logEntries.find(({ inclusionPromise }) => inclusionPromise);
  const reusable = made && (what.log === 'never' || promised) ? made : undefined;
  const bundle = reusable ?? (await makeBundle(context, [image], signer, what));
  const entry = bundle.logEntries.find(({ inclusionPromise }) => inclusionPromise);
  const bytes = Buffer.from(encodeEnvelope(bundle, bundle.signature));
  const annotations = {
    [LEGACY_ANNOTATION.signature]: '',
    predicateType: what.predicateType,
    ...certificateAnnotation(bundle.certificate),
    ...(await timestampOf(context, bytes)),
    ...(entry && logAnnotation(entry)),
  };
  return { kind: 'attestation', bytes, annotations };
}

function certificateAnnotation(certificate: Buffer | undefined): Record<string, string> {
  return certificate ? { [LEGACY_ANNOTATION.certificate]: certificatePem(certificate) } : {};
}

/** There is room for the timestamp of one authority. */
async function timestampOf({ authorities: [stamp] = [] }: AttestContext, bytes: Buffer): Promise<Record<string, string>> {
  return stamp ? timestampAnnotation(await stamp(bytes)) : {};
}
