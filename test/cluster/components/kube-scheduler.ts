// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';
import { bedPki, isHealthy, writeClientKubeconfig } from './cluster-pki.ts';

export const kubeScheduler: Component = {
  name: 'kube-scheduler',
  groups: ['kubernetes'],
  needs: ['kube-apiserver'],
  peers: ['kubernetes'],
  async up(bed) {
    const { 'kube-scheduler': command } = await ensurePeer('kubernetes', bed);
    const { server } = await bedPki(bed);
    const args = [
      `--kubeconfig=${await writeClientKubeconfig(bed, 'kube-scheduler')}`,
      '--leader-elect=false',
      '--bind-address=127.0.0.1',
      `--tls-cert-file=${server.certFile}`,
      `--tls-private-key-file=${server.keyFile}`,
      '--profiling=false',
    ];
    await bed.daemon({ name: 'kube-scheduler', command, args, isReady: () => isReady(bed) });
  },
  isReady,
};

function isReady(bed: Bed): Promise<boolean> {
  return isHealthy(bed, 'https://127.0.0.1:10259/readyz');
}
