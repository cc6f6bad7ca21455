// SPDX-License-Identifier: Apache-2.0
import { connect } from 'node:net';
import { join } from 'node:path';
import { writeAtomic } from '../../../lib/files/atomic-write.ts';
import { argoEnvironment, redisArgs } from '../../argocd/real-argocd.ts';
import { ensurePeer } from '../../peers/peers.ts';
import type { Bed, Component } from '../bed/component.ts';
import { ARGOCD_PORT, argoToken, isServing, makeArgoToken } from './argocd-api.ts';
import { argoPlan, servingCertificate, writeKubeconfig } from './argocd-install.ts';
import { applyPlan, isApplied } from './install.ts';
import { inPrivateMount, MOUNT_PROGRAMS } from './private-mount.ts';

/** On loopback, but for the controller's metrics, whose address cannot be told. */
const PORTS = { redis: 16_379, repo: 18_081, controllerMetrics: 18_082, serverMetrics: 18_083, repoMetrics: 18_084 };
const REDIS = ['--redis', `127.0.0.1:${PORTS.redis}`];
const REPO_SERVER = ['--repo-server', `127.0.0.1:${PORTS.repo}`, '--repo-server-plaintext'];
const ROLES: Readonly<Record<string, { args: readonly string[]; metrics: number }>> = {
  'argocd-repo-server': {
    args: ['--disable-tls', '--address=127.0.0.1', `--port=${PORTS.repo}`, '--metrics-address=127.0.0.1', `--metrics-port=${PORTS.repoMetrics}`, ...REDIS],
    metrics: PORTS.repoMetrics,
  },
  'argocd-application-controller': {
    args: [`--metrics-port=${PORTS.controllerMetrics}`, '--self-heal-timeout-seconds=1', ...REPO_SERVER, ...REDIS],
    metrics: PORTS.controllerMetrics,
  },
};

/**
 * Argo CD as processes of the node that work on the bed's cluster: Redis, repo-server, application-controller, API server with TLS on the node's
 * address. `<root>/argocd/token` is an API key of its administrator, `ca.crt` beside it what to trust.
 */
export const argocd: Component = {
  name: 'argocd',
  groups: ['delivery'],
  needs: ['kube-apiserver'],
  peers: ['argocd'],
  programs: { 'redis-server': 'redis-server', git: 'git', openssl: 'openssl', ...MOUNT_PROGRAMS },
  daemons: ['argocd-redis', ...Object.keys(ROLES), 'argocd-server'],
  isReady: async (bed) => (await allRun(bed)) && (await argoToken(bed)) !== undefined,
  async up(bed) {
    const peer = await ensurePeer('argocd', bed);
    const dir = await bed.dir('argocd');
    const plan = await argoPlan(peer.manifests, await servingCertificate(dir, bed.node));
    if (!(await isApplied(bed, 'argocd', plan))) await applyPlan(bed, 'argocd', plan);
    const kubeconfig = await writeKubeconfig(bed, dir);
    await bed.daemon({ name: 'argocd-redis', command: 'redis-server', args: redisArgs(dir, PORTS.redis), isReady: () => accepts(PORTS.redis) });
    const start = (role: string, args: readonly string[], metrics: number): Promise<void> =>
      bed.daemon({ name: role, command: peer.argocd, args, env: argoEnvironment({ dir, kubeconfig, role }), isReady: () => answers(metrics) });
    await Promise.all(Object.entries(ROLES).map(([role, { args, metrics }]) => start(role, args, metrics)));
    const listen = [`--address=${bed.node}`, `--port=${ARGOCD_PORT}`, '--metrics-address=127.0.0.1', `--metrics-port=${PORTS.serverMetrics}`];
    const hosts = join(dir, 'hosts');
    await writeAtomic(hosts, `${bed.node} localhost\n`);
    // The server's REST side calls its gRPC side as localhost, so one that listens on the node's address alone must find itself under that name.
    const [command, ...args] = inPrivateMount({ source: hosts, target: '/etc/hosts' }, [peer.argocd, ...listen, ...REPO_SERVER, ...REDIS]);
    const env = argoEnvironment({ dir, kubeconfig, role: 'argocd-server' });
    await bed.daemon({ name: 'argocd-server', command, args, env, isReady: () => isServing(bed) });
    if ((await argoToken(bed)) === undefined) await makeArgoToken(bed);
  },
};

async function allRun(bed: Bed): Promise<boolean> {
  const running = await Promise.all((argocd.daemons ?? []).map((name) => bed.isRunning(name)));
  return !running.includes(false);
}

async function answers(metricsPort: number): Promise<boolean> {
  return (await fetch(`http://127.0.0.1:${metricsPort}/metrics`, { signal: AbortSignal.timeout(2000) })).ok;
}

function accepts(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
