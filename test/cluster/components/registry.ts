// SPDX-License-Identifier: Apache-2.0
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';

/** go-containerregistry's registry in plain HTTP, with the referrers API of OCI 1.1; what it holds outlives it, until `down`. */
export const registry: Component = registryComponent('registry', 5000, ['-referrers']);

/** The same without that API, for the referrers tag schema. */
export const registryPlain: Component = registryComponent('registry-plain', 5001, []);

function registryComponent(name: string, port: number, args: readonly string[]): Component {
  const isReady = async ({ node }: Bed): Promise<boolean> => (await fetch(`http://${node}:${port}/v2/`, { signal: AbortSignal.timeout(1000) })).ok;
  return {
    name,
    groups: ['registries'],
    needs: ['node'],
    peers: ['bed'],
    async up(bed) {
      const { registry: command } = await ensurePeer('bed', bed);
      const dir = await bed.dir(name);
      await bed.daemon({ name, command, args: [`-address=${bed.node}:${port}`, `-dir=${dir}`, ...args], isReady: () => isReady(bed) });
    },
    isReady,
  };
}
