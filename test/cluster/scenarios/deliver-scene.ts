// SPDX-License-Identifier: Apache-2.0
import { createHmac, randomBytes } from 'node:crypto';
import { ensurePeer } from '../../peers/peers.ts';
import { type Approver, createApprover, gateOf } from './approver.ts';
import { type ApplicationPlace, createApplication } from './argocd-place.ts';
import { installTriggers, removeTriggers } from './deliver-install.ts';
import { type ForgePlace, type ForgeRepository, type ForgeUser, openForge } from './forge-place.ts';
import { kubectl } from './install-as-admin.ts';
import { installCatalog, openSuite, type Suite } from './suite.ts';
import { createTeam, deleteTeam, SCENARIO_LABEL, type Team } from './team.ts';

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
  /** Sends a push of the same commit by somebody who does not know the secret, and gives the status of the answer. */
  pushForged(): Promise<number>;
  close(): Promise<void>;
};

export const DEPLOYMENT_FILE = 'apps/app/deployment.yaml';

/** A program that only runs, as base of what the team builds; its image is there before any build. */
async function appBase({ bed }: Suite): Promise<string> {
  const { pause } = await ensurePeer('bed', bed);
  return bed.image({ name: 'app-base', files: { '/bin/app': pause }, entrypoint: ['/bin/app'] });
}

type Users = Record<'ci' | 'deployer' | 'teller', ForgeUser>;

/** Makes all of it; what was made is taken away again when something of it cannot be made. */
export async function openDeliverScene(): Promise<DeliverScene> {
  const undo: (() => Promise<void>)[] = [];
  const close = async (): Promise<void> => {
    for (const step of undo.splice(0).toReversed()) await step();
  };
  try {
    return { ...(await makeScene(await openSuite(), undo)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

async function makeScene(suite: Suite, undo: (() => Promise<void>)[]): Promise<Omit<DeliverScene, 'close'>> {
  const { bed } = suite;
  const base = await appBase(suite);
  const prefix = `deliver-${randomBytes(3).toString('hex')}`;
  const forge = await openForge(suite, prefix);
  undo.push(forge.remove);
  const users = await makeUsers(forge);
  const { ci, deployer, teller } = users;
  const source = await forge.repository('app', sourceFiles(base), { collaborators: { [ci.name]: 'read', [teller.name]: 'write' } });
  const gitops = await forge.repository('gitops', { [DEPLOYMENT_FILE]: deployment(base) }, { isPublic: true, collaborators: { [deployer.name]: 'write' } });
  const appNamespace = `${prefix}-app`;
  await bed.apply([restrictedNamespace(appNamespace)]);
  undo.push(() => deleteTeam(bed, { namespace: appNamespace }));
  const application = await createApplication(suite, { name: prefix, repository: gitops, path: 'apps/app', namespace: appNamespace });
  undo.push(application.remove);
  const team = await createTeam(bed, { name: 'deliver', trustedRoot: suite.trustedRoot, ca: application.ca, policy: POLICY });
  const { namespace } = team;
  undo.push(() => deleteTeam(bed, team));
  await installCatalog(suite, namespace);
  const approver = await createApprover(suite, namespace, 'approver');
  const webhookSecret = randomBytes(32).toString('hex');
  await bed.apply([gateOf('release', [approver], namespace), ...secretsOf(suite, { users, application, webhookSecret, namespace })]);
  const [staging, release] = [`${suite.registry}/${prefix}/staging/app`, `${suite.registry}/${prefix}/release/app`];
  const params = deliverParams(suite, { staging, release, gitops, application, base });
  await installTriggers(suite, { namespace, repository: source.name, params });
  undo.push(() => removeTriggers(suite, namespace));
  const hook = await addWebhook(suite, forge, { source, namespace, secret: webhookSecret });
  return {
    ...{ suite, team, appNamespace, forge, source, gitops, application, approver, staging, release },
    pushAgain: async () => void (await forge.api('POST', `/repos/${source.name}/hooks/${hook.id}/tests`)),
    pushForged: async () => forgedPush(hook.url, source),
  };
}

async function makeUsers(forge: ForgePlace): Promise<Users> {
  const [ci, deployer, teller] = await Promise.all([
    forge.user('ci', ['read:repository']),
    forge.user('deployer', ['write:repository']),
    forge.user('teller', ['write:repository', 'write:issue']),
  ]);
  return { ci, deployer, teller };
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

type Webhook = { id: number; url: string };

/** Adds the webhook once the listener stands, as its README says; Gitea is no pod, so it calls the address of the Service. */
async function addWebhook({ bed }: Suite, forge: ForgePlace, to: { source: ForgeRepository; namespace: string; secret: string }): Promise<Webhook> {
  const { source, namespace, secret } = to;
  await kubectl(bed, ['wait', 'eventlistener/deliver-gitea', '-n', namespace, '--for=condition=Ready', '--timeout=120s']);
  const address = await kubectl(bed, ['get', 'service', 'el-deliver-gitea', '-n', namespace, '-o', 'jsonpath={.spec.clusterIP}']);
  const url = `http://${address}:8080`;
  const config = { url, content_type: 'json', secret };
  const made = await forge.api('POST', `/repos/${source.name}/hooks`, { type: 'gitea', config, events: ['push'], active: true });
  return { id: (made as { id: number }).id, url };
}

async function forgedPush(url: string, { name, url: cloneUrl, head }: ForgeRepository): Promise<number> {
  const after = await head();
  const message = 'as if it were a push';
  const body = JSON.stringify({
    ref: 'refs/heads/main',
    after,
    commits: [{ id: after, message }],
    head_commit: { id: after, message },
    repository: { full_name: name, clone_url: cloneUrl },
    sender: { login: 'mallory' },
  });
  const signature = createHmac('sha256', 'a guess').update(body).digest('hex');
  const headers = { 'content-type': 'application/json', 'x-github-event': 'push', 'x-hub-signature-256': `sha256=${signature}` };
  return (await fetch(url, { method: 'POST', headers, body })).status;
}

function restrictedNamespace(name: string): object {
  const labels = { 'pod-security.kubernetes.io/enforce': 'restricted', ...SCENARIO_LABEL };
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
