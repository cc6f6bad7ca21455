// SPDX-License-Identifier: Apache-2.0
import type { ApplicationPlace } from './argocd-place.ts';
import type { EventReceiver } from './event-receiver.ts';
import type { FaultProxy } from './fault-proxy.ts';
import type { ForgeRepository } from './forge-place.ts';
import { TEAM_WORKSPACES } from './secure-runs.ts';
import type { Suite } from './suite.ts';
import { NEW_VOLUME, RUN_ACCOUNT, type Team } from './team.ts';

/** Runs call the proxies in place of the peers. */
export type Proxies = Record<'registry' | 'log' | 'grafeas', FaultProxy>;

/** What the runs of a team name. */
export type RunPlaces = {
  suite: Suite;
  team: Team;
  proxies: Proxies;
  receiver: EventReceiver;
  gitops: ForgeRepository;
  application: ApplicationPlace;
  /** Repository that images are released to, registry/name. */
  release: string;
  grafeasProject: string;
};

/** The manifest that a release changes, in the GitOps repository. */
export const DEPLOYMENT_FILE = 'apps/app/deployment.yaml';
/** The service account of notify, which may read the run. */
export const TELLER = 'teller';

/** A run of one of our Pipelines that tells the receiver how it ended, and fails when it cannot. */
export function pipelineRun(scene: RunPlaces, pipeline: 'secure-image' | 'release-image', image: string): object {
  const { team, proxies } = scene;
  const params = {
    image,
    'grafeas-url': proxies.grafeas.url,
    'grafeas-project': scene.grafeasProject,
    'notify-channels': 'webhook',
    'notify-required': 'webhook',
    'insecure-registries': insecureHosts(scene),
    'ca-bundle': 'ca.crt',
    ...(pipeline === 'secure-image' ? secureParams(scene) : releaseParams(scene)),
  };
  const names = pipeline === 'secure-image' ? ['notify-credentials'] : ['notify-credentials', 'git-credentials', 'argocd-credentials'];
  const reports = pipeline === 'secure-image' ? [{ name: 'reports', ...NEW_VOLUME }] : [];
  const teamWorkspaces = TEAM_WORKSPACES.filter(({ name }) => pipeline === 'secure-image' || name !== 'signing-key');
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'PipelineRun',
    metadata: { generateName: `${pipeline}-`, namespace: team.namespace },
    spec: {
      pipelineRef: { name: pipeline },
      params: paramsOf(params),
      taskRunTemplate: { serviceAccountName: RUN_ACCOUNT, podTemplate: { securityContext: { fsGroup: 65532 } } },
      taskRunSpecs: [{ pipelineTaskName: 'notify', serviceAccountName: TELLER }],
      workspaces: [...reports, ...teamWorkspaces, ...names.map((name) => ({ name, secret: { secretName: name } }))],
    },
  };
}

/** A run of the Task policy-check alone. */
export function verdictRun(scene: RunPlaces, image: string): object {
  return {
    apiVersion: 'tekton.dev/v1',
    kind: 'TaskRun',
    metadata: { generateName: 'verdict-', namespace: scene.team.namespace },
    spec: {
      serviceAccountName: RUN_ACCOUNT,
      taskRef: { name: 'policy-check' },
      params: paramsOf({ image, 'trusted-root': 'trusted_root.json', 'insecure-registries': insecureHosts(scene) }),
      workspaces: TEAM_WORKSPACES.filter(({ name }) => name !== 'signing-key'),
    },
  };
}

function insecureHosts({ suite, proxies, receiver }: RunPlaces): string {
  return [suite.insecure, proxies.registry.host, proxies.log.host, proxies.grafeas.host, receiver.host].join(',');
}

function paramsOf(values: Readonly<Record<string, string>>): object[] {
  return Object.entries(values).map(([name, value]) => ({ name, value }));
}

function secureParams({ suite, proxies }: RunPlaces): Record<string, string> {
  return { 'rekor-url': proxies.log.url, 'rekor-read-url': suite.rekorReadUrl };
}

function releaseParams({ suite, release, gitops, application }: RunPlaces): Record<string, string> {
  return {
    // The gate of the team excludes who asks, so it wants to know who that is.
    requester: 'author@example.com',
    'release-repository': release,
    'git-repository': gitops.url,
    'git-targets': `manifest:${DEPLOYMENT_FILE}#${suite.registry}/peers/app-base`,
    'argocd-server': suite.argocdUrl,
    'argocd-app': application.name,
    'argocd-project': application.project,
  };
}
