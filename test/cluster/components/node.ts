// SPDX-License-Identifier: Apache-2.0
import { networkInterfaces } from 'node:os';
import { bugError } from '../../../lib/errors/errors.ts';
import { must, run } from '../bed/commands.ts';
import type { Bed, Component } from '../bed/component.ts';
import { saveSettings, setKernel } from '../bed/kernel.ts';
import { carries, removalScript } from '../bed/leftovers.ts';

export const NODE_NAME = 'bed';
export const POD_NETWORK = '10.244.0.0/16';
export const SERVICE_NETWORK = '10.96.0.0/16';
/** Of a rule that is ours; `down` takes away what carries it. */
const RULE_COMMENT = 'tekton-supply-chain-bed';
const DEVICE = 'tsc0';
/** Bridge of the pods. */
export const CNI_BRIDGE = 'tsc-cni0';

/** Address, routes, forwarding: what the machine must have before anything of a cluster can run on it. */
export const node: Component = {
  name: 'node',
  groups: ['kubernetes', 'registries'],
  needs: [],
  programs: { ip: 'iproute2', iptables: 'iptables' },
  daemons: [],
  async up(bed) {
    await saveSettings(bed.root);
    await giveAddress(bed);
    await setKernel({ 'net.ipv4.ip_forward': '1', 'net.bridge.bridge-nf-call-iptables': '1' });
    for (const direction of ['-s', '-d']) await allowForwarding(direction);
  },
  isReady: async (bed) => hasAddress(bed),
  async clean(bed) {
    await removeRules();
    for (const device of [CNI_BRIDGE, DEVICE]) await removeDevice(device);
    if (!hasAddress(bed)) return;
    await run('ip', ['route', 'del', SERVICE_NETWORK, 'dev', 'lo']);
    await must('ip', ['address', 'del', `${bed.node}/32`, 'dev', 'lo']);
  },
};

/** On an interface of its own where the kernel has that type, else on loopback. */
async function giveAddress(bed: Bed): Promise<void> {
  const isDummy = (await run('ip', ['link', 'show', DEVICE])).code === 0 || (await run('ip', ['link', 'add', DEVICE, 'type', 'dummy'])).code === 0;
  const device = isDummy ? DEVICE : 'lo';
  await must('ip', ['link', 'set', device, 'up']);
  if (!hasAddress(bed)) await must('ip', ['address', 'add', `${bed.node}/32`, 'dev', device]);
  if (!hasAddress(bed)) throw bugError('NODE_ADDRESS_MISSING', `${bed.node} was added to ${device} and is not there`);
  // Without a default route the kernel would refuse a service address before kube-proxy's rules see it.
  await must('ip', ['route', 'replace', SERVICE_NETWORK, 'dev', device, 'src', bed.node]);
}

function hasAddress({ node: address }: Bed): boolean {
  return Object.values(networkInterfaces()).some((entries) => entries?.some((entry) => entry.address === address));
}

/** A container engine on the machine may have set the policy of FORWARD to DROP. */
async function allowForwarding(direction: string): Promise<void> {
  const rule = ['FORWARD', direction, POD_NETWORK, '-m', 'comment', '--comment', RULE_COMMENT, '-j', 'ACCEPT'];
  if ((await run('iptables', ['-w', '-C', ...rule])).code !== 0) await must('iptables', ['-w', '-I', ...rule]);
}

/** Only where our own rule stands beside them: chains of these names can be another cluster's. */
async function removeRules(): Promise<void> {
  const saved = (await run('iptables-save', [])).stdout;
  if (!saved.split('\n').some((line) => carries(line, RULE_COMMENT))) return;
  // IPv6 first, since what is found by our rule must be complete before that rule goes.
  for (const [save, restore] of [
    ['ip6tables-save', 'ip6tables-restore'],
    ['iptables-save', 'iptables-restore'],
  ] as const) {
    const script = removalScript((await run(save, [])).stdout, RULE_COMMENT);
    if (script !== '') await must(restore, ['--noflush', '--wait'], script);
  }
}

/** A bridge with what is still plugged into it: the pods' ends go with their network namespaces, which the kernel takes its time for. */
async function removeDevice(device: string): Promise<void> {
  if ((await run('ip', ['link', 'show', device])).code !== 0) return;
  const { stdout } = await run('ip', ['-json', 'link', 'show', 'master', device]);
  const ports = (stdout.trim() === '' ? [] : JSON.parse(stdout)) as { ifname: string }[];
  for (const { ifname } of ports) await run('ip', ['link', 'del', ifname]);
  await must('ip', ['link', 'del', device]);
}
