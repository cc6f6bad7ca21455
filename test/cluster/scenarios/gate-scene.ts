// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { REQUESTER_ANNOTATION } from '../../../services/approval-gate/api.ts';
import { type CustomRun, isDone, succeededCondition } from '../../../services/approval-gate/custom-run.ts';
import { type GateState, readState } from '../../../services/approval-gate/gate-state.ts';
import { type Approver, createApprover } from './approver.ts';
import { kubectl } from './install-as-admin.ts';
import { openRunMirror, type RunMirror, type Seen } from './run-mirror.ts';
import { openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, RUN_ACCOUNT, type Team } from './team.ts';
import { explain, type RunEnd, type RunName, readEnd, waitForEnd } from './tekton-run.ts';

/** What is special about a run with a gate. */
export type GatedRun = {
  /** Whether a task runs before the gate; without it the gate opens at once. */
  before?: boolean;
  /** `timeout` of the gate's task. */
  gateTimeout?: string;
  /** `timeouts` of the run. */
  timeouts?: { pipeline?: string; tasks?: string; finally?: string };
  /** Who asked for it. */
  requester?: string;
  /** Name of the ApprovalGate: one approval will do, or two have to. */
  gate?: 'one' | 'both';
};

/** A team whose runs wait for approval, and people with identities of their own. */
export type GateScene = {
  suite: Suite;
  team: Team;
  mirror: RunMirror;
  /** May approve, and so may the next one. */
  owner: Approver;
  deputy: Approver;
  /** Is named in the rules, and has only the right to look at gates. */
  viewer: Approver;
  /** The open gate of a run. */
  open(run: string): Promise<CustomRun>;
  /** The gate as soon as it has its final status. */
  closed(run: string): Promise<CustomRun>;
  /** How a run ended; tells its time and pods. */
  ended(run: string): Promise<RunEnd>;
  explain(run: string): Promise<string>;
  close(): Promise<void>;
};

/** Named by a user of the API server who is nobody else here. */
export const AUTHOR = 'author@example.com';
/** Holds the approver's role in the namespace, and no rule names her. */
export const MALLORY = 'mallory@example.com';

const POLICY = 'apiVersion: supply-chain.tekton.dev/v1alpha1\nkind: Policy\nmetadata: {name: unused}\nsigners: []\nrules: []\n';

/** Makes the namespace and starts all runs at once. */
export async function openGateScene(runsOf: (people: { owner: Approver }) => Readonly<Record<string, GatedRun>>): Promise<GateScene> {
  const suite = await openSuite();
  const { bed } = suite;
  const team = await createTeam(bed, { name: 'gate', trustedRoot: suite.trustedRoot, policy: POLICY });
  const { namespace } = team;
  const [owner, deputy, viewer] = await Promise.all([
    createApprover(suite, namespace, 'owner'),
    createApprover(suite, namespace, 'deputy'),
    createApprover(suite, namespace, 'viewer', 'approval-gate-viewer'),
  ]);
  const users = [owner.user, deputy.user, viewer.user];
  await bed.apply([approvalGate('one', users, 1, namespace), approvalGate('both', users, 2, namespace), mallorysRole(namespace)]);
  const steps = await tinySteps(suite);
  const objects = Object.entries(runsOf({ owner })).map(([name, run]) => pipelineRun({ name, namespace, steps, run }));
  await kubectl(bed, ['create', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects }));
  const mirror = await openRunMirror(suite.kubeconfig, namespace);
  const named = (name: string): RunName => ({ kind: 'pipelinerun', namespace, name });
  const last = (name: string) => (seen: Seen) => JSON.stringify({ run: statusOf(seen, name), gate: gateIn(seen, name)?.status }, undefined, 2);
  return {
    ...{ suite, team, mirror, owner, deputy, viewer },
    open: (name) => mirror.until(`the gate of ${name} is open`, (seen) => openIn(seen, name), { last: last(name) }),
    closed: (name) => mirror.until(`the gate of ${name} has ended`, (seen) => closedIn(seen, name), { last: last(name) }),
    async ended(name) {
      await mirror.until(`${name} has ended`, (seen) => statusOf(seen, name)?.completionTime, { last: last(name), timeoutMs: 180_000 });
      return waitForEnd(bed, named(name));
    },
    explain: async (name) => explain(bed, await readEnd(bed, named(name))),
    async close() {
      mirror.close();
      await deleteTeam(bed, team);
    },
  };
}

/** The gate of a run, whatever its state. */
export function gateIn({ customRuns }: Seen, run: string): CustomRun | undefined {
  return customRuns.find(({ metadata }) => metadata.labels?.['tekton.dev/pipelineRun'] === run);
}

function openIn(seen: Seen, run: string): CustomRun | undefined {
  const gate = gateIn(seen, run);
  return gate !== undefined && !isDone(gate) && succeededCondition(gate) !== undefined ? gate : undefined;
}

function closedIn(seen: Seen, run: string): CustomRun | undefined {
  const gate = gateIn(seen, run);
  return gate !== undefined && isDone(gate) ? gate : undefined;
}

function statusOf({ pipelineRuns }: Seen, run: string): Seen['pipelineRuns'][number]['status'] {
  return pipelineRuns.find(({ metadata }) => metadata.name === run)?.status;
}

export function reasonOf(gate: CustomRun): string {
  return succeededCondition(gate)?.reason ?? '';
}

export function resultsOf(gate: CustomRun): Record<string, string> {
  return Object.fromEntries((gate.status?.results ?? []).map(({ name, value }) => [name, value]));
}

/** What the controller has counted. Throws when it has written no state. */
export function stateOf(gate: CustomRun): GateState {
  const state = readState(gate.status);
  if (state === undefined) throw new Error(`the gate ${gate.metadata.name} has no state: ${JSON.stringify(gate.status)}`);
  return state;
}

function approvalGate(name: string, users: readonly string[], count: number, namespace: string): object {
  const spec = { description: 'Look at what is released.', rules: [{ name: 'owners', users, count }], excludeRequester: true };
  return { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', metadata: { name, namespace }, spec };
}

function mallorysRole(namespace: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: 'mallory-approves', namespace },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: 'approval-gate-approver' },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name: MALLORY }],
  };
}

/** Those of the Task scan-none: they start our own image and do nothing. */
async function tinySteps({ rendered }: Suite): Promise<object[]> {
  const text = await readFile(join(rendered, 'task', 'scan-none', 'scan-none.yaml'), 'utf8');
  return (parse(text) as { spec: { steps: object[] } }).spec.steps;
}

type RunOptions = { name: string; namespace: string; steps: readonly object[]; run: GatedRun };

function pipelineRun({ name, namespace, steps, run }: RunOptions): object {
  const { before = true, gateTimeout, timeouts, requester = AUTHOR, gate = 'one' } = run;
  const taskSpec = { steps };
  const gateTask = {
    name: 'gate',
    taskRef: { apiVersion: 'approvals.supply-chain.tekton.dev/v1alpha1', kind: 'ApprovalGate', name: gate },
    ...(before && { runAfter: ['before'] }),
    ...(gateTimeout !== undefined && { timeout: gateTimeout }),
  };
  const told = [
    { name: 'status', value: '$(tasks.gate.status)' },
    { name: 'decision', value: '$(tasks.gate.results.decision)' },
  ];
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { name, namespace, annotations: { [REQUESTER_ANNOTATION]: requester } },
    spec: {
      taskRunTemplate: { serviceAccountName: RUN_ACCOUNT },
      ...(timeouts && { timeouts }),
      pipelineSpec: {
        tasks: [...(before ? [{ name: 'before', taskSpec }] : []), gateTask, { name: 'after', runAfter: ['gate'], taskSpec }],
        finally: [{ name: 'tell', params: told, taskSpec: { params: told.map((param) => ({ name: param.name })), steps } }],
        results: [
          { name: 'decision', value: '$(tasks.gate.results.decision)' },
          { name: 'approvers', value: '$(tasks.gate.results.approvers)' },
        ],
      },
    },
  };
}
