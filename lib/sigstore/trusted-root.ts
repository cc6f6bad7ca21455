// SPDX-License-Identifier: Apache-2.0
import { TrustedRoot } from '@sigstore/protobuf-specs';
import { type TrustMaterial, toTrustMaterial } from '@sigstore/verify';
import { inputError } from '../errors/errors.ts';
import { type LogKey, trustedLogKey } from './checkpoint.ts';

const MEDIA_TYPE = /^application\/vnd\.dev\.sigstore\.trustedroot[.+]/;

/** A timestamp authority with the URL that the trusted root gives it. */
type TimestampAuthority = TrustMaterial['timestampAuthorities'][number] & { uri: string };

/** The logs and authorities to believe. */
export type Trust = Omit<TrustMaterial, 'publicKey' | 'timestampAuthorities'> & { timestampAuthorities: TimestampAuthority[] };

/** Reads a Sigstore trusted root (protobuf-specs, TrustedRoot, JSON). Throws input TRUSTED_ROOT_INVALID. */
export function parseTrustedRoot(text: string): Trust {
  let root: TrustedRoot;
  try {
    root = TrustedRoot.fromJSON(JSON.parse(text));
    if (!MEDIA_TYPE.test(root.mediaType)) throw new Error(`its mediaType is "${root.mediaType.slice(0, 100)}"`);
    for (const log of root.tlogs) {
      if (!log.logId?.keyId?.length || !log.publicKey?.rawBytes || !log.baseUrl) throw new Error(`the log "${log.baseUrl}" lacks baseUrl, logId or publicKey`);
      // As for sigstore-go: a log of which nobody says since when it counts does not count.
      if (!log.publicKey.validFor?.start) throw new Error(`the key of the log "${log.baseUrl}" has no start of its validity`);
    }
    const { publicKey: _none, ...material } = toTrustMaterial(root);
    const timestampAuthorities = material.timestampAuthorities.map((authority, index) => ({ ...authority, uri: root.timestampAuthorities[index]?.uri ?? '' }));
    return { ...material, timestampAuthorities };
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
