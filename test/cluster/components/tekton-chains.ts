// SPDX-License-Identifier: Apache-2.0
import { generateKeyPairSync } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { ensurePeer, type PeerPaths } from '../../peers/peers.ts';
import type { Bed } from '../bed/component.ts';
import { installation, type Plan } from './install.ts';
import { type Manifest, readManifests, setData, withChange } from './manifests.ts';
import { goImage } from './peer-images.ts';

/** Runs are attested in their own annotations and, when they name an image, beside it; SLSA v1.0 provenance; no transparency log. */
const CONFIG = {
  'artifacts.taskrun.format': 'slsa/v2alpha4',
  'artifacts.taskrun.storage': 'oci,tekton',
  'artifacts.pipelinerun.format': 'slsa/v2alpha4',
  'artifacts.pipelinerun.storage': 'oci,tekton',
  'artifacts.oci.storage': 'oci',
  'transparency.enabled': 'false',
};

/** Tekton Chains with a key of the bed's own; its public half is `<root>/tekton-chains/public-key.pem`. */
export const tektonChains = installation({
  name: 'tekton-chains',
  groups: ['tekton', 'delivery'],
  needs: ['tekton'],
  peers: ['chains'],
  namespaces: ['tekton-chains'],
  async plan(bed) {
    const peer = await ensurePeer('chains', bed);
    return chainsPlan(peer, await readManifests(peer.config), await signingKey(await bed.dir('tekton-chains')));
  },
  answers: async (bed) => (await bed.kubectl(['get', 'secret', 'signing-secrets', '-n', 'tekton-chains', '-o', 'jsonpath={.data.x509\\.pem}'])).stdout !== '',
});

/** Images and objects of Chains as its module ships them, with our configuration and the private key (PEM, PKCS#8) that it signs with. */
export function chainsPlan({ controller }: Pick<PeerPaths<'chains'>, 'controller'>, shipped: readonly Manifest[], privateKey: string): Plan {
  const configured = withChange(shipped, 'ConfigMap', 'chains-config', (config) => setData(config, CONFIG));
  const objects = withChange(configured, 'Secret', 'signing-secrets', (secret) => {
    secret['stringData'] = { 'x509.pem': privateKey };
  });
  // The module's files are in an order that has the Deployment before its ServiceAccount: its pods would be refused and made again seconds later.
  const isDeployment = ({ kind }: Manifest): boolean => kind === 'Deployment';
  return {
    images: { 'ko://github.com/tektoncd/chains/cmd/controller': goImage('chains', 'controller', controller) },
    stages: [{ objects: objects.filter((manifest) => !isDeployment(manifest)) }, { objects: objects.filter(isDeployment) }],
  };
}

/** Made once for a bed: a further `up` must find what it installed. */
async function signingKey(dir: Awaited<ReturnType<Bed['dir']>>): Promise<string> {
  const file = join(dir, 'private-key.pem');
  const kept = await readFile(file, 'utf8').catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'ENOENT') return undefined;
    throw error;
  });
  if (kept !== undefined) return kept;
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  await writeAtomic(join(dir, 'public-key.pem'), publicKey.export({ type: 'spki', format: 'pem' }) as string);
  await writeAtomic(file, pem, { mode: 0o600 });
  return pem;
}
