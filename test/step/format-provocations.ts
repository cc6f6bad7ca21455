// SPDX-License-Identifier: Apache-2.0
import { parseDigestReference } from '../../lib/reference/reference.ts';
import { MEDIA_TYPE } from '../../lib/registry/oci.ts';
import type { Bench } from './bench.ts';
import type { Provoked } from './failures.ts';

/** What goes wrong with cosign's tags and with indexes. */
export const FORMAT_PROVOCATIONS = {
  LEGACY_IMPOSSIBLE: (): Provoked => ({ params: { format: 'legacy' }, names: 'Rekor v1' }),
  LEGACY_TAG_INVALID: async (bench: Bench, image: string): Promise<Provoked> => {
    const { registry, repository, digest } = parseDigestReference(image);
    const tag = `${digest.replace(':', '-')}.sig`;
    await bench.client.putManifest({ registry, repository, tag }, indexOf([]), MEDIA_TYPE.ociIndex);
    return { names: tag };
  },
  RECURSIVE_IMPOSSIBLE: (): Provoked => ({ params: { recursive: 'true', log: 'later' }, names: 'log=later' }),
  INDEX_TOO_LARGE: async (bench: Bench, image: string): Promise<Provoked> => {
    const { registry, repository } = parseDigestReference(image);
    let inner: object[] = [];
    let digest = '';
    for (let depth = 0; depth < 6; depth++) {
      const written = await bench.client.putManifest({ registry, repository }, indexOf(inner), MEDIA_TYPE.ociIndex);
      inner = [written];
      digest = written.digest;
    }
    const top = `${registry}/${repository}@${digest}`;
    return { params: { image: top, recursive: 'true' }, subject: top, names: top };
  },
};

function indexOf(manifests: readonly object[]): Buffer {
  return Buffer.from(JSON.stringify({ schemaVersion: 2, mediaType: MEDIA_TYPE.ociIndex, manifests }));
}
