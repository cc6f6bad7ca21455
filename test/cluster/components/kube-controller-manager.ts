// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';
import { bedPki, isHealthy, writeClientKubeconfig } from './cluster-pki.ts';

export const kubeControllerManager: Component = {
  name: 'kube-controller-manager',
  groups: ['kubernetes'],
  needs: ['kube-apiserver'],
  peers: ['kubernetes'],
  async up(bed) {
    const { 'kube-controller-manager': command } = await ensurePeer('kubernetes', bed);
    const pki = await bedPki(bed);
    const args = [
      `--kubeconfig=${await writeClientKubeconfig(bed, 'kube-controller-manager')}`,
      `--service-account-private-key-file=${pki.serviceAccountKey}`,
      `--root-ca-file=${pki.ca.certFile}`,
      '--use-service-account-credentials',
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--tls-cert-file=${pki.server.certFile}`,
      `--tls-private-key-file=${pki.server.keyFile}`,
      '--profiling=false',
    ];
    await bed.daemon({ name: 'kube-controller-manager', command, args, isReady: () => isReady(bed) });
  },
  isReady,
};

function isReady(bed: Bed): Promise<boolean> {
  return isHealthy(bed, 'https://127.0.0.1:10257/healthz');
}
