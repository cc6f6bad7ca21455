// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { freePorts, type HostProcess, startProcess } from '../cluster/host-process.ts';
import { ensurePeer } from '../peers/peers.ts';
import { tektonPeer } from '../peers/tekton-version.ts';
import type { GateCluster } from './gate-cluster.ts';

/** Images of pods that never run here: a PipelineRun of custom tasks alone needs no pod, and the controller only wants every one to be named. */
const IMAGES = ['entrypoint', 'nop', 'sidecarlogresults', 'workingdirinit', 'shell', 'shell-win'].flatMap((name) => [
  `-${name}-image`.replace('shell-win-image', 'shell-image-win'),
  'none',
]);

/** Tekton's real controller as a process on this machine; its configuration is what `installTektonWebhook` applied. */
export async function startTektonController({ dir, api }: GateCluster): Promise<HostProcess> {
  const { controller } = await ensurePeer(tektonPeer(), { log: (line) => console.error(line) });
  const [probes, metrics, profiling] = await freePorts(3);
  return startProcess({
    name: 'tekton-controller',
    command: controller,
    args: ['-kubeconfig', api.kubeconfig, '-disable-ha', ...IMAGES],
    env: {
      SYSTEM_NAMESPACE: 'tekton-pipelines',
      CONFIG_DEFAULTS_NAME: 'config-defaults',
      CONFIG_LOGGING_NAME: 'config-logging',
      CONFIG_OBSERVABILITY_NAME: 'config-observability',
      CONFIG_FEATURE_FLAGS_NAME: 'feature-flags',
      CONFIG_LEADERELECTION_NAME: 'config-leader-election-controller',
      CONFIG_SPIRE: 'config-spire',
      METRICS_DOMAIN: 'tekton.dev/pipeline',
      PROBES_PORT: String(probes),
      METRICS_PROMETHEUS_PORT: String(metrics),
      PROFILING_PORT: String(profiling),
    },
    logFile: join(dir, 'tekton-controller.log'),
  });
}

export type PipelineRun = {
  status?: {
    conditions?: { status: string; reason: string; message: string }[];
    results?: { name: string; value: string }[];
    childReferences?: { kind: string; name: string; pipelineTaskName: string }[];
  };
};

/** The PipelineRun as soon as its condition has this status. */
export async function pipelineRunReached(
  cluster: GateCluster,
  namespace: string,
  name: string,
  status: 'True' | 'False',
  timeoutMs = 30_000,
): Promise<PipelineRun> {
  let last: PipelineRun | undefined;
  for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(100)) {
    last = await readPipelineRun(cluster, namespace, name);
    if (last.status?.conditions?.[0]?.status === status) return last;
  }
  throw new Error(`PipelineRun ${name} did not become ${status}: ${JSON.stringify(last?.status)}`);
}

export async function readPipelineRun({ api }: GateCluster, namespace: string, name: string): Promise<PipelineRun> {
  const { stdout, stderr } = await api.kubectl(['get', 'pipelinerun', name, '-n', namespace, '-o', 'json']);
  if (stdout === '') throw new Error(stderr);
  return JSON.parse(stdout) as PipelineRun;
}
