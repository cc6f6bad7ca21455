// SPDX-License-Identifier: Apache-2.0
import { homedir } from 'node:os';
import process from 'node:process';
import { createHttp } from '../../lib/http/http.ts';
import { createKubeClient, type KubeClient } from '../../lib/kube/client.ts';
import { createLogger } from '../../lib/log/log.ts';

export type ClusterOptions = { kubeconfig: string | undefined; context: string | undefined; namespace: string | undefined };

/** Runs `work` with a client for the cluster of the kubeconfig and the namespace that is meant. */
export async function withCluster<T>(options: ClusterOptions, work: (client: KubeClient, namespace: string) => Promise<T>): Promise<T> {
  // The Kubernetes library takes longer to load than the rest of the command line; only a gate needs it.
  const { kubeconfigConnection } = await import('../../lib/kube/kubeconfig.ts');
  const connection = await kubeconfigConnection({ env: process.env, home: homedir(), file: options.kubeconfig, context: options.context });
  const log = createLogger({ write: (line) => process.stderr.write(line), format: 'text', now: () => new Date() });
  const http = createHttp({ log, ...(connection.ca && { ca: connection.ca }), ...(connection.client && { client: connection.client }) });
  try {
    return await work(createKubeClient({ http, connection }), options.namespace ?? connection.namespace);
  } finally {
    http.close();
  }
}
