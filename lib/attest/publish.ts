// SPDX-License-Identifier: Apache-2.0
import type { KeyObject } from 'node:crypto';
import { PENDING_ARTIFACT_TYPE, PUBLIC_KEY_ANNOTATION } from '../evidence/pending.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { Registry } from '../registry/client.ts';
import { BUNDLE_MEDIA_TYPE, type DsseBundle, encodeBundle } from '../sigstore/bundle.ts';
import { spkiDer } from '../sigstore/public-key.ts';

type PublishContext = { registry: Registry; now: () => Date };

/** Publishes a finished bundle as referrer of the artifact, as cosign 3 does (cosign specs/BUNDLE_SPEC.md); gives the digest of the referrer manifest. */
export async function publishBundle(context: PublishContext, image: DigestReference, bundle: DsseBundle, predicateType: string): Promise<string> {
  return publish(context, image, bundle, BUNDLE_MEDIA_TYPE, predicateType, {});
}

/** Publishes a signature that is not logged yet, under our own type of artifact and layer and with the public key that the log entry will need. */
export async function publishPending(
  context: PublishContext,
  image: DigestReference,
  bundle: DsseBundle,
  predicateType: string,
  key: KeyObject,
): Promise<string> {
  return publish(context, image, bundle, PENDING_ARTIFACT_TYPE, predicateType, { [PUBLIC_KEY_ANNOTATION]: spkiDer(key).toString('base64') });
}

async function publish(
  context: PublishContext,
  image: DigestReference,
  bundle: DsseBundle,
  artifactType: string,
  predicateType: string,
  annotations: Record<string, string>,
): Promise<string> {
  const descriptor = await context.registry.pushReferrer(image, {
    artifactType,
    annotations: {
      'dev.sigstore.bundle.content': 'dsse-envelope',
      'dev.sigstore.bundle.predicateType': predicateType,
      'org.opencontainers.image.created': context.now().toISOString(),
      ...annotations,
    },
    layers: [{ mediaType: artifactType, bytes: encodeBundle(bundle) }],
  });
  return descriptor.digest;
}
