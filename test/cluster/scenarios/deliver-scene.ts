// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { ensurePeer } from '../../peers/peers.ts';
import { type Approver, createApprover, gateOf } from './approver.ts';
import { type ApplicationPlace, createApplication } from './argocd-place.ts';
import { installTriggers, removeTriggers } from './deliver-install.ts';
import { type ForgePlace, type ForgeRepository, type ForgeUser, openForge } from './forge-place.ts';
import { kubectl } from './install-as-admin.ts';
import { installCatalog, openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, type Team } from './team.ts';

/** A team that delivers by pushing: source and GitOps repository, webhook, triggers, gate with its approver, application, all with accounts of their own. */
export type DeliverScene = {
  suite: Suite;
  team: Team;
  /** Where the application runs. */
  appNamespace: string;
  forge: ForgePlace;
  source: ForgeRepository;
  gitops: ForgeRepository;
  application: ApplicationPlace;
  approver: Approver;
  staging: string;
  release: string;
  /** Sends the newest commit of the default branch again, as Gitea's own button does. */
  pushAgain(): Promise<void>;
  close(): Promise<void>;
};

export const DEPLOYMENT_FILE = 'apps/app/deployment.yaml';

/** A program that only runs, as base of what the team builds; its image is there before any build. */
async function appBase({ bed }: Suite): Promise<string> {
  const { pause } = await ensurePeer('bed', bed);
  return bed.image({ name: 'app-base', files: { '/bin/app': pause }, entrypoint: ['/bin/app'] });
}

type Users = Record<'ci' | 'deployer' | 'teller' | 'argo', ForgeUser>;

export async function openDeliverScene(): Promise<DeliverScene> {
  const suite = await openSuite();
  const { bed } = suite;
  const base = await appBase(suite);
  const prefix = `deliver-${randomBytes(3).toString('hex')}`;
  const forge = await openForge(suite, prefix);
  const users = await makeUsers(forge);
  const { ci, deployer, teller, argo } = users;
  const source = await forge.repository('app', sourceFiles(base), { [ci.name]: 'read', [teller.name]: 'write' });
  const gitops = await forge.repository('gitops', { [DEPLOYMENT_FILE]: deployment(base) }, { [deployer.name]: 'write', [argo.name]: 'read' });
  const appNamespace = `${prefix}-app`;
  await bed.apply([restrictedNamespace(appNamespace)]);
  const application = await createApplication(suite, { name: prefix, repository: gitops, reader: argo, path: 'apps/app', namespace: appNamespace });
  const team = await createTeam(bed, { name: 'deliver', trustedRoot: suite.trustedRoot, ca: application.ca, policy: POLICY });
  const { namespace } = team;
  await installCatalog(suite, namespace);
  const approver = await createApprover(suite, namespace, 'approver');
  const webhookSecret = randomBytes(32).toString('hex');
  await bed.apply([gateOf('release', [approver], namespace), ...secretsOf(suite, { users, application, webhookSecret, namespace })]);
  const [staging, release] = [`${suite.registry}/${prefix}/staging/app`, `${suite.registry}/${prefix}/release/app`];
  const params = deliverParams(suite, { staging, release, gitops, application, base });
  await installTriggers(suite, { namespace, repository: source.name, params });
  const hook = await addWebhook(suite, forge, { source, namespace, secret: webhookSecret });
  return {
    ...{ suite, team, appNamespace, forge, source, gitops, application, approver, staging, release },
    pushAgain: async () => void (await forge.api('POST', `/repos/${source.name}/hooks/${hook}/tests`)),
    async close() {
      await application.remove();
      await removeTriggers(suite, namespace);
      await deleteTeam(bed, team);
      await deleteTeam(bed, { namespace: appNamespace });
      await forge.remove();
    },
  };
}

async function makeUsers(forge: ForgePlace): Promise<Users> {
  const [ci, deployer, teller, argo] = await Promise.all([
    forge.user('ci', ['read:repository']),
    forge.user('deployer', ['write:repository']),
    forge.user('teller', ['write:repository', 'write:issue']),
    forge.user('argo', ['read:repository']),
  ]);
  return { ci, deployer, teller, argo };
}

/** The Secrets that the README of deliver and its triggers name. */
function secretsOf(suite: Suite, from: { users: Users; application: ApplicationPlace; webhookSecret: string; namespace: string }): object[] {
  const { users, application, webhookSecret, namespace } = from;
  const { ci, deployer, teller } = users;
  const secrets = {
    'deliver-webhook': { secret: webhookSecret },
    'registry-credentials': { 'config.json': '{"auths":{}}' },
    'source-credentials': { '.git-credentials': `http://${ci.name}:${ci.token}@${new URL(suite.giteaUrl).host}\n`, '.gitconfig': '' },
    'git-credentials': { username: deployer.name, token: deployer.token },
    'argocd-credentials': { token: application.token },
    'notify-credentials': { 'forge-token': teller.token },
  };
  return Object.entries(secrets).map(([name, stringData]) => ({ apiVersion: 'v1', kind: 'Secret', metadata: { name, namespace }, stringData }));
}

type Places = Pick<DeliverScene, 'staging' | 'release' | 'gitops' | 'application'> & { base: string };

function deliverParams(suite: Suite, { staging, release, gitops, application, base }: Places): Record<string, string> {
  return {
    'staging-repository': staging,
    'release-repository': release,
    'rekor-url': suite.rekorUrl,
    'rekor-read-url': suite.rekorReadUrl,
    'clone-task': 'git-checkout',
    'build-task': 'image-build',
    'grafeas-url': suite.grafeasUrl,
    'grafeas-project': application.name,
    'insecure-registries': suite.insecure,
    'ca-bundle': 'ca.crt',
    'git-repository': gitops.url,
    'git-targets': `manifest:${DEPLOYMENT_FILE}#${base.split('@')[0]}`,
    'argocd-server': suite.argocdUrl,
    'argocd-app': application.name,
    'argocd-project': application.project,
  };
}

/** Adds the webhook once the listener stands, as its README says; Gitea is no pod, so it calls the address of the Service. */
async function addWebhook({ bed }: Suite, forge: ForgePlace, to: { source: ForgeRepository; namespace: string; secret: string }): Promise<number> {
  const { source, namespace, secret } = to;
  await kubectl(bed, ['wait', 'eventlistener/deliver-gitea', '-n', namespace, '--for=condition=Ready', '--timeout=120s']);
  const address = await kubectl(bed, ['get', 'service', 'el-deliver-gitea', '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}']);
  const config = { url: `http://${address}:8080`, content_type: 'json', secret };
  const made = await forge.api('POST', `/repos/${source.name}/hooks`, { type: 'gitea', config, events: ['push'], active: true });
  return (made as { id: number }).id;
}

function restrictedNamespace(name: string): object {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', 'supply-chain-scenario': 'true' };
  return { apiVersion: 'v1', kind: 'Namespace', metadata: { name, labels } };
}

function sourceFiles(base: string): Record<string, string> {
  return {
    Dockerfile: `FROM ${base}\nLABEL org.opencontainers.image.title="app"\nCOPY app/ /app/\nUSER 65532:65532\nENTRYPOINT ["/bin/app"]\n`,
    'app/package.json': '{"name":"app","version":"1.0.0","license":"Apache-2.0","dependencies":{"greeting":"2.1.0"}}\n',
    'app/node_modules/greeting/package.json': '{"name":"greeting","version":"2.1.0","license":"MIT"}\n',
    'app/greeting.txt': 'hello\n',
  };
}

function deployment(image: string): string {
  return `# The image is written by the pipeline.
apiVersion: apps/v1
kind: Deployment
metadata:
  name: app
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
          image: ${image} # by digest
          securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}
`;
}

const POLICY = `apiVersion: supply-chain.tekton.dev/v1alpha1
kind: Policy
metadata:
  name: deliver
signers:
  - name: release
    key: {file: cosign.pub}
rules:
  - {id: signed, type: signature, signers: {any: [release]}}
  - {id: logged, type: log-entry, for: [signature, cyclonedx], signers: {any: [release]}}
  - {id: sbom, type: sbom, signers: {any: [release]}, requireComplete: true, minComponents: 2}
`;
