// SPDX-License-Identifier: Apache-2.0
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { KubeConfig } from '@kubernetes/client-node';
import { inputError } from '../errors/errors.ts';
import { registerSecret } from '../log/redact.ts';
import type { KubeConnection } from './client.ts';

export type KubeconfigOptions = {
  env: Record<string, string | undefined>;
  home: string;
  /** `--kubeconfig`: this file instead of $KUBECONFIG and ~/.kube/config. */
  file?: string | undefined;
  /** `--context`: this context instead of the current one. */
  context?: string | undefined;
};

/**
 * The connection that kubectl would use: $KUBECONFIG (several files), else ~/.kube/config; tokens, token files, client certificates and exec plugins.
 * Throws input KUBECONFIG_MISSING, KUBECONFIG_INVALID, KUBECONFIG_UNSUPPORTED (unverified TLS, another TLS server name, a proxy, a password),
 * KUBE_LOGIN_FAILED when an exec plugin or token file does.
 */
export async function kubeconfigConnection(options: KubeconfigOptions): Promise<KubeConnection> {
  const config = loadConfig(options);
  if (options.context !== undefined) config.setCurrentContext(options.context);
  const context = config.getContextObject(config.getCurrentContext());
  const cluster = config.getCurrentCluster();
  if (!context || !cluster) {
    const names = config.getContexts().map(({ name }) => name);
    const what = config.getCurrentContext() ? `has no usable context ${config.getCurrentContext()}` : 'has no current context';
    throw inputError('KUBECONFIG_INVALID', `the kubeconfig ${what}`, { hint: `contexts are: ${names.join(', ') || 'none'}; choose one with --context` });
  }
  refuseUnsupported(config);
  const login = await logIn(config, context.name);
  const header = authorizationOf(login);
  return {
    server: cluster.server,
    namespace: context.namespace || 'default',
    ...(Boolean(login.ca) && { ca: String(login.ca) }),
    ...(Boolean(login.cert && login.key) && { client: { cert: String(login.cert), key: String(login.key) } }),
    ...(header && { token: async () => header }),
  };
}

type Login = { ca?: unknown; cert?: unknown; key?: unknown; headers?: unknown };

function loadConfig({ env, home, file }: KubeconfigOptions): KubeConfig {
  const listed = file ? [file] : (env['KUBECONFIG'] ?? '').split(':').filter((path) => path !== '');
  const files = listed.length > 0 ? listed : [join(home, '.kube', 'config')];
  const present = files.filter((path) => existsSync(path));
  if (present.length === 0) {
    throw inputError('KUBECONFIG_MISSING', `there is no kubeconfig: ${files.join(', ')}`, { hint: 'set KUBECONFIG, or give the file with --kubeconfig' });
  }
  try {
    const [first, ...others] = present.map((path) => {
      const config = new KubeConfig();
      config.loadFromFile(path);
      return config;
    });
    const merged = first ?? new KubeConfig();
    // The first file that names something wins, as kubectl merges.
    for (const other of others) mergeMissing(merged, other);
    return merged;
  } catch (cause) {
    throw inputError('KUBECONFIG_INVALID', `a kubeconfig cannot be read: ${present.join(', ')}`, { cause });
  }
}

function mergeMissing(into: KubeConfig, from: KubeConfig): void {
  for (const cluster of from.clusters) if (!into.getCluster(cluster.name)) into.addCluster(cluster);
  for (const user of from.users) if (!into.getUser(user.name)) into.addUser(user);
  for (const context of from.contexts) if (!into.getContextObject(context.name)) into.addContext(context);
  if (!into.getCurrentContext() && from.getCurrentContext()) into.setCurrentContext(from.getCurrentContext());
}

function refuseUnsupported(config: KubeConfig): void {
  const cluster = config.getCurrentCluster();
  const user = config.getCurrentUser();
  const found = [
    cluster?.skipTLSVerify && 'insecure-skip-tls-verify',
    cluster?.tlsServerName && 'tls-server-name',
    cluster?.proxyUrl && 'proxy-url',
    user?.username && 'username and password',
    user?.impersonateUser && 'impersonation',
  ].filter((name) => typeof name === 'string' && name !== '');
  if (found.length === 0) return;
  throw inputError('KUBECONFIG_UNSUPPORTED', `the kubeconfig context uses ${found.join(', ')}`, {
    hint: 'give the CA of the cluster and a token, client certificate or exec plugin; a proxy by HTTPS_PROXY. kubectl can vote as well: see the README of the gate',
  });
}

/** Runs what the kubeconfig names to log in. */
async function logIn(config: KubeConfig, context: string): Promise<Login> {
  const login: Login = {};
  try {
    await config.applyToHTTPSOptions(login as Parameters<KubeConfig['applyToHTTPSOptions']>[0]);
    return login;
  } catch (cause) {
    const why = cause instanceof Error ? cause.message.split('\n')[0] : String(cause);
    throw inputError('KUBE_LOGIN_FAILED', `the kubeconfig's login for context ${context} did not work: ${why}`, {
      hint: 'run "kubectl auth whoami" with the same context; it must work too',
      cause,
    });
  }
}

function authorizationOf({ headers }: Login): string | undefined {
  const value = headers && typeof headers === 'object' ? (headers as Record<string, unknown>)['Authorization'] : undefined;
  const token = typeof value === 'string' ? /^Bearer (\S+)$/.exec(value)?.[1] : undefined;
  if (token) registerSecret(token);
  return token;
}
