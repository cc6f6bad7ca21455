// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import process from 'node:process';
import { createHttp, type Http } from '../http/http.ts';
import { createKubeClient } from '../kube/client.ts';
import { inClusterConnection, SERVICE_ACCOUNT_DIR } from '../kube/in-cluster.ts';
import type { Logger } from '../log/log.ts';
import { type KmsContext, settingsFrom } from './kms-context.ts';

export type PodKmsDeps = { http: Http; log: Logger; now: () => Date; signal?: AbortSignal };

/**
 * How a step in a pod reaches keys that are kept elsewhere: settings in `folder` or the environment, the API server of its own cluster by its service account,
 * or by the one whose token lies in `folder`, when that is a Secret of type kubernetes.io/service-account-token (files token, ca.crt, namespace).
 */
export function podKms({ http, log, now, signal }: PodKmsDeps, folder: string | undefined, env: KmsContext['env'] = process.env): KmsContext {
  return {
    http,
    log,
    now,
    env,
    ...settingsFrom(folder, env),
    kube: async (work) => {
      const connection = await inClusterConnection(env, () => now().getTime(), identityFolder(folder));
      // The API server has a CA of its own, which nothing else is to be trusted by.
      const client = createHttp({ log, ...(connection.ca !== undefined && { ca: connection.ca }), ...(signal && { signal }) });
      try {
        return await work(createKubeClient({ http: client, connection }));
      } finally {
        client.close();
      }
    },
  };
}

function identityFolder(folder: string | undefined): string {
  const own = folder !== undefined && ['token', 'ca.crt', 'namespace'].every((file) => existsSync(join(folder, file)));
  return own ? folder : SERVICE_ACCOUNT_DIR;
}
