// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { onTestFailed } from 'vitest';
import { transientError } from '../../../lib/errors/errors.ts';
import { ensurePeer } from '../../peers/peers.ts';
import { pushAppImage } from './app-image.ts';
import { type Approver, createApprover, gateOf, openGate, vote } from './approver.ts';
import { createApplication } from './argocd-place.ts';
import { startEventReceiver } from './event-receiver.ts';
import { DEPLOYMENT_FILE, pipelineRun, type RunPlaces, TELLER, verdictRun } from './failures-runs.ts';
import { type FaultProxy, startFaultProxy } from './fault-proxy.ts';
import { openForge } from './forge-place.ts';
import { type FrozenDeployments, frozenDeployments } from './frozen-deployments.ts';
import { type OwnRegistry, startOwnRegistry } from './own-registry.ts';
import { SECURE_POLICY } from './secure-runs.ts';
import { installCatalog, openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, type Team } from './team.ts';
import { explain, type RunEnd, type RunName, readEnd, startRun, waitForEnd } from './tekton-run.ts';

/** A team that releases by secure-image and release-image, and a fault for each of the peers that they call: in front of it, so that nobody else has it. */
export type FailuresScene = RunPlaces & {
  ownRegistry: OwnRegistry;
  /** Trusted root where the log stands at its proxy. */
  trustedRoot: string;
  approver: Approver;
  appNamespace: string;
  frozen: FrozenDeployments;
  /** A new image in the registry behind the proxy. */
  push(note: string): Promise<string>;
  secureImage(image: string): Promise<RunName>;
  /** policy-check alone. */
  judge(image: string): Promise<RunName>;
  releaseImage(image: string): Promise<RunName>;
  /** The end of a run; when the test fails, everything that a person needs is told. */
  ended(run: RunName): Promise<RunEnd>;
  /** Waits for the gate of a run, approves, and gives the end of the run. */
  approved(run: RunName): Promise<RunEnd>;
  close(): Promise<void>;
};

export const DEPLOYMENT = 'app';

type Opened = Omit<FailuresScene, 'push' | 'secureImage' | 'judge' | 'releaseImage' | 'ended' | 'approved' | 'close'>;

export async function openFailuresScene(): Promise<FailuresScene> {
  const suite = await openSuite();
  const { bed } = suite;
  const undo: (() => Promise<unknown>)[] = [];
  const close = async (): Promise<void> => {
    const problems: unknown[] = [];
    for (const step of undo.toReversed()) await step().catch((error: unknown) => problems.push(error));
    if (problems.length > 0) throw new AggregateError(problems, 'something of the scene is left');
  };
  try {
    const opened = await openPlaces(suite, (step) => undo.push(step));
    const { proxies, team } = opened;
    const start = (pipeline: 'secure-image' | 'release-image', image: string): Promise<RunName> => startRun(bed, pipelineRun(opened, pipeline, image));
    const explained = (run: RunName): void => onTestFailed(async () => console.error(await explain(bed, await readEnd(bed, run))));
    return {
      ...opened,
      push: (note) => pushAppImage(bed, { registry: proxies.registry.host, repository: `${team.namespace}/app`, note: `${note} of ${team.namespace}` }),
      secureImage: (image) => start('secure-image', image),
      judge: (image) => startRun(bed, verdictRun(opened, image)),
      releaseImage: (image) => start('release-image', image),
      async ended(run) {
        explained(run);
        return waitForEnd(bed, run);
      },
      async approved(run) {
        explained(run);
        const gate = await openGate(bed, run);
        const { code, stderr } = await vote(opened.approver, 'approve', gate, 'seen');
        if (code !== 0) throw transientError('VOTE_REFUSED', `the vote for ${gate} ended with ${code}: ${stderr}`);
        return waitForEnd(bed, run);
      },
      close,
    };
  } catch (error) {
    await close();
    throw error;
  }
}

async function openPlaces(suite: Suite, undone: (step: () => Promise<unknown>) => void): Promise<Opened> {
  const { bed } = suite;
  const prefix = `failures-${randomBytes(3).toString('hex')}`;
  const ownRegistry = await startOwnRegistry(bed, 'failures-registry');
  undone(ownRegistry.remove);
  const [registry, log, grafeas] = (await Promise.all([ownRegistry.url, suite.rekorUrl, suite.grafeasUrl].map((peer) => startFaultProxy(bed.node, peer)))) as [
    FaultProxy,
    FaultProxy,
    FaultProxy,
  ];
  const receiver = await startEventReceiver(bed.node, randomBytes(24).toString('hex'));
  for (const server of [registry, log, grafeas, receiver]) undone(server.close);
  const forge = await openForge(suite, prefix);
  undone(forge.remove);
  const base = await appBase(suite);
  const deployer = await forge.user('deployer', ['write:repository']);
  const gitops = await forge.repository('gitops', { [DEPLOYMENT_FILE]: deployment(base) }, { isPublic: true, collaborators: { [deployer.name]: 'write' } });
  const appNamespace = `${prefix}-app`;
  await bed.apply([restrictedNamespace(appNamespace)]);
  undone(() => deleteTeam(bed, { namespace: appNamespace }));
  const application = await createApplication(suite, { name: prefix, repository: gitops, path: 'apps/app', namespace: appNamespace });
  undone(application.remove);
  const frozen = frozenDeployments(bed, appNamespace);
  undone(frozen.remove);
  const trustedRoot = suite.trustedRoot.replaceAll(suite.rekorUrl, log.url);
  const team = await createTeam(bed, { name: 'failures', trustedRoot, ca: application.ca, policy: SECURE_POLICY });
  undone(() => deleteTeam(bed, team));
  await installCatalog(suite, team.namespace);
  const approver = await createApprover(suite, team.namespace, 'approver');
  await bed.apply([
    gateOf('release', [approver], team.namespace),
    ...tellerOf(team.namespace),
    secret('git-credentials', team, { username: deployer.name, token: deployer.token }),
    secret('argocd-credentials', team, { token: application.token }),
    secret('notify-credentials', team, { 'webhook-url': receiver.url, 'webhook-secret': receiver.secret }),
  ]);
  const release = `${suite.registry}/${prefix}/release/app`;
  const proxies = { registry, log, grafeas };
  return { suite, team, proxies, ownRegistry, trustedRoot, receiver, approver, gitops, application, appNamespace, frozen, release, grafeasProject: prefix };
}

/** A program that only runs, which the deployment has before the first release. */
async function appBase({ bed }: Suite): Promise<string> {
  const { pause } = await ensurePeer('bed', bed);
  return bed.image({ name: 'app-base', files: { '/bin/app': pause }, entrypoint: ['/bin/app'] });
}

function restrictedNamespace(name: string): object {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'supply-chain-scenario': 'true' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

/** The service account of notify: may read the run that it tells of (pipelines/secure-image/README.md, "Telling people"). */
function tellerOf(namespace: string): object[] {
  const metadata = { name: TELLER, namespace };
  const rules = [{ apiGroups: ['tekton.dev'], resources: ['pipelineruns', 'taskruns', 'customruns'], verbs: ['get'] }];
  return [
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata },
    { apiVersion: 'rbac.authorization.k8s.io/v1', kind: 'Role', metadata, rules },
    {
      apiVersion: 'rbac.authorization.k8s.io/v1',
      kind: 'RoleBinding',
      metadata,
      roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: TELLER },
      subjects: [{ kind: 'ServiceAccount', name: TELLER, namespace }],
    },
  ];
}

function secret(name: string, { namespace }: Team, stringData: Record<string, string>): object {
  return { apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData };
}

/** Argo CD deploys it; the label is what a constraint may freeze. */
function deployment(image: string): string {
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${DEPLOYMENT}
  labels: {release: frozen}
spec:
  replicas: 1
  selector: {matchLabels: {app: app}}
  template:
    metadata: {labels: {app: app}}
    spec:
      terminationGracePeriodSeconds: 1
      automountServiceAccountToken: false
      securityContext: {runAsNonRoot: true, seccompProfile: {type: RuntimeDefault}}
      containers:
        - name: app
          image: ${image}
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`;
}
