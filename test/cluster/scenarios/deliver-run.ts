// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import { openGate, vote } from './approver.ts';
import type { DeliverScene } from './deliver-scene.ts';
import { type Cluster, explain, getJson, type RunEnd, type RunName, readEnd, waitForEnd } from './tekton-run.ts';

/**
 * Waits for the `count`th run that a push has started in the namespace, has it approved, and gives its end. Throws StepError `RUN_MISSING`, `RUN_FAILED` and
 * `VOTE_REFUSED` with what a person needs to see.
 */
export async function deliverOnce({ suite: { bed }, team, approver }: DeliverScene, count: number): Promise<RunEnd> {
  const run = await startedRun(bed, team.namespace, count);
  const gate = await openGate(bed, run).catch(async (error: unknown) => {
    throw transientError('RUN_FAILED', await explain(bed, await readEnd(bed, run)), { cause: error });
  });
  const { code, stderr } = await vote(approver, 'approve', gate, 'change log read');
  if (code !== 0) throw transientError('VOTE_REFUSED', `the vote for ${gate} ended with ${code}: ${stderr}`);
  const end = await waitForEnd(bed, run);
  if (!end.succeeded) throw transientError('RUN_FAILED', await explain(bed, end));
  return end;
}

type Listed = { items: { metadata: { name: string; creationTimestamp: string } }[] };

async function startedRun(cluster: Cluster, namespace: string, count: number): Promise<RunName> {
  for (const end = performance.now() + 60_000; performance.now() < end; await delay(500)) {
    const { items } = await getJson<Listed>(cluster, ['pipelinerun', '-n', namespace]);
    const newest = items.map(({ metadata }) => metadata).sort((a, b) => Date.parse(b.creationTimestamp) - Date.parse(a.creationTimestamp));
    const [first] = newest;
    if (first !== undefined && items.length >= count) return { kind: 'pipelinerun', namespace, name: first.name };
  }
  const interceptors = await cluster.kubectl(['logs', 'deployment/tekton-triggers-core-interceptors', '-n', 'tekton-pipelines', '--tail=5']);
  const listener = await cluster.kubectl(['logs', 'deployment/el-deliver-gitea', '-n', namespace, '--tail=5']);
  throw transientError('RUN_MISSING', `no run ${count} in ${namespace}; interceptors and listener say:\n${interceptors.stdout}${listener.stdout}`);
}
