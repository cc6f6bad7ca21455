// SPDX-License-Identifier: Apache-2.0
import { isIPv6 } from 'node:net';
import { join } from 'node:path';
import { inputError } from '../errors/errors.ts';
import { readBounded } from '../files/bounded-read.ts';
import { registerSecret } from '../log/redact.ts';
import type { KubeConnection } from './client.ts';

/** Where the kubelet puts what a pod's service account needs. */
export const SERVICE_ACCOUNT_DIR = '/var/run/secrets/kubernetes.io/serviceaccount';

const MAX_FILE_BYTES = 1024 * 1024;
/** The kubelet replaces a token when a fifth of its time is left; asking once a minute is what Kubernetes' own clients do. */
const TOKEN_AGE_MS = 60_000;

/**
 * The connection of a pod by its service account (Kubernetes, "Accessing the API from a Pod"). The token is read again as it rotates.
 * Throws input KUBE_NOT_IN_CLUSTER when the variables of a pod are not set, and the errors of reading files.
 */
export async function inClusterConnection(env: Record<string, string | undefined>, now: () => number, dir = SERVICE_ACCOUNT_DIR): Promise<KubeConnection> {
  const host = env['KUBERNETES_SERVICE_HOST'];
  const port = env['KUBERNETES_SERVICE_PORT'];
  if (!host || !port) {
    throw inputError('KUBE_NOT_IN_CLUSTER', 'KUBERNETES_SERVICE_HOST and KUBERNETES_SERVICE_PORT are not set: this is no pod of a cluster', {
      hint: 'outside of a cluster name the API server, its CA and a token file by flags',
    });
  }
  const ca = (await readBounded(join(dir, 'ca.crt'), MAX_FILE_BYTES, "CA of the cluster's API server")).toString('utf8');
  const namespace = (await readBounded(join(dir, 'namespace'), MAX_FILE_BYTES, 'namespace of the pod')).toString('utf8').trim();
  return { server: `https://${isIPv6(host) ? `[${host}]` : host}:${port}`, ca, namespace, token: tokenFromFile(join(dir, 'token'), now) };
}

/** A token that is read from its file at first and then once a minute. */
export function tokenFromFile(file: string, now: () => number): () => Promise<string> {
  let token = '';
  let readAt = Number.NEGATIVE_INFINITY;
  return async () => {
    if (now() - readAt < TOKEN_AGE_MS) return token;
    token = (await readBounded(file, MAX_FILE_BYTES, 'service account token')).toString('utf8').trim();
    registerSecret(token);
    readAt = now();
    return token;
  };
}
