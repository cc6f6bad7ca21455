// SPDX-License-Identifier: Apache-2.0
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { transientError } from '../../../lib/errors/errors.ts';
import { createHttp } from '../../../lib/http/http.ts';
import { silentLogger } from '../../../lib/log/log.ts';
import { ARGOCD_NAMESPACE } from '../components/argocd-install.ts';
import type { ForgeRepository } from './forge-place.ts';
import type { Suite } from './suite.ts';
import { SCENARIO_LABEL } from './team.ts';
import { getJson } from './tekton-run.ts';

export type ApplicationOptions = {
  /** Name of application and project. */
  name: string;
  /** One that everybody may read. */
  repository: ForgeRepository;
  /** Folder of the manifests in the repository. */
  path: string;
  /** Namespace that it deploys to, which must be there. */
  namespace: string;
};

export type ApplicationPlace = {
  name: string;
  project: string;
  /** Token of the role `ci` of the project, which may read and sync this application and nothing else. */
  token: string;
  /** PEM of the CA that the API of Argo CD has its certificate from. */
  ca: string;
  read(): Promise<Application>;
  remove(): Promise<void>;
};

export type Application = {
  status?: {
    sync?: { status?: string; revision?: string };
    health?: { status?: string };
    operationState?: { phase?: string; startedAt?: string };
    history?: { revision: string }[];
  };
};

/** An application with auto-sync (prune, self-heal) and `Validate=true` in a project of its own, as a platform team makes one for a team. */
export async function createApplication(suite: Suite, options: ApplicationOptions): Promise<ApplicationPlace> {
  const { bed } = suite;
  const { name, repository, path, namespace } = options;
  const metadata = { name, namespace: ARGOCD_NAMESPACE, labels: SCENARIO_LABEL };
  const destination = { server: 'https://kubernetes.default.svc', namespace };
  const policies = ['get', 'sync'].map((action) => `p, proj:${name}:ci, applications, ${action}, ${name}/${name}, allow`);
  await bed.apply([
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'AppProject',
      metadata,
      spec: { sourceRepos: [repository.url], destinations: [destination], roles: [{ name: 'ci', policies }] },
    },
    {
      apiVersion: 'argoproj.io/v1alpha1',
      kind: 'Application',
      metadata,
      spec: {
        project: name,
        source: { repoURL: repository.url, path, targetRevision: 'main' },
        destination,
        syncPolicy: { automated: { prune: true, selfHeal: true }, syncOptions: ['Validate=true'] },
      },
    },
  ]);
  const ca = await readFile(join(bed.root, 'argocd', 'ca.crt'), 'utf8');
  return {
    name,
    project: name,
    token: await roleToken(suite, name, ca),
    ca,
    read: () => getJson<Application>(bed, ['application', name, '-n', ARGOCD_NAMESPACE]),
    async remove() {
      for (const kind of ['application', 'appproject']) await bed.kubectl(['delete', kind, name, '-n', ARGOCD_NAMESPACE, '--ignore-not-found']);
    },
  };
}

/** What `argocd proj role create-token PROJECT ci` does. */
async function roleToken({ bed, argocdUrl }: Suite, project: string, ca: string): Promise<string> {
  const admin = (await readFile(join(bed.root, 'argocd', 'token'), 'utf8')).trim();
  const http = createHttp({ log: silentLogger, ca, env: {} });
  try {
    const url = `${argocdUrl}/api/v1/projects/${project}/roles/ci/token`;
    const headers = { 'content-type': 'application/json', authorization: `Bearer ${admin}` };
    const response = await http({ what: 'make a token', method: 'POST', url, headers, body: Buffer.from(JSON.stringify({ expiresIn: 3600 })) });
    if (response.status === 200) return ((await response.json()) as { token: string }).token;
    throw transientError('ARGOCD_REFUSED', `Argo CD answers ${response.status} to POST ${url}: ${(await response.body()).toString('utf8').slice(0, 500)}`);
  } finally {
    http.close();
  }
}
