// SPDX-License-Identifier: Apache-2.0
import { mkdir } from 'node:fs/promises';
import { join } from 'node:path';
import { refusedError } from '../../../lib/errors/errors.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { type CommandResult, type Kubectl, runKubectl } from '../api-server.ts';
import type { Bed } from './component.ts';
import { isDaemonRunning, startDaemon, stopDaemon } from './daemon.ts';
import { pushPeerImage } from './image.ts';
import { type BedPlace, NODE_ADDRESS } from './state.ts';

/** `kubectl wait` and `rollout status` of components set limits of their own below this one. */
const KUBECTL_TIMEOUT_MS = 600_000;

/** The bed of a place as components work with it; makes nothing before it is asked to. */
export function createBed(place: BedPlace, log: (line: string) => void): Bed {
  let found: Promise<Kubectl> | undefined;
  const dir = async (name: string): Promise<string> => {
    const folder = join(place.root, name);
    await mkdir(folder, { recursive: true, mode: 0o700 });
    return folder;
  };
  const kubectl = async (args: readonly string[], stdin?: string): Promise<CommandResult> => {
    found ??= findKubectl(place, log);
    return runKubectl(await found, args, stdin);
  };
  return {
    root: place.root,
    dir,
    node: NODE_ADDRESS,
    log,
    daemon: (spec) => startDaemon(place, spec),
    isRunning: (name) => isDaemonRunning(place, name),
    stop: (name, graceMs) => stopDaemon(place, name, graceMs),
    kubectl,
    apply: (objects) => applyObjects(kubectl, objects),
    image: async (image) => pushPeerImage({ memo: await dir('images'), registry: `${NODE_ADDRESS}:5000` }, image),
  };
}

/** The kubectl of the peers with the bed's admin kubeconfig. */
export async function findKubectl({ root, kubeconfig }: BedPlace, log: (line: string) => void): Promise<Kubectl> {
  const { kubectl: binary } = await ensurePeer('kubernetes', { log });
  const dir = join(root, 'kubectl');
  await mkdir(dir, { recursive: true, mode: 0o700 });
  return { binary, kubeconfig, dir, timeoutMs: KUBECTL_TIMEOUT_MS };
}

async function applyObjects(kubectl: Bed['kubectl'], objects: readonly object[]): Promise<void> {
  const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
  const { code, stderr } = await kubectl(['apply', '--server-side', '--force-conflicts', '--field-manager=bed', '--filename=-'], list);
  if (code !== 0) throw refusedError('APPLY_REFUSED', `the API server does not take the objects:\n${stderr.trim()}`);
}
