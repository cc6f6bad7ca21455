// SPDX-License-Identifier: Apache-2.0
import { composeLayout, type ReadyLayer } from '../../lib/artifact/write-layout.ts';
import { sha256Digest } from '../../lib/reference/digest.ts';
import { ARCHITECTURES, type Base } from './base.ts';

/** A layer with a few bytes in place of a tar. */
function layerOf(text: string): ReadyLayer {
  return { mediaType: 'application/vnd.oci.image.layer.v1.tar', bytes: Buffer.from(text), diffId: sha256Digest(text) };
}

/** A base for both architectures without a file in it. */
export function smallBase(): Base {
  const config = { Env: ['PATH=/bin'], Cmd: ['sh'], WorkingDir: '/home/nonroot', User: '0', Labels: { kept: 'yes', 'org.opencontainers.image.title': 'base' } };
  const images = ARCHITECTURES.map((architecture) => {
    const layers = [layerOf(`${architecture} lower`), layerOf(`${architecture} upper`)];
    const history = layers.map((_, at) => ({ created_by: `base ${at}` }));
    const { root } = composeLayout([{ platform: { os: 'linux', architecture }, layers, config, history }]);
    return [architecture, { layers, config, history, digest: root.digest }] as const;
  });
  return { images: new Map(images) };
}
