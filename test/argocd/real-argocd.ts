// SPDX-License-Identifier: Apache-2.0
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type GitServer, startGitServer } from '../../lib/git/test-git-server.ts';
import { type ApiServer, startApiServer } from '../cluster/api-server.ts';
import { freePorts, type HostProcess, startProcess, waitUntilReady } from '../cluster/host-process.ts';
import { ensurePeer, type PeerPaths } from '../peers/peers.ts';
import { ensureRedis } from './redis.ts';

export const NAMESPACE = 'argocd';

/** Accounts of the tests: `ci` may sync everything but project `walled`, where it may only look; `reader` may only look. */
const ACCOUNTS = ['ci', 'reader'] as const;
const RBAC = [
  'p, role:ci, applications, get, */*, allow',
  'p, role:ci, applications, sync, */*, allow',
  'p, role:ci, applications, sync, walled/*, deny',
  'p, role:reader, applications, get, */*, allow',
  'g, ci, role:ci',
  'g, reader, role:reader',
].join('\n');

/** No controller makes Deployments healthy here: an annotation says what they are, the one from Git or one that a test puts on the live object. */
const HEALTH = `local annotations = obj.metadata.annotations or {}
local health = annotations["test/live-health"] or annotations["test/health"] or "Healthy"
return { status = health, message = "the test says " .. health }`;

export type RealArgoCd = {
  dir: string;
  url: string;
  tokens: Record<(typeof ACCOUNTS)[number], string>;
  api: ApiServer;
  git: GitServer;
  /** Applies objects as admin; throws with what the API server said. */
  apply(...objects: object[]): Promise<void>;
  /** kubectl as admin; gives stdout and throws with stderr. */
  kubectl(...args: string[]): Promise<string>;
  /** One more API server of Argo CD, to be stopped and started by a test. */
  startServer(port?: number): Promise<{ url: string; port: number; stop: () => Promise<void> }>;
  stop(): Promise<void>;
};

type Site = { dir: string; peer: PeerPaths<'argocd'>; api: ApiServer; ports: { redis: number; repo: number } };

/**
 * Argo CD as processes of this machine against a real Kubernetes API: repo-server, application-controller, API server, and Debian's redis-server. There
 * is no kubelet and no controller manager: objects are stored, and their status is what a test writes. Throws StepError: those of `startApiServer` and
 * `ensureRedis`, `PEER_NOT_READY`.
 */
export async function startArgoCd(): Promise<RealArgoCd> {
  const log = (line: string) => console.error(line);
  const redis = await ensureRedis(log);
  const peer = await ensurePeer('argocd', { log });
  const dir = mkdtempSync(join(tmpdir(), 'argocd-'));
  const stops: (() => Promise<unknown>)[] = [];
  const stop = async (): Promise<void> => {
    for (const close of stops.splice(0).toReversed()) await close();
    rmSync(dir, { recursive: true, force: true });
  };
  try {
    const api = await startApiServer({ dir, log, extraArgs: ['--disable-admission-plugins=ServiceAccount'] });
    stops.push(() => api.stop());
    const git = await startGitServer();
    stops.push(() => git.close());
    const kubectl = kubectlOf(api);
    await installConfig(api, kubectl, peer.manifests);
    const [redisPort, repo, repoMetrics, controllerMetrics] = (await freePorts(4)) as [number, number, number, number];
    const site: Site = { dir, peer, api, ports: { redis: redisPort, repo } };
    const cache = startProcess({ name: 'redis', command: redis, args: redisArgs(dir, redisPort), logFile: join(dir, 'redis.log') });
    stops.push(() => cache.stop());
    stops.push(await start(site, 'argocd-repo-server', ['--disable-tls', '--port', `${repo}`, '--metrics-port', `${repoMetrics}`], repoMetrics));
    const controller = [
      '--metrics-port',
      `${controllerMetrics}`,
      '--repo-server',
      `127.0.0.1:${repo}`,
      '--repo-server-plaintext',
      '--self-heal-timeout-seconds',
      '1',
    ];
    stops.push(await start(site, 'argocd-application-controller', controller, controllerMetrics));
    const startServer = (port?: number) => serve(site, port);
    const server = await startServer();
    stops.push(server.stop);
    const tokens = await makeTokens(server.url, kubectl);
    const apply = (...objects: object[]) => applyAll(api, objects);
    return { dir, url: server.url, tokens, api, git, apply, kubectl, startServer, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function installConfig(api: ApiServer, kubectl: RealArgoCd['kubectl'], manifests: string): Promise<void> {
  await applyAll(api, [{ apiVersion: 'v1', kind: 'Namespace', metadata: { name: NAMESPACE } }]);
  await kubectl('apply', '--server-side', '-k', join(manifests, 'crds'));
  await kubectl('apply', '-n', NAMESPACE, '-k', join(manifests, 'base', 'config'));
  for (const kind of ['applications', 'appprojects']) await untilServed(kubectl, `${kind}.argoproj.io`);
  const config = (name: string, data: Record<string, string>) =>
    kubectl('patch', '-n', NAMESPACE, 'configmap', name, '--type=merge', '-p', JSON.stringify({ data }));
  const accounts = Object.fromEntries(ACCOUNTS.map((account) => [`accounts.${account}`, 'apiKey']));
  await config('argocd-cm', { ...accounts, 'resource.customizations.health.apps_Deployment': HEALTH });
  await config('argocd-rbac-cm', { 'policy.csv': RBAC });
  await kubectl('config', '--kubeconfig', api.kubeconfig, 'set-context', '--current', `--namespace=${NAMESPACE}`);
}

/** Waits until objects of a new CRD can be read. */
export async function untilServed(kubectl: RealArgoCd['kubectl'], kind: string): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      return void (await kubectl('get', kind, '-A'));
    } catch (error) {
      if (attempt === 40) throw error;
      await sleep(250);
    }
  }
}

/** Starts one role of the Argo CD binary and waits for its metrics; gives what stops it. */
async function start(site: Site, role: string, args: string[], metricsPort: number, name = role): Promise<() => Promise<void>> {
  const logFile = join(site.dir, `${name}.log`);
  const process = startProcess({
    name: role,
    command: site.peer.argocd,
    args: [...args, '--redis', `127.0.0.1:${site.ports.redis}`],
    env: environment(site, role),
    logFile,
  });
  await ready(process, logFile, `http://127.0.0.1:${metricsPort}/metrics`);
  return () => process.stop();
}

async function ready(process: HostProcess, logFile: string, url: string): Promise<void> {
  await waitUntilReady(process, logFile, async () => (await fetch(url, { signal: AbortSignal.timeout(2000) })).ok, 60_000);
}

async function serve(site: Site, port?: number): Promise<{ url: string; port: number; stop: () => Promise<void> }> {
  const [free, metrics] = (await freePorts(2)) as [number, number];
  const own = port ?? free;
  const args = ['--insecure', '--address', '127.0.0.1', '--port', `${own}`, '--metrics-port', `${metrics}`];
  const logFile = join(site.dir, `argocd-server-${own}.log`);
  const all = [...args, '--repo-server', `127.0.0.1:${site.ports.repo}`, '--repo-server-plaintext', '--redis', `127.0.0.1:${site.ports.redis}`];
  const process = startProcess({ name: 'argocd-server', command: site.peer.argocd, args: all, env: environment(site, 'argocd-server'), logFile });
  await ready(process, logFile, `http://127.0.0.1:${own}/healthz`);
  return { url: `http://127.0.0.1:${own}`, port: own, stop: () => process.stop() };
}

const environment = ({ dir, api }: Site, role: string) => argoEnvironment({ dir, kubeconfig: api.kubeconfig, role });

/** Environment of one role of Argo CD outside of a pod; the folders that it works in are made below `dir`. */
export function argoEnvironment({ dir, kubeconfig, role }: { dir: string; kubeconfig: string; role: string }): Record<string, string> {
  const folder = (name: string): string => {
    const path = join(dir, name);
    mkdirSync(path, { recursive: true });
    return path;
  };
  return {
    ARGOCD_BINARY_NAME: role,
    // The cluster that it runs in is then that of the kubeconfig.
    ARGOCD_FAKE_IN_CLUSTER: 'true',
    ARGOCD_GPG_ENABLED: 'false',
    ARGOCD_TLS_DATA_PATH: folder('tls'),
    ARGOCD_SSH_DATA_PATH: folder('ssh'),
    ARGOCD_GNUPGHOME: folder('gpg'),
    KUBECONFIG: kubeconfig,
    TMPDIR: folder('tmp'),
    HOME: folder('home'),
    GIT_CONFIG_NOSYSTEM: '1',
  };
}

/** A Redis that keeps nothing. */
export function redisArgs(dir: string, port: number): string[] {
  return ['--port', `${port}`, '--bind', '127.0.0.1', '--save', '', '--appendonly', 'no', '--dir', dir];
}

/** As a person does it: log in as admin with the initial password, then make an API key for each account. */
async function makeTokens(url: string, kubectl: RealArgoCd['kubectl']): Promise<RealArgoCd['tokens']> {
  const password = Buffer.from(
    await kubectl('get', '-n', NAMESPACE, 'secret', 'argocd-initial-admin-secret', '-o', 'jsonpath={.data.password}'),
    'base64',
  ).toString();
  const session = await post(`${url}/api/v1/session`, { username: 'admin', password });
  const made = ACCOUNTS.map(async (account) => [account, await post(`${url}/api/v1/account/${account}/token`, { name: account }, session)] as const);
  return Object.fromEntries(await Promise.all(made)) as RealArgoCd['tokens'];
}

/** The token in the answer; asked again for a while, because the server learns of accounts by watching their ConfigMap. */
async function post(url: string, body: object, token?: string): Promise<string> {
  for (let attempt = 1; ; attempt++) {
    const headers = { 'content-type': 'application/json', ...(token !== undefined && { authorization: `Bearer ${token}` }) };
    const response = await fetch(url, { method: 'POST', headers, body: JSON.stringify(body) });
    if (response.ok) return ((await response.json()) as { token: string }).token;
    if (attempt === 20) throw new Error(`${url} answers ${response.status}: ${await response.text()}`);
    await sleep(250);
  }
}

function kubectlOf(api: ApiServer): RealArgoCd['kubectl'] {
  return async (...args) => {
    const { code, stdout, stderr } = await api.kubectl(args);
    if (code !== 0) throw new Error(`kubectl ${args.join(' ')}: ${stderr}`);
    return stdout;
  };
}

async function applyAll(api: ApiServer, items: object[]): Promise<void> {
  const { code, stderr } = await api.kubectl(['apply', '--server-side', '-f', '-'], JSON.stringify({ apiVersion: 'v1', kind: 'List', items }));
  if (code !== 0) throw new Error(stderr);
}
