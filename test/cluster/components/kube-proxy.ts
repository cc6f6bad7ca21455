// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../peers/peers.ts';
import { run } from '../bed/commands.ts';
import type { Component } from '../bed/component.ts';
import { writeClientKubeconfig } from './cluster-pki.ts';
import { NODE_NAME, POD_NETWORK } from './node.ts';

/** Service addresses, by iptables. The zeros leave the connection tracking of the machine as it is. */
export const kubeProxy: Component = {
  name: 'kube-proxy',
  groups: ['kubernetes'],
  needs: ['kubelet'],
  peers: ['kubernetes'],
  programs: { iptables: 'iptables', conntrack: 'conntrack' },
  async up(bed) {
    const { 'kube-proxy': command } = await ensurePeer('kubernetes', bed);
    const args = [
      `--kubeconfig=${await writeClientKubeconfig(bed, 'kube-proxy')}`,
      `--hostname-override=${NODE_NAME}`,
      '--proxy-mode=iptables',
      `--cluster-cidr=${POD_NETWORK}`,
      '--healthz-bind-address=127.0.0.1:10256',
      '--metrics-bind-address=127.0.0.1:10249',
      `--nodeport-addresses=${bed.node}/32`,
      '--iptables-localhost-nodeports=false',
      '--iptables-min-sync-period=100ms',
      '--conntrack-max-per-core=0',
      '--conntrack-min=0',
      '--conntrack-tcp-timeout-established=0',
      '--conntrack-tcp-timeout-close-wait=0',
    ];
    await bed.daemon({ name: 'kube-proxy', command, args, isReady });
  },
  isReady,
};

/** Healthy is not enough: the address of the API server in the cluster must be in the rules. */
async function isReady(): Promise<boolean> {
  if (!(await fetch('http://127.0.0.1:10256/healthz', { signal: AbortSignal.timeout(1000) })).ok) return false;
  const { code, stdout } = await run('iptables', ['-w', '-t', 'nat', '-S', 'KUBE-SERVICES']);
  return code === 0 && stdout.includes('-d 10.96.0.1/32');
}
