// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { createKubeClient } from '../../../lib/kube/client.ts';
import { kubeconfigConnection } from '../../../lib/kube/kubeconfig.ts';
import { type KubeObject, resource } from '../../../lib/kube/resource.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { CustomRun } from '../../../services/approval-gate/custom-run.ts';

type Condition = { type: string; status: string; reason: string; message: string };
export type SeenRun = KubeObject & {
  metadata: { labels?: Record<string, string> };
  spec: { params?: { name: string; value: unknown }[] };
  status?: { conditions?: Condition[]; completionTime?: string; results?: { name: string; value: string }[] };
};

/** Runs and votes of a namespace at one time. */
export type Seen = { pipelineRuns: SeenRun[]; taskRuns: SeenRun[]; customRuns: CustomRun[]; votes: KubeObject[] };

/** Many who wait for runs of one namespace, and one who asks the API server for all of them. */
export type RunMirror = {
  now(): Promise<Seen>;
  /** What `ask` gives as soon as it gives something. Throws StepError `NOT_SEEN` with what `last` tells of what was seen last. */
  until<T>(what: string, ask: (seen: Seen) => T | undefined, options?: { timeoutMs?: number; last?: (seen: Seen) => string }): Promise<T>;
  close(): void;
};

const KINDS = {
  pipelineRuns: resource('tekton.dev/v1', 'pipelineruns'),
  taskRuns: resource('tekton.dev/v1', 'taskruns'),
  customRuns: resource('tekton.dev/v1beta1', 'customruns'),
  votes: resource('approvals.supply-chain.tekton.dev/v1alpha1', 'approvalvotes'),
} as const;
/** Two cores run the cluster, too. */
const PAUSE_MS = 400;

/** `kubeconfig` is the file of a cluster admin. */
export async function openRunMirror(kubeconfig: string, namespace: string): Promise<RunMirror> {
  const connection = await kubeconfigConnection({ env: {}, home: '/', file: kubeconfig });
  const http = createHttp({ log: silentLogger, ...(connection.ca && { ca: connection.ca }), ...(connection.client && { client: connection.client }) });
  const client = createKubeClient({ http, connection });
  const list = async (kind: keyof typeof KINDS): Promise<KubeObject[]> => (await client.list(KINDS[kind], { namespace })).items;
  const read = async (): Promise<Seen> => {
    const [pipelineRuns, taskRuns, customRuns, votes] = await Promise.all([list('pipelineRuns'), list('taskRuns'), list('customRuns'), list('votes')]);
    return {
      pipelineRuns: pipelineRuns as SeenRun[],
      taskRuns: taskRuns as SeenRun[],
      customRuns: customRuns.map((run) => CustomRun.parse(run)),
      votes,
    };
  };
  let newest: { at: number; seen: Promise<Seen> } | undefined;
  const recent = (): Promise<Seen> => {
    if (newest === undefined || performance.now() - newest.at > PAUSE_MS) newest = { at: performance.now(), seen: read() };
    return newest.seen;
  };
  return {
    now: read,
    async until(what, ask, { timeoutMs = 120_000, last } = {}) {
      for (const end = performance.now() + timeoutMs; ; await delay(PAUSE_MS)) {
        const seen = await recent();
        const answer = ask(seen);
        if (answer !== undefined) return answer;
        if (performance.now() >= end) throw transientError('NOT_SEEN', `not within ${timeoutMs / 1000} s: ${what}\n${last?.(seen) ?? ''}`);
      }
    },
    close: () => http.close(),
  };
}
