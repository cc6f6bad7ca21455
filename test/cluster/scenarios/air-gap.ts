// SPDX-License-Identifier: Apache-2.0
import { must, run } from '../bed/commands.ts';
import { POD_NETWORK } from '../components/node.ts';

const CHAIN = 'SCENARIO-AIR-GAP';
/** What every pod of this cluster needs to live: the API server. */
const API_SERVER = '6443';

/** All pods of the bed cut off from this machine, but for the API server and the ports that were left open. */
export type AirGap = {
  /** Connections of pods to the watched ports that were turned away so far. */
  refused(): Promise<number>;
  close(): Promise<void>;
};

/** Puts a rule of the kernel between the pods and `node`, because the bridge knows no NetworkPolicy. One that a killed run has left is replaced. */
export async function openAirGap(node: string, ports: { open: readonly string[]; watched: readonly string[] }): Promise<AirGap> {
  await removeChain();
  await iptables('-N', CHAIN);
  const to = (list: readonly string[]): string[] => ['-p', 'tcp', '-m', 'multiport', '--dports', list.join(',')];
  await iptables('-A', CHAIN, ...to([API_SERVER, ...ports.open]), '-j', 'RETURN');
  await iptables('-A', CHAIN, ...to(ports.watched), '-j', 'REJECT', '--reject-with', 'tcp-reset');
  // Other pods of the bed may be at work; that they are turned away is nothing to count.
  await iptables('-A', CHAIN, '-j', 'DROP');
  await iptables('-I', 'INPUT', '-s', POD_NETWORK, '-d', node, '-m', 'conntrack', '--ctstate', 'NEW', '-j', CHAIN);
  return { refused, close: removeChain };
}

async function refused(): Promise<number> {
  const listed = await must('iptables', ['-w', '-nvxL', CHAIN]);
  const [, packets] = /^ *(\d+) +\d+ +REJECT /m.exec(listed) ?? [];
  return Number(packets);
}

async function removeChain(): Promise<void> {
  const { stdout } = await run('iptables', ['-w', '-S', 'INPUT']);
  for (const line of stdout.split('\n').filter((rule) => rule.endsWith(`-j ${CHAIN}`))) await iptables('-D', ...line.split(' ').slice(1));
  if ((await run('iptables', ['-w', '-F', CHAIN])).code === 0) await iptables('-X', CHAIN);
}

async function iptables(...args: string[]): Promise<void> {
  await must('iptables', ['-w', ...args]);
}
