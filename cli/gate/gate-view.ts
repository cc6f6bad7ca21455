// SPDX-License-Identifier: Apache-2.0
import { inputError } from '../../lib/errors/errors.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { CustomRun, isDone, isOurs, succeededCondition } from '../../services/approval-gate/custom-run.ts';
import { type GateState, readState } from '../../services/approval-gate/gate-state.ts';
import { CUSTOM_RUN_RESOURCE, readRun } from '../../services/approval-gate/reconcile.ts';

/** A gate as people see it: what `-o json` prints. */
export type GateView = {
  namespace: string;
  name: string;
  pipelineRun: string;
  state: 'not opened' | 'open' | 'approved' | 'rejected' | 'cancelled' | 'timed-out' | 'invalid';
  message: string;
  since: string;
  deadline?: string;
  details?: GateState;
};

/** The gates of a namespace, or of all; without `closed` those that are still to be decided. The one that waits longest comes first. */
export async function listGates(client: KubeClient, namespace: string | undefined, closed: boolean): Promise<GateView[]> {
  const { items } = await client.list(CUSTOM_RUN_RESOURCE, { namespace, select: (object) => (CustomRun.safeParse(object).data ? object : undefined) });
  const runs = items.map((object) => CustomRun.parse(object)).filter((run) => isOurs(run) && (closed || !isDone(run)));
  return runs.map(viewOf).sort((a, b) => (a.since < b.since ? -1 : a.since > b.since ? 1 : 0));
}

/** One gate. Throws input GATE_NOT_FOUND, also for a CustomRun that is none. */
export async function findGate(client: KubeClient, namespace: string, name: string): Promise<CustomRun> {
  const run = await readRun({ metadata: { namespace, name } as CustomRun['metadata'] }, client);
  if (run && isOurs(run)) return run;
  const what = run ? 'is a CustomRun of another custom task' : 'does not exist';
  throw inputError('GATE_NOT_FOUND', `gate ${name} in namespace ${namespace} ${what}`, { hint: 'supply-chain gate list -A shows the gates that wait' });
}

export function viewOf(run: CustomRun): GateView {
  const { metadata, status } = run;
  const details = readState(status);
  const decision = status?.results?.find(({ name }) => name === 'decision')?.value;
  return {
    namespace: metadata.namespace,
    name: metadata.name,
    pipelineRun: metadata.labels?.['tekton.dev/pipelineRun'] ?? '',
    state: isDone(run) ? ((decision ?? 'invalid') as GateView['state']) : details ? 'open' : 'not opened',
    message: succeededCondition(run)?.message ?? 'no controller has looked at it',
    since: status?.startTime ?? metadata.creationTimestamp ?? '',
    ...(details?.deadline && !isDone(run) && { deadline: details.deadline }),
    ...(details && { details }),
  };
}
