// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';
import { apiServerUrl, type BedPki, bedPki } from './cluster-pki.ts';
import { ETCD_URL } from './etcd.ts';
import { SERVICE_NETWORK } from './node.ts';

/** The real API server, on the node's address alone, with RBAC, Pod Security admission, and tokens that servers outside of the cluster can check. */
export const kubeApiserver: Component = {
  name: 'kube-apiserver',
  groups: ['kubernetes'],
  needs: ['node', 'pki', 'etcd'],
  peers: ['kubernetes'],
  async up(bed) {
    const { 'kube-apiserver': command } = await ensurePeer('kubernetes', bed);
    const args = flags(bed, await bedPki(bed));
    await bed.daemon({ name: 'kube-apiserver', command, args, isReady: () => isReady(bed), readyTimeoutMs: 120_000 });
    await bed.apply([issuerDiscovery]);
  },
  isReady,
};

async function isReady(bed: Bed): Promise<boolean> {
  return (await bed.kubectl(['get', '--raw', '/readyz'])).code === 0 && (await bed.kubectl(['get', 'namespace', 'default'])).code === 0;
}

/** Fulcio reads keys of the issuer without a credential. */
const issuerDiscovery = {
  apiVersion: 'rbac.authorization.k8s.io/v1',
  kind: 'ClusterRoleBinding',
  metadata: { name: 'issuer-discovery-for-all' },
  roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'system:service-account-issuer-discovery' },
  subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'Group', name: 'system:unauthenticated' }],
};

function flags(bed: Bed, pki: BedPki): string[] {
  const { admin } = pki.clients;
  return [
    `--etcd-servers=${ETCD_URL}`,
    `--bind-address=${bed.node}`,
    `--advertise-address=${bed.node}`,
    '--secure-port=6443',
    `--tls-cert-file=${pki.server.certFile}`,
    `--tls-private-key-file=${pki.server.keyFile}`,
    `--client-ca-file=${pki.ca.certFile}`,
    `--kubelet-certificate-authority=${pki.ca.certFile}`,
    `--kubelet-client-certificate=${admin.certFile}`,
    `--kubelet-client-key=${admin.keyFile}`,
    '--kubelet-preferred-address-types=InternalIP',
    '--authorization-mode=Node,RBAC',
    '--enable-admission-plugins=NodeRestriction',
    `--service-cluster-ip-range=${SERVICE_NETWORK}`,
    // The first one is that of new tokens, by an address that Fulcio on this machine can ask; the second one is what clients expect to be accepted.
    `--service-account-issuer=${apiServerUrl(bed)}`,
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.serviceAccountPublicKey}`,
    `--service-account-signing-key-file=${pki.serviceAccountKey}`,
    '--profiling=false',
  ];
}
