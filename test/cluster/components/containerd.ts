// SPDX-License-Identifier: Apache-2.0
import { createHash } from 'node:crypto';
import { mkdir } from 'node:fs/promises';
import { connect } from 'node:http2';
import { connect as connectSocket } from 'node:net';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';
import { CNI_BRIDGE, POD_NETWORK } from './node.ts';

const CNI_NETWORK = 'tekton-supply-chain-bed';
const CNI_PLUGINS = '/usr/lib/cni';

/** Debian's containerd and runc with config, socket, root and state of their own, and the pods' network. */
export const containerd: Component = {
  name: 'containerd',
  groups: ['kubernetes'],
  needs: ['node', 'registry'],
  peers: ['bed'],
  programs: { containerd: 'containerd', runc: 'runc', [join(CNI_PLUGINS, 'bridge')]: 'containernetworking-plugins' },
  async up(bed) {
    const dir = await bed.dir('containerd');
    const config = await configText(bed, dir);
    await writeAtomic(join(dir, 'config.toml'), config);
    await writeNetwork(dir);
    await writeMirrors(bed, dir);
    await bed.daemon({
      name: 'containerd',
      command: 'containerd',
      args: ['--config', join(dir, 'config.toml')],
      // So that another config is another daemon.
      env: { CONFIG_SHA256: createHash('sha256').update(config).digest('hex') },
      isReady: () => isReady(bed),
    });
  },
  isReady,
};

export function containerdSocket({ root }: Bed): string {
  return join(root, 'containerd', 'containerd.sock');
}

const PROBE_MS = 2000;

/** Asks what a kubelet asks first, and ends without an answer (CRI, RuntimeService.Version): the plugin counts as loaded a moment before it answers. */
function isReady(bed: Bed): Promise<boolean> {
  return new Promise((resolve) => {
    const session = connect('http://localhost', { createConnection: () => connectSocket(containerdSocket(bed)) });
    const end = (answers: boolean): void => {
      session.destroy();
      resolve(answers);
    };
    session.on('error', () => end(false));
    session.setTimeout(PROBE_MS, () => end(false));
    const call = session.request({
      ':method': 'POST',
      ':path': '/runtime.v1.RuntimeService/Version',
      'content-type': 'application/grpc',
      te: 'trailers',
    });
    call.on('error', () => end(false));
    // A refusal has its status in the only headers that come.
    call.on('response', ({ 'grpc-status': status }) => status !== undefined && end(status === '0'));
    call.on('trailers', ({ 'grpc-status': status }) => end(status === '0'));
    call.resume();
    call.end(Buffer.alloc(5));
  });
}

async function configText(bed: Bed, dir: string): Promise<string> {
  const { pause } = await ensurePeer('bed', bed);
  const sandbox = await bed.image({ name: 'pause', files: { '/pause': pause }, entrypoint: ['/pause'] });
  const cri = 'plugins."io.containerd.grpc.v1.cri"';
  return `version = 2
root = "${dir}/root"
state = "${dir}/state"
disabled_plugins = ["io.containerd.snapshotter.v1.aufs", "io.containerd.snapshotter.v1.btrfs", "io.containerd.snapshotter.v1.devmapper", "io.containerd.snapshotter.v1.zfs"]

[grpc]
  address = "${containerdSocket(bed)}"

[plugins."io.containerd.internal.v1.opt"]
  path = "${dir}/opt"

[${cri}]
  sandbox_image = "${sandbox}"
  # Without CAP_SYS_RESOURCE, as in some test machines, no container could be given a lower score than this daemon has.
  restrict_oom_score_adj = true
  netns_mounts_under_state_dir = true
  max_concurrent_downloads = 3
  [${cri}.cni]
    bin_dir = "${CNI_PLUGINS}"
    conf_dir = "${dir}/cni"
  [${cri}.containerd]
    default_runtime_name = "runc"
    [${cri}.containerd.runtimes.runc]
      runtime_type = "io.containerd.runc.v2"
      [${cri}.containerd.runtimes.runc.options]
        SystemdCgroup = false
        Root = "${dir}/runc"
  [${cri}.registry]
    config_path = "${dir}/registries"
`;
}

async function writeNetwork(dir: string): Promise<void> {
  const ipam = { type: 'host-local', ranges: [[{ subnet: POD_NETWORK }]], routes: [{ dst: '0.0.0.0/0' }], dataDir: join(dir, 'addresses') };
  const plugins = [
    { type: 'bridge', bridge: CNI_BRIDGE, isGateway: true, ipMasq: true, hairpinMode: true, ipam },
    { type: 'portmap', capabilities: { portMappings: true } },
  ];
  await mkdir(join(dir, 'cni'), { recursive: true });
  await writeAtomic(join(dir, 'cni', '10-bed.conflist'), JSON.stringify({ cniVersion: '0.4.0', name: CNI_NETWORK, plugins }));
}

/** The registries of the bed speak plain HTTP. */
async function writeMirrors({ node }: Bed, dir: string): Promise<void> {
  for (const host of [`${node}:5000`, `${node}:5001`]) {
    const folder = join(dir, 'registries', host);
    await mkdir(folder, { recursive: true });
    await writeAtomic(join(folder, 'hosts.toml'), `server = "http://${host}"\n\n[host."http://${host}"]\n  capabilities = ["pull", "resolve"]\n`);
  }
}
