// SPDX-License-Identifier: Apache-2.0
import process from 'node:process';
import type { ArgoCd } from '../../lib/argocd/argocd.ts';
import { createKubernetesArgoCd } from '../../lib/argocd/kubernetes.ts';
import { createRestArgoCd } from '../../lib/argocd/rest.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { realInside } from '../../lib/files/inside.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createKubeClient } from '../../lib/kube/client.ts';
import { inClusterConnection } from '../../lib/kube/in-cluster.ts';
import { registerSecret } from '../../lib/log/redact.ts';
import type { Inputs } from '../../lib/spec/spec.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import type { spec } from './spec.ts';

const TOKEN_FILE = 'token';
const MAX_TOKEN_BYTES = 64 * 1024;
const DEFAULT_NAMESPACE = 'argocd';

/** Argo CD as the params say. Throws input SERVER_MISSING, WORKSPACE_UNBOUND, FILE_MISSING, TOKEN_INVALID or KUBE_NOT_IN_CLUSTER. */
export async function connect(inputs: Inputs<typeof spec>, deps: StepDeps): Promise<{ argo: ArgoCd; close: () => void }> {
  const { params } = inputs;
  const app = { ...params.app, project: params.project };
  if (params.mode === 'kubernetes') return connectCluster(inputs, deps, { ...app, namespace: app.namespace ?? DEFAULT_NAMESPACE });
  if (params.server === undefined) throw inputError('SERVER_MISSING', 'mode=api needs the URL of the Argo CD API server, and the param server is empty');
  const token = await readToken(inputs);
  return { argo: createRestArgoCd({ http: deps.http, server: params.server, token: async () => token, app }), close: () => undefined };
}

async function connectCluster(
  inputs: Inputs<typeof spec>,
  deps: StepDeps,
  app: { name: string; project: string; namespace: string },
): Promise<{ argo: ArgoCd; close: () => void }> {
  const { server } = inputs.params;
  if (server !== undefined) {
    const token = await readToken(inputs);
    const client = createKubeClient({ http: deps.http, connection: { server, token: async () => token } });
    return { argo: createKubernetesArgoCd({ client, app, signal: deps.signal }), close: () => undefined };
  }
  const connection = await inClusterConnection(process.env, () => deps.now().getTime());
  // A client of its own, because the API server's CA is that of the cluster and not among those of ca-bundle.
  const http = createHttp({ log: deps.log, signal: deps.signal, ...(connection.ca !== undefined && { ca: connection.ca }) });
  const client = createKubeClient({ http, connection });
  return { argo: createKubernetesArgoCd({ client, app, signal: deps.signal }), close: () => http.close() };
}

async function readToken({ workspaces }: Inputs<typeof spec>): Promise<string> {
  const folder = workspaces['argocd-credentials'];
  if (folder === undefined) throw inputError('WORKSPACE_UNBOUND', 'the server wants a token, and the workspace argocd-credentials is not bound');
  const file = await realInside(folder, TOKEN_FILE);
  const token = (await readBounded(file, MAX_TOKEN_BYTES, 'Argo CD token')).toString('utf8').trim();
  registerSecret(token);
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw inputError(
    'TOKEN_INVALID',
    `the file ${TOKEN_FILE} in the workspace argocd-credentials holds no bearer token: it is ${token === '' ? 'empty' : 'not one word of ASCII'}`,
  );
}
