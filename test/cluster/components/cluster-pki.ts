// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { readFile, rm, writeFile } from 'node:fs/promises';
import { get } from 'node:https';
import { join } from 'node:path';
import { transientError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import type { Bed, Component } from '../bed/component.ts';
import { CA_EXTENSIONS, type Certificate, certificateMaker, clientKubeconfig, createTokenKeys, LEAF_EXTENSIONS } from '../pki.ts';
import { NODE_NAME } from './node.ts';

/** Clients that the API server knows by certificate: the file names under `<root>/pki`, and the subject that RBAC sees. */
const CLIENTS = {
  admin: '/O=system:masters/CN=admin',
  'kube-controller-manager': '/CN=system:kube-controller-manager',
  'kube-scheduler': '/CN=system:kube-scheduler',
  'kube-proxy': '/CN=system:kube-proxy',
  kubelet: `/O=system:nodes/CN=system:node:${NODE_NAME}`,
} as const;

const VALID_DAYS = 365;

/** Where the keys and certificates of the cluster stand; `ca.crt` is what clients of the API server trust. */
export type BedPki = {
  ca: Certificate;
  server: Certificate;
  clients: Record<keyof typeof CLIENTS, Certificate>;
  serviceAccountKey: string;
  serviceAccountPublicKey: string;
};

export async function bedPki(bed: Bed): Promise<BedPki> {
  const dir = await bed.dir('pki');
  const pair = (name: string): Certificate => ({ certFile: join(dir, `${name}.crt`), keyFile: join(dir, `${name}.key`) });
  const clients = Object.fromEntries(Object.keys(CLIENTS).map((name) => [name, pair(name)])) as BedPki['clients'];
  const serviceAccount = { serviceAccountKey: join(dir, 'service-account.key'), serviceAccountPublicKey: join(dir, 'service-account.pub') };
  return { ca: pair('ca'), server: pair('server'), clients, ...serviceAccount };
}

/** URL of the API server and first issuer of service account tokens. */
export function apiServerUrl({ node }: Bed): string {
  return `https://${node}:6443`;
}

/** A component of its own, because several servers need it and start at once. */
export const pki: Component = {
  name: 'pki',
  groups: ['kubernetes', 'sigstore'],
  needs: ['node'],
  daemons: [],
  up: makePki,
  isReady: async ({ root }) => existsSync(join(root, 'pki', 'done')),
};

/** Makes what `bedPki` names, and the admin kubeconfig; all anew when a run before was cut short. Throws what `certificateMaker` says. */
async function makePki(bed: Bed): Promise<void> {
  const dir = await bed.dir('pki');
  const { clients } = await bedPki(bed);
  const done = join(dir, 'done');
  if (existsSync(done)) return;
  await rm(dir, { recursive: true, force: true });
  const make = await certificateMaker(await bed.dir('pki'), VALID_DAYS);
  const ca = await make('ca', '/CN=bed-cluster-ca', CA_EXTENSIONS);
  const names = ['DNS:localhost', 'DNS:kubernetes', 'DNS:kubernetes.default', 'DNS:kubernetes.default.svc', 'DNS:kubernetes.default.svc.cluster.local'];
  const addresses = ['IP:127.0.0.1', 'IP:10.96.0.1', `IP:${bed.node}`];
  const subjectAltName = `subjectAltName=${[...names, ...addresses].join(',')}`;
  await make('server', '/CN=kube-apiserver', [...LEAF_EXTENSIONS, 'extendedKeyUsage=serverAuth', subjectAltName], ca);
  // The kubelet serves with the certificate that it is a client with.
  const usage = ['extendedKeyUsage=clientAuth,serverAuth', `subjectAltName=IP:${bed.node},DNS:${NODE_NAME}`];
  for (const [name, subject] of Object.entries(CLIENTS)) await make(name, subject, [...LEAF_EXTENSIONS, ...usage], ca);
  await createTokenKeys(dir);
  await writeAtomic(join(bed.root, 'kubeconfig'), await clientKubeconfig({ ca, client: clients.admin, server: apiServerUrl(bed) }));
  await writeFile(done, '');
}

/** Writes the kubeconfig of a client of the cluster; gives its path. */
export async function writeClientKubeconfig(bed: Bed, name: keyof typeof CLIENTS): Promise<string> {
  const { ca, clients } = await bedPki(bed);
  const file = join(await bed.dir(name), 'kubeconfig');
  await writeAtomic(file, await clientKubeconfig({ ca, client: clients[name], server: apiServerUrl(bed) }));
  return file;
}

/** Whether a server with a certificate of the cluster's CA answers 200; throws while it cannot be reached. */
export async function isHealthy(bed: Bed, url: string): Promise<boolean> {
  const ca = await readFile((await bedPki(bed)).ca.certFile);
  return new Promise((resolve, reject) => {
    const request = get(url, { ca, timeout: 5000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.on('timeout', () => request.destroy(transientError('PEER_SILENT', `${url} is silent`)));
    request.on('error', reject);
  });
}
