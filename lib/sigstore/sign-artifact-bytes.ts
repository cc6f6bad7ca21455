// SPDX-License-Identifier: Apache-2.0
import { createHash, type KeyObject, sign } from 'node:crypto';
import { bundleFromJSON } from '@sigstore/bundle';
import { BUNDLE_MEDIA_TYPE, type DsseBundle } from './bundle.ts';

/** A bundle v0.3 with a signature over the bytes themselves, made with a P-256 key that the certificate (DER) is for (protobuf-specs, MessageSignature). */
export function signArtifactBytes(bytes: Buffer, privateKey: KeyObject, certificate: Buffer): DsseBundle {
  const signature = sign('sha256', bytes, privateKey);
  const bundle = bundleFromJSON({
    mediaType: BUNDLE_MEDIA_TYPE,
    verificationMaterial: { certificate: { rawBytes: certificate.toString('base64') }, tlogEntries: [], timestampVerificationData: { rfc3161Timestamps: [] } },
    messageSignature: {
      messageDigest: { algorithm: 'SHA2_256', digest: createHash('sha256').update(bytes).digest('base64') },
      signature: signature.toString('base64'),
    },
  });
  return { payload: bytes, payloadType: '', signature, hint: undefined, certificate, logEntries: [], bundle };
}
