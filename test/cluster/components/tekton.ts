// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { bugError } from '../../../lib/errors/errors.ts';
import { ensurePeer, type PeerPaths } from '../../peers/peers.ts';
import { tektonPeer } from '../../peers/tekton-version.ts';
import type { PeerImage } from '../bed/component.ts';
import { enforcesTasks } from '../tekton-webhook.ts';
import { installation, type Plan } from './install.ts';
import { firstContainer, type Manifest, readManifests, setData, withChange } from './manifests.ts';
import { goImage, SHELL_IMAGE, SHELL_PROGRAMS } from './peer-images.ts';

const MODULE = 'ko://github.com/tektoncd/pipeline/cmd/';
/** Argument of the controller whose value is the image for what writes scripts into a pod: one of a public registry, with a digest that changes. */
const SHELL_ARGUMENT = '-shell-image';

/** Tekton Pipelines: controller, webhook, events and resolvers, with what they put into the pods of TaskRuns. */
export const tekton = installation({
  name: 'tekton',
  groups: ['tekton', 'delivery'],
  needs: ['coredns', 'registry'],
  peers: [tektonPeer()],
  programs: SHELL_PROGRAMS,
  namespaces: ['tekton-pipelines', 'tekton-pipelines-resolvers'],
  async plan(bed) {
    const peer = await ensurePeer(tektonPeer(), bed);
    return tektonPlan(peer, await readConfig(peer.config), SHELL_IMAGE);
  },
  answers: enforcesTasks,
});

/** The module's config/ without the autoscaler of the webhook, which asks for metrics that there are none of. */
async function readConfig(config: string): Promise<Manifest[]> {
  const folders = ['100-namespace', '300-crds', '.', 'resolvers'].map((folder) => readManifests(join(config, folder), (file) => file !== 'webhook-hpa.yaml'));
  return (await Promise.all(folders)).flat();
}

/** Images and objects of Tekton as its module ships them, made fit for namespaces that enforce `restricted` and for images of one binary. */
export function tektonPlan(binaries: Omit<PeerPaths<'tekton'>, 'config'>, shipped: readonly Manifest[], shell: PeerImage): Plan {
  const names = ['controller', 'entrypoint', 'events', 'nop', 'resolvers', 'sidecarlogresults', 'webhook', 'workingdirinit'] as const;
  const images = Object.fromEntries(names.map((name) => [`${MODULE}${name}`, goImage('tekton', name, binaries[name])]));
  // The module's command is tini, which its base image has.
  const resolvers = withChange(shipped, 'Deployment', 'tekton-pipelines-remote-resolvers', (deployment) => {
    firstContainer(deployment).command = ['/ko-app/resolvers'];
  });
  const objects = withChange(resolvers, 'ConfigMap', 'feature-flags', (flags) => {
    if (flags.metadata.namespace === 'tekton-pipelines') setData(flags, { 'set-security-context': 'true' });
  });
  return { images: { ...images, [shellReference(objects)]: shell }, stages: [{ objects }] };
}

function shellReference(objects: readonly Manifest[]): string {
  const controller = objects.find(({ kind, metadata }) => kind === 'Deployment' && metadata.name === 'tekton-pipelines-controller');
  const args = controller === undefined ? [] : (firstContainer(controller).args ?? []);
  const reference = args[args.indexOf(SHELL_ARGUMENT) + 1];
  if (args.includes(SHELL_ARGUMENT) && reference !== undefined) return reference;
  throw bugError('MANIFEST_MISSING', `Tekton's controller is told no ${SHELL_ARGUMENT}`, { hint: 'look at what the peer ships now' });
}
