// SPDX-License-Identifier: Apache-2.0
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { createHttp } from '../../lib/http/http.ts';
import { createKubeClient, type KubeClient } from '../../lib/kube/client.ts';
import { kubeconfigConnection } from '../../lib/kube/kubeconfig.ts';
import { type KubeObject, resource } from '../../lib/kube/resource.ts';
import { silentLogger } from '../../lib/log/log.ts';
import { bundleTask } from '../../scripts/build/bundle.ts';
import { API_VERSION } from '../../services/approval-gate/api.ts';
import { type ApiServer, type CommandResult, startApiServer } from '../cluster/api-server.ts';
import { freePorts, type HostProcess, startProcess, waitUntilReady } from '../cluster/host-process.ts';
import { installTektonWebhook, type TektonWebhook } from '../cluster/tekton-webhook.ts';

export const ROOT = join(import.meta.dirname, '..', '..');
export const MANIFESTS = join(ROOT, 'services', 'approval-gate', 'manifests');
export const NAMESPACE = 'shop';
/** Who votes in the tests; carol may not even create votes. */
export const PEOPLE = { alice: ['dev'], bob: ['security'], dave: ['security', 'dev'], mallory: ['dev'], carol: ['dev'] } as const;
export type Person = keyof typeof PEOPLE;

const CUSTOM_RUNS = resource('tekton.dev/v1beta1', 'customruns');

export type GateCluster = {
  dir: string;
  api: ApiServer;
  client: KubeClient;
  /** kubectl as one of PEOPLE, in their groups. */
  as: (person: Person, args: string[], stdin?: string) => Promise<CommandResult>;
  /** Applies objects as admin; throws with what the API server said. */
  apply: (...objects: object[]) => Promise<void>;
  stop: () => Promise<void>;
};

/** API server, Tekton's CRDs behind its real webhook, and the manifests of the gate as an admin applies them, with people who may vote. */
export async function startGateCluster(): Promise<GateCluster> {
  const dir = mkdtempSync(join(tmpdir(), 'gate-'));
  const log = (line: string) => console.error(line);
  const api = await startApiServer({ dir, log, extraArgs: ['--disable-admission-plugins=ServiceAccount'] });
  let webhook: TektonWebhook | undefined;
  const http = createHttp({ log: silentLogger, ...(await tlsOf(api)) });
  const stop = async () => {
    http.close();
    await webhook?.stop();
    await api.stop();
    rmSync(dir, { recursive: true, force: true });
  };
  const apply = async (...objects: object[]) => {
    const list = JSON.stringify({ apiVersion: 'v1', kind: 'List', items: objects });
    const { code, stderr } = await api.kubectl(['apply', '--server-side', '-f', '-'], list);
    if (code !== 0) throw new Error(stderr);
  };
  try {
    webhook = await installTektonWebhook(api, { dir, log });
    const applied = await api.kubectl(['apply', '-f', MANIFESTS]);
    if (applied.code !== 0) throw new Error(`the manifests of the gate are not taken: ${applied.stderr}`);
    await apply(
      { apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } },
      ...(['alice', 'bob', 'dave', 'mallory'] as const).map((name) => roleBinding(name, 'approval-gate-approver')),
      roleBinding('carol', 'approval-gate-viewer'),
    );
    const client = createKubeClient({ http, connection: await kubeconfigConnection({ env: {}, home: dir, file: api.kubeconfig }) });
    await untilProtected(api);
    const as = (person: Person, args: string[], stdin?: string) =>
      api.kubectl([`--as=${person}`, ...PEOPLE[person].map((group) => `--as-group=${group}`), ...args], stdin);
    return { dir, api, client, as, apply, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function tlsOf(api: ApiServer): Promise<{ ca?: string; client?: { cert: string; key: string } }> {
  const { ca, client } = await kubeconfigConnection({ env: {}, home: '/', file: api.kubeconfig });
  return { ...(ca && { ca }), ...(client && { client }) };
}

function roleBinding(name: string, role: string): object {
  return {
    apiVersion: 'rbac.authorization.k8s.io/v1',
    kind: 'RoleBinding',
    metadata: { name: `${name}-${role}`, namespace: NAMESPACE },
    roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'ClusterRole', name: role },
    subjects: [{ apiGroup: 'rbac.authorization.k8s.io', kind: 'User', name }],
  };
}

/** An admission policy is enforced a moment after it was created; before that the API server takes anything. */
async function untilProtected(api: ApiServer): Promise<void> {
  const forged = JSON.stringify(voteObject({ customRun: 'none', uid: 'none', user: 'somebody-else', decision: 'approve', name: 'probe' }));
  await until(
    'the vote policy is enforced',
    async () => (await api.kubectl(['create', '--dry-run=server', '-f', '-'], forged)).stderr.includes('spec.user must be') || undefined,
  );
}

export type VoteParts = {
  customRun: string;
  uid: string;
  user: string;
  decision: 'approve' | 'reject';
  groups?: readonly string[];
  attempt?: number;
  comment?: string;
  name?: string;
};

export function voteObject({ customRun, uid, user, decision, groups, attempt, comment, name }: VoteParts): object {
  return {
    apiVersion: API_VERSION,
    kind: 'ApprovalVote',
    metadata: { namespace: NAMESPACE, ...(name ? { name } : { generateName: `${customRun}-` }) },
    spec: { gateRef: { customRun, uid, ...(attempt && { attempt }) }, decision, user, ...(groups && { groups }), ...(comment && { comment }) },
  };
}

export type Gate = { name: string; uid: string };

/** Creates a CustomRun as the Pipelines controller would. */
export async function createGate({ client }: GateCluster, name: string, spec: object): Promise<Gate> {
  const object = { apiVersion: 'tekton.dev/v1beta1', kind: 'CustomRun', metadata: { name, namespace: NAMESPACE }, spec };
  const { metadata } = await client.create(CUSTOM_RUNS, object, { namespace: NAMESPACE });
  return { name, uid: metadata.uid ?? '' };
}

/** A gate with the policy inline. */
export function inlineGate(policy: object, more: object = {}): object {
  return { customSpec: { apiVersion: API_VERSION, kind: 'ApprovalGate', spec: policy }, ...more };
}

export async function vote(
  cluster: GateCluster,
  gate: Gate,
  person: Person,
  decision: 'approve' | 'reject',
  parts: Partial<VoteParts> = {},
): Promise<CommandResult> {
  return cluster.as(
    person,
    ['create', '-f', '-'],
    JSON.stringify(voteObject({ customRun: gate.name, uid: gate.uid, user: person, groups: PEOPLE[person], decision, ...parts })),
  );
}

export type Status = {
  conditions: { type: string; status: string; reason: string; message: string }[];
  observedGeneration: number;
  startTime?: string;
  completionTime?: string;
  results?: { name: string; value: string }[];
  retriesStatus?: Status[];
  extraFields?: {
    approvalGate?: { attempt: number; progress: { approvals: number }[]; ignoredVotes: { user: string; why: string }[]; ignoredEdits: string[] };
  };
};

export async function statusOf({ client }: GateCluster, { name }: Gate): Promise<Status | undefined> {
  return ((await client.get(CUSTOM_RUNS, { namespace: NAMESPACE, name })) as KubeObject & { status?: Status }).status;
}

/** The status as soon as its condition has this reason; fails after ten seconds with the last one. */
export async function reached(cluster: GateCluster, gate: Gate, reason: string, timeoutMs = 10_000): Promise<Status> {
  let last: Status | undefined;
  try {
    return await until(
      `${gate.name} is ${reason}`,
      async () => {
        last = await statusOf(cluster, gate);
        return last?.conditions?.[0]?.reason === reason ? last : undefined;
      },
      timeoutMs,
    );
  } catch (error) {
    throw new Error(`${gate.name} did not become ${reason}: ${JSON.stringify(last)}`, { cause: error });
  }
}

export async function until<T>(what: string, ask: () => Promise<T | undefined>, timeoutMs = 10_000): Promise<T> {
  for (const end = performance.now() + timeoutMs; performance.now() < end; await sleep(50)) {
    const answer = await ask();
    if (answer !== undefined) return answer;
  }
  throw new Error(`${what}: not within ${timeoutMs} ms`);
}

export type Controller = HostProcess & { logText: () => string; port: number };

/** Starts the built bundle as a process with the token of its own service account, so that it has the rights of the manifests and no others. */
export async function startController({ dir, api }: GateCluster, identity: string, flags: string[] = []): Promise<Controller> {
  await bundleTask(ROOT, 'approval-gate', { write: true, room: 'services' });
  const tokenFile = join(dir, `${identity}.token`);
  const token = await api.kubectl(['create', 'token', 'approval-gate', '-n', 'approval-gate']);
  writeFileSync(tokenFile, token.stdout.trim(), { mode: 0o600 });
  const { server } = await kubeconfigConnection({ env: {}, home: dir, file: api.kubeconfig });
  const [port] = (await freePorts(1)) as [number];
  const logFile = join(dir, `${identity}-${port}.log`);
  const args = [
    join(ROOT, 'dist', 'approval-gate.cjs'),
    ...[`--api-server=${server}`, `--ca-file=${join(dir, 'ca.crt')}`, `--token-file=${tokenFile}`, '--lease-namespace=approval-gate'],
    ...[`--identity=${identity}`, '--host=127.0.0.1', `--port=${port}`, '--log-format=text', ...flags],
  ];
  const process_ = startProcess({ name: identity, command: process.execPath, args, logFile });
  await waitUntilReady(process_, logFile, async () => (await fetch(`http://127.0.0.1:${port}/readyz`)).ok, 20_000);
  return { ...process_, port, logText: () => (existsSync(logFile) ? readFileSync(logFile, 'utf8') : '') };
}

export function manifestNames(): string[] {
  return readdirSync(MANIFESTS).filter((name) => name.endsWith('.yaml'));
}

export function resultsOf(status: Status): Record<string, string> {
  return Object.fromEntries((status.results ?? []).map(({ name, value }) => [name, value]));
}
