// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import * as z from 'zod';
import { refusedError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import type { Bed } from '../bed/component.ts';
import { CA_EXTENSIONS, certificateMaker, LEAF_EXTENSIONS } from '../pki.ts';
import type { Plan } from './install.ts';
import { type Manifest, readManifests, setData, withChange } from './manifests.ts';

export const ARGOCD_NAMESPACE = 'argocd';
const VALID_DAYS = 30;
const isShipped = (file: string): boolean => file !== 'kustomization.yaml';

/** PEM texts. */
export type Serving = { certificate: string; key: string };

/** What Argo CD wants in the cluster beside its processes: the CRDs, its configuration, the certificate of its API. */
export async function argoPlan(manifests: string, serving: Serving): Promise<Plan> {
  const crds = await readManifests(join(manifests, 'crds'), isShipped);
  return { images: {}, stages: [{ objects: crds }, { objects: argoObjects(await readManifests(join(manifests, 'base', 'config'), isShipped), serving) }] };
}

/** The shipped configuration in its namespace, which the files do not name. The administrator may have API keys: a session would end after a day. */
export function argoObjects(shipped: readonly Manifest[], { certificate, key }: Serving): Manifest[] {
  const placed = shipped.map((manifest) => ({ ...manifest, metadata: { ...manifest.metadata, namespace: ARGOCD_NAMESPACE } }));
  const configured = withChange(placed, 'ConfigMap', 'argocd-cm', (config) => setData(config, { 'accounts.admin': 'apiKey, login' }));
  const metadata = { name: 'argocd-server-tls', namespace: ARGOCD_NAMESPACE };
  return [
    { apiVersion: 'v1', kind: 'Namespace', metadata: { name: ARGOCD_NAMESPACE } },
    ...configured,
    { apiVersion: 'v1', kind: 'Secret', metadata, type: 'kubernetes.io/tls', stringData: { 'tls.crt': certificate, 'tls.key': key } },
  ];
}

/** Certificate of the API for the node's address, made once for a bed with a CA of its own (`ca.crt`). Throws StepError those of `certificateMaker`. */
export async function servingCertificate(dir: string, address: string): Promise<Serving> {
  const files = { certFile: join(dir, 'server.crt'), keyFile: join(dir, 'server.key') };
  if (!existsSync(files.certFile)) {
    const make = await certificateMaker(dir, VALID_DAYS);
    const ca = await make('ca', '/CN=bed-argocd-ca', CA_EXTENSIONS);
    await make('server', '/CN=argocd-server', [...LEAF_EXTENSIONS, 'extendedKeyUsage=serverAuth', `subjectAltName=IP:${address}`], ca);
  }
  return { certificate: await readFile(files.certFile, 'utf8'), key: await readFile(files.keyFile, 'utf8') };
}

const Kubeconfig = z.looseObject({ contexts: z.array(z.looseObject({ context: z.looseObject({ namespace: z.string().optional() }) })).min(1) });

/** The bed's admin kubeconfig with Argo CD's namespace in it, which is where Argo CD looks for its configuration; gives the path. */
export async function writeKubeconfig(bed: Bed, dir: string): Promise<string> {
  const { code, stdout, stderr } = await bed.kubectl(['config', 'view', '--raw', '--flatten', '--minify', '-o', 'json']);
  if (code !== 0) throw refusedError('KUBECONFIG_INVALID', `kubectl does not show its configuration: ${stderr.trim()}`);
  const config = Kubeconfig.parse(JSON.parse(stdout));
  for (const { context } of config.contexts) context.namespace = ARGOCD_NAMESPACE;
  const file = join(dir, 'kubeconfig');
  await writeAtomic(file, JSON.stringify(config), { mode: 0o600 });
  return file;
}
