// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';
import { installation, type Plan } from './install.ts';
import { firstContainer, type Manifest, readManifests, withChange } from './manifests.ts';
import { isRolledOut } from './rollout.ts';

const NAMESPACE = 'gatekeeper-system';
const CERTIFICATE = 'gatekeeper-webhook-server-cert';
const isWebhook = ({ kind }: Manifest): boolean => kind.endsWith('WebhookConfiguration');

/**
 * Gatekeeper with external data (on by default) and one replica. `<root>/gatekeeper/ca.crt` is the CA of the certificate that it shows to providers,
 * and that its webhook serves with.
 */
export const gatekeeper = installation({
  name: 'gatekeeper',
  groups: ['policy'],
  needs: ['coredns', 'registry'],
  peers: ['gatekeeper'],
  namespaces: [NAMESPACE],
  async plan(bed) {
    const peer = await ensurePeer('gatekeeper', bed);
    return gatekeeperPlan(peer.gatekeeper, await readManifests(peer.deploy, (file) => file === 'gatekeeper.yaml'));
  },
  answers: refusesToBeIgnored,
  async afterwards(bed) {
    await writeAtomic(join(await bed.dir('gatekeeper'), 'ca.crt'), Buffer.from(await certificatePart(bed, 'ca\\.crt'), 'base64'));
  },
});

/**
 * Image and objects of Gatekeeper's one manifest. The webhooks come when there is somebody to answer: one of them fails closed on every namespace,
 * and other peers are installed at the same time. The audit pod comes when the controller has made the certificate that it mounts.
 */
export function gatekeeperPlan(binary: string, shipped: readonly Manifest[]): Plan {
  let image = '';
  const objects = withChange(shipped, 'Deployment', 'gatekeeper-controller-manager', (deployment) => {
    deployment['spec'] = { ...(deployment['spec'] as object), replicas: 1 };
    image = firstContainer(deployment).image;
  });
  const isLater = (manifest: Manifest): boolean => isWebhook(manifest) || manifest.metadata.name === 'gatekeeper-audit';
  return {
    images: { [image]: { name: 'gatekeeper', files: { '/manager': binary }, entrypoint: ['/manager'] } },
    stages: [{ objects: objects.filter((manifest) => !isLater(manifest)), until: isServing }, { objects: objects.filter(isLater) }],
  };
}

async function isServing(bed: Bed): Promise<boolean> {
  return (await isRolledOut(bed, [NAMESPACE])) && (await certificatePart(bed, 'tls\\.crt')) !== '';
}

async function certificatePart(bed: Pick<Bed, 'kubectl'>, field: string): Promise<string> {
  return (await bed.kubectl(['get', 'secret', CERTIFICATE, '-n', NAMESPACE, '-o', `jsonpath={.data.${field}}`])).stdout;
}

/** Gatekeeper's own webhook refuses a namespace that wants to be left out; nothing is kept, because it is a dry run. */
async function refusesToBeIgnored(bed: Pick<Bed, 'kubectl'>): Promise<boolean> {
  const metadata = { name: 'bed-probe', labels: { 'admission.gatekeeper.sh/ignore': 'yes' } };
  const { code, stderr } = await bed.kubectl(['create', '--dry-run=server', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'Namespace', metadata }));
  return code !== 0 && stderr.includes('admission webhook "check-ignore-label.gatekeeper.sh" denied the request');
}
