// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { podCgroup, prepareCgroup } from '../bed/cgroup.ts';
import type { Bed, Component } from '../bed/component.ts';
import { bedPki, writeClientKubeconfig } from './cluster-pki.ts';
import { containerdSocket } from './containerd.ts';
import { NODE_NAME } from './node.ts';

export const kubelet: Component = {
  name: 'kubelet',
  groups: ['kubernetes'],
  needs: ['kube-apiserver', 'containerd'],
  peers: ['kubernetes'],
  programs: { mount: 'mount', nsenter: 'util-linux' },
  async up(bed) {
    const { kubelet: command } = await ensurePeer('kubernetes', bed);
    const dir = await bed.dir('kubelet');
    const config = JSON.stringify(await configuration(bed, dir), null, 2);
    await prepareCgroup(bed.root);
    await writeAtomic(join(dir, 'config.json'), config);
    await writeAtomic(join(dir, 'resolv.conf'), 'nameserver 10.96.0.10\n');
    await bed.daemon({
      name: 'kubelet',
      command,
      args: [
        `--config=${join(dir, 'config.json')}`,
        `--kubeconfig=${await writeClientKubeconfig(bed, 'kubelet')}`,
        `--root-dir=${dir}`,
        `--cert-dir=${join(dir, 'pki')}`,
        `--hostname-override=${NODE_NAME}`,
        `--node-ip=${bed.node}`,
      ],
      env: { CONFIG_SHA256: createHash('sha256').update(config).digest('hex') },
      isReady: () => isReady(bed),
    });
  },
  isReady,
};

/** The node's status alone is also true for a while after the kubelet has gone. */
async function isReady(bed: Bed): Promise<boolean> {
  if (!(await fetch('http://127.0.0.1:10248/healthz', { signal: AbortSignal.timeout(1000) })).ok) return false;
  const path = 'jsonpath={.status.conditions[?(@.type=="Ready")].status}';
  return (await bed.kubectl(['get', 'node', NODE_NAME, '-o', path])).stdout === 'True';
}

async function configuration(bed: Bed, dir: string): Promise<object> {
  const pki = await bedPki(bed);
  const { kubelet: own } = pki.clients;
  return {
    apiVersion: 'kubelet.config.k8s.io/v1beta1',
    kind: 'KubeletConfiguration',
    address: bed.node,
    tlsCertFile: own.certFile,
    tlsPrivateKeyFile: own.keyFile,
    authentication: { anonymous: { enabled: false }, webhook: { enabled: true }, x509: { clientCAFile: pki.ca.certFile } },
    authorization: { mode: 'Webhook' },
    containerRuntimeEndpoint: `unix://${containerdSocket(bed)}`,
    // A step waits for a file that the kubelet writes when it looks at the Pod again; a minute is too long where a look was missed.
    syncFrequency: '10s',
    cgroupDriver: 'cgroupfs',
    cgroupRoot: `/${podCgroup(bed.root)}`,
    failCgroupV1: false,
    failSwapOn: false,
    clusterDNS: ['10.96.0.10'],
    clusterDomain: 'cluster.local',
    resolvConf: join(dir, 'resolv.conf'),
    podLogsDir: join(bed.root, 'logs', 'pods'),
    volumePluginDir: join(dir, 'volume-plugins'),
    // A test machine may be nearly full, and images can be had again.
    evictionHard: { 'memory.available': '100Mi', 'nodefs.available': '1%', 'nodefs.inodesFree': '1%', 'imagefs.available': '1%' },
    imageGCHighThresholdPercent: 100,
    serializeImagePulls: false,
    maxPods: 250,
  };
}
