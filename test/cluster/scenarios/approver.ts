// SPDX-License-Identifier: Apache-2.0
import { join } from 'node:path';
import process from 'node:process';
import { setTimeout as delay } from 'node:timers/promises';
import { transientError } from '../../../lib/errors/errors.ts';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { PROJECT } from '../../../scripts/images/place.ts';
import { type CommandResult, runCommand } from '../../cosign/run-command.ts';
import { kubectl } from './install-as-admin.ts';
import type { Suite } from './suite.ts';
import { type Cluster, getJson } from './tekton-run.ts';

/** Somebody who votes: how the API server calls him, and a kubeconfig with his token. */
export type Approver = { user: string; namespace: string; kubeconfig: string };

/** A service account that has one ClusterRole of the gate in its namespace (may vote, unless told) and nothing else, with a token of an hour. */
export async function createApprover({ bed }: Suite, namespace: string, name: string, role = 'approval-gate-approver'): Promise<Approver> {
  await bed.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name, namespace }, automountServiceAccountToken: false },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata: { name: `${name}-${role}`, namespace },
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
      subjects: [{ kind: 'ServiceAccount', name, namespace }],
    },
  ]);
  const token = (await kubectl(bed, ['create', 'token', name, '-n', namespace, '--duration=1h'])).trim();
  const view = await kubectl(bed, ['config', 'view', '--raw', '--flatten', '--minify', '-o', 'json']);
  const { clusters } = JSON.parse(view) as { clusters: { cluster: object }[] };
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'bed', cluster: clusters[0]?.cluster }],
    users: [{ name, user: { token } }],
    contexts: [{ name: 'bed', context: { cluster: 'bed', user: name, namespace } }],
    'current-context': 'bed',
  };
  const file = join(await bed.dir('scenarios'), `${namespace}-${name}.kubeconfig`);
  await writeAtomic(file, JSON.stringify(config), { mode: 0o600 });
  return { user: `system:serviceaccount:${namespace}:${name}`, namespace, kubeconfig: file };
}

/** An `ApprovalGate` that one of the approvers opens, and not who asked for the release. */
export function gateOf(name: string, approvers: readonly Approver[], namespace: string): object {
  const rules = [{ name: 'owners', users: approvers.map(({ user }) => user) }];
  return {
    apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1',
    kind: 'ApprovalGate',
    metadata: { name, namespace },
    spec: { description: 'Look at what is released.', rules, excludeRequester: true },
  };
}

/** Votes by `supply-chain gate approve|reject`; any exit code is an answer. */
export function vote(approver: Approver, decision: 'approve' | 'reject', gate: string, comment: string): Promise<CommandResult> {
  const { namespace, kubeconfig } = approver;
  const args = ['gate', decision, gate, '-n', namespace, '--kubeconfig', kubeconfig, '-m', comment];
  return runCommand(process.execPath, [join(PROJECT, 'cli', 'main.ts'), ...args], { cwd: PROJECT, env: process.env });
}

type CustomRun = { metadata: { name: string }; status?: { conditions?: { type: string; status: string }[] } };
type Ended = { status?: { completionTime?: string } };

/** Waits until the gate of a PipelineRun is open and gives its name. Throws StepError `GATE_NOT_OPEN`, at once when the run ends before. */
export async function openGate(cluster: Cluster, { namespace, name }: { namespace: string; name: string }, timeoutMs = 180_000): Promise<string> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await delay(500)) {
    const { items } = await getJson<{ items: CustomRun[] }>(cluster, ['customrun', '-n', namespace, '-l', `tekton.dev/pipelineRun=${name}`]);
    const open = items.find(({ status }) => status?.conditions?.some((condition) => condition.type === 'Succeeded' && condition.status === 'Unknown'));
    if (open) return open.metadata.name;
    const { status } = await getJson<Ended>(cluster, ['pipelinerun', name, '-n', namespace]);
    if (status?.completionTime !== undefined) throw transientError('GATE_NOT_OPEN', `${namespace}/${name} ended without a gate`);
  }
  throw transientError('GATE_NOT_OPEN', `${namespace}/${name} has no open gate after ${timeoutMs / 1000} s`);
}
