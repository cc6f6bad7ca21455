// SPDX-License-Identifier: Apache-2.0
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { inputError } from '../errors/errors.ts';
import { type LogKey, trustedLogKey } from './checkpoint.ts';

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot[.+]/;

/** The logs and authorities to believe. */
export type Trust = Omit<TrustMaterial, 'publicKey'>;

/** Reads a Sigstore trusted root (protobuf-specs, TrustedRoot, JSON). Throws input TRUSTED_ROOT_INVALID. */
export function parseTrustedRoot(text: string): Trust {
  let root: TrustedRoot;
  try {
    root = TrustedRoot.fromJSON(JSON.parse(text));
    if (!MEDIA_TYPE.test(root.mediaType)) throw new Error(`its mediaType is "${root.mediaType.slice(0, 100)}"`);
    for (const log of root.tlogs)
      if (!log.logId?.keyId?.length || !log.publicKey?.rawBytes || !log.baseUrl) throw new Error(`the log "${log.baseUrl}" lacks baseUrl, logId or publicKey`);
    return toTrustMaterial(root);
  } catch (cause) {
    throw inputError('TRUSTED_ROOT_INVALID', 'the file that trusted-root names is not a Sigstore trusted root', { cause });
  }
}

/** The key of the trusted log at this URL (compared without a trailing slash), with its checkpoint name; undefined when the trusted root does not name it. */
export function trustedLogAt(trust: Trust, url: string): LogKey | undefined {
  const wanted = url.replace(/\/+$/, '');
  const log = trust.tlogs.find((candidate) => candidate.baseURL.replace(/\/+$/, '') === wanted);
  return log && trustedLogKey(log);
}
