// SPDX-License-Identifier: Apache-2.0
import { setTimeout as sleep } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import type { Bed } from '../bed/component.ts';

export type Deployment = {
  metadata: { name: string; generation?: number };
  spec: { replicas?: number };
  status?: { observedGeneration?: number; replicas?: number; updatedReplicas?: number; availableReplicas?: number };
};

/**
 * Why a Deployment is not what its spec says, or undefined when it is: seen by its controller, every pod new and available, no old pod left. As
 * `kubectl rollout status` decides (kubectl, pkg/polymorphichelpers/rollout_status.go), but for the old pods, which would still answer.
 */
export function pending({ metadata, spec, status = {} }: Deployment): string | undefined {
  const wanted = spec.replicas ?? 1;
  const { observedGeneration = 0, replicas = 0, updatedReplicas = 0, availableReplicas = 0 } = status;
  if (observedGeneration < (metadata.generation ?? 0)) return 'not seen by its controller yet';
  if (updatedReplicas < wanted) return `${updatedReplicas} of ${wanted} pods made`;
  if (replicas > updatedReplicas) return `${replicas - updatedReplicas} old pods left`;
  if (availableReplicas < wanted) return `${availableReplicas} of ${wanted} pods available`;
  return undefined;
}

/** Deployment name → what it waits for; a namespace without Deployments waits for them. Throws nothing: an API server that refuses is a reason, too. */
export async function pendingIn(bed: Pick<Bed, 'kubectl'>, namespace: string): Promise<Record<string, string>> {
  const { code, stdout, stderr } = await bed.kubectl(['get', '--raw', `/apis/apps/v1/namespaces/${namespace}/deployments`]);
  if (code !== 0) return { [namespace]: stderr.trim() };
  const { items } = JSON.parse(stdout) as { items: Deployment[] };
  if (items.length === 0) return { [namespace]: 'no Deployment yet' };
  return Object.fromEntries(items.flatMap((item) => [[item.metadata.name, pending(item)] as const]).filter((entry) => entry[1] !== undefined)) as Record<
    string,
    string
  >;
}

/** Whether every Deployment of these namespaces is rolled out. */
export async function isRolledOut(bed: Pick<Bed, 'kubectl'>, namespaces: readonly string[]): Promise<boolean> {
  for (const namespace of namespaces) if (Object.keys(await pendingIn(bed, namespace)).length > 0) return false;
  return true;
}

/** Asks once a second until the answer is true; gives false when `timeoutMs` passes first. */
export async function becomesTrue(question: () => Promise<boolean>, timeoutMs: number): Promise<boolean> {
  for (const end = performance.now() + timeoutMs; ; await sleep(1000)) {
    if (await question()) return true;
    if (performance.now() > end) return false;
  }
}

/** StepError `PEER_NOT_READY` that names what is not rolled out in these namespaces, with its pods and the end of its log. */
export async function notReady(bed: Pick<Bed, 'kubectl'>, name: string, namespaces: readonly string[]): Promise<Error> {
  const lines = [`${name} is not ready`];
  for (const namespace of namespaces) {
    const waiting = Object.entries(await pendingIn(bed, namespace));
    if (waiting.length === 0) continue;
    lines.push(
      ...waiting.map(([deployment, why]) => `${namespace}/${deployment}: ${why}`),
      (await bed.kubectl(['get', 'pods', '-n', namespace])).stdout.trimEnd(),
    );
    for (const [deployment] of waiting) {
      const { stdout, stderr } = await bed.kubectl(['logs', '-n', namespace, `deployment/${deployment}`, '--tail=15', '--all-containers']);
      lines.push(`log of ${deployment} ends with:`, (stdout || stderr).trimEnd());
    }
  }
  if (lines.length === 1) lines.push('its pods are available, but it does not answer as it should');
  return transientError('PEER_NOT_READY', lines.join('\n'));
}
