// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { ensurePeer, type PeerPaths } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';
import { installation, type Plan } from './install.ts';
import { type Manifest, readManifests } from './manifests.ts';
import { goImage } from './peer-images.ts';

const MODULE = 'ko://github.com/tektoncd/triggers/cmd/';

/** Tekton Triggers in Tekton's namespace: controller, webhook, core interceptors, and the image of event listeners. */
export const tektonTriggers = installation({
  name: 'tekton-triggers',
  groups: ['tekton', 'delivery'],
  needs: ['tekton'],
  peers: ['triggers'],
  namespaces: ['tekton-pipelines'],
  async plan(bed) {
    const peer = await ensurePeer('triggers', bed);
    const shipped = await Promise.all([readManifests(peer.config), readManifests(join(peer.config, 'interceptors'))]);
    return triggersPlan(peer, shipped.flat());
  },
  answers: interceptorsAreTrusted,
});

/** The CRDs first: the module's own ClusterInterceptors are objects of one. */
export function triggersPlan(binaries: Omit<PeerPaths<'triggers'>, 'config'>, shipped: readonly Manifest[]): Plan {
  const names = ['controller', 'eventlistenersink', 'interceptors', 'webhook'] as const;
  const isCrd = ({ kind }: Manifest): boolean => kind === 'CustomResourceDefinition';
  return {
    images: Object.fromEntries(names.map((name) => [`${MODULE}${name}`, goImage('triggers', name, binaries[name])])),
    stages: [{ objects: shipped.filter(isCrd) }, { objects: shipped.filter((manifest) => !isCrd(manifest)) }],
  };
}

type ClusterInterceptor = { spec: { clientConfig: { caBundle?: string } } };

/** The interceptors' pod makes its certificate and tells listeners its CA; before that, they drop what they receive and still answer 202. */
async function interceptorsAreTrusted(bed: Pick<Bed, 'kubectl'>): Promise<boolean> {
  const { code, stdout } = await bed.kubectl(['get', 'clusterinterceptors', '-o', 'json']);
  if (code !== 0) return false;
  const { items } = JSON.parse(stdout) as { items: ClusterInterceptor[] };
  return items.length > 0 && items.every(({ spec }) => (spec.clientConfig.caBundle ?? '') !== '');
}
