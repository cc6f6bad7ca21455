// SPDX-License-Identifier: Apache-2.0
import { spawn } from 'node:child_process';
import { mkdir, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { ensurePeer } from '../peers/peers.ts';
import { freePorts, type HostProcess, startProcess, waitUntilReady } from './host-process.ts';
import { type ClusterPki, clientKubeconfig, createClusterPki } from './pki.ts';

export type CommandResult = { code: number; stdout: string; stderr: string };

export type ApiServer = {
  /** Path of an admin kubeconfig with everything inline. */
  kubeconfig: string;
  /** Runs kubectl as admin; a refusal is a result with its exit code, not an error. */
  kubectl: (args: string[], stdin?: string) => Promise<CommandResult>;
  stop: () => Promise<void>;
};

export type ApiServerOptions = {
  /** Folder for keys, data and logs; made when missing, left behind on stop. */
  dir: string;
  log: (line: string) => void;
  /** Further kube-apiserver flags, e.g. `--disable-admission-plugins=ServiceAccount` for tests with pods. */
  extraArgs?: string[];
};

/**
 * A real Kubernetes API and nothing else: etcd and kube-apiserver on loopback, on free ports, with a PKI of their own.
 * No controller manager, scheduler or kubelet: objects are stored, validated and admitted, nothing acts on them.
 * Throws StepError: those of `ensurePeer` and `createClusterPki`, `PEER_NOT_READY`.
 */
export async function startApiServer({ dir, log, extraArgs = [] }: ApiServerOptions): Promise<ApiServer> {
  const [{ etcd }, binaries] = [await ensurePeer('etcd', { log }), await ensurePeer('kubernetes', { log })];
  await mkdir(dir, { recursive: true });
  const pki = await createClusterPki(dir);
  const [clientPort, peerPort, securePort] = (await freePorts(3)) as [number, number, number];
  const running: HostProcess[] = [];
  const stop = async () => {
    for (const server of running.toReversed()) await server.stop();
  };
  const kubeconfig = join(dir, 'kubeconfig');
  const kubectl = (args: string[], stdin?: string) => runKubectl({ binary: binaries.kubectl, kubeconfig, dir }, args, stdin);
  const start = (name: string, command: string, args: string[], isReady: () => Promise<boolean>) => {
    const logFile = join(dir, `${name}.log`);
    const server = startProcess({ name, command, args, logFile });
    running.push(server);
    return waitUntilReady(server, logFile, isReady, readyTimeoutMs);
  };

  try {
    const started = performance.now();
    await writeFile(kubeconfig, await clientKubeconfig({ ca: pki.ca, client: pki.admin, server: `https://127.0.0.1:${securePort}` }), { mode: 0o600 });
    const etcdUrl = `http://127.0.0.1:${clientPort}`;
    const etcdReady = async () => (await fetch(`${etcdUrl}/health`, { signal: AbortSignal.timeout(1000) })).ok;
    await start('etcd', etcd, etcdArgs(join(dir, 'etcd'), etcdUrl, `http://127.0.0.1:${peerPort}`), etcdReady);
    const args = [...apiServerArgs(pki, etcdUrl, securePort), ...extraArgs];
    await start('kube-apiserver', binaries['kube-apiserver'], args, async () => {
      return (await kubectl(['get', '--raw', '/readyz'])).code === 0 && (await kubectl(['get', 'namespace', 'default'])).code === 0;
    });
    log(`kube-apiserver answers on port ${securePort} after ${Math.round(performance.now() - started)} ms`);
  } catch (error) {
    await stop();
    throw error;
  }
  return { kubeconfig, kubectl, stop };
}

const readyTimeoutMs = 60_000;

/** Flags of a store whose data nobody will miss. */
export function etcdArgs(dataDir: string, clientUrl: string, peerUrl: string): string[] {
  return [
    '--name=test',
    `--data-dir=${dataDir}`,
    '--unsafe-no-fsync',
    '--log-level=warn',
    `--listen-client-urls=${clientUrl}`,
    `--advertise-client-urls=${clientUrl}`,
    `--listen-peer-urls=${peerUrl}`,
    `--initial-advertise-peer-urls=${peerUrl}`,
    `--initial-cluster=test=${peerUrl}`,
  ];
}

function apiServerArgs(pki: ClusterPki, etcdUrl: string, port: number): string[] {
  return [
    `--etcd-servers=${etcdUrl}`,
    '--bind-address=127.0.0.1',
    `--secure-port=${port}`,
    // Nobody is told this address (no endpoint reconciler); without one the server looks for a network card and fails where there is none.
    '--advertise-address=192.0.2.1',
    '--endpoint-reconciler-type=none',
    `--tls-cert-file=${pki.server.certFile}`,
    `--tls-private-key-file=${pki.server.keyFile}`,
    `--client-ca-file=${pki.ca.certFile}`,
    '--authorization-mode=RBAC',
    '--service-cluster-ip-range=10.96.0.0/16',
    '--service-account-issuer=https://kubernetes.default.svc',
    `--service-account-key-file=${pki.serviceAccount.publicKeyFile}`,
    `--service-account-signing-key-file=${pki.serviceAccount.privateKeyFile}`,
    '--profiling=false',
  ];
}

/** `dir` holds its discovery cache; two minutes unless told. */
export type Kubectl = { binary: string; kubeconfig: string; dir: string; timeoutMs?: number };

const KUBECTL_TIMEOUT_MS = 120_000;

/** Runs kubectl to its end; a refusal is a result with its exit code. Rejects only when it cannot be started. */
export function runKubectl({ binary, kubeconfig, dir, timeoutMs = KUBECTL_TIMEOUT_MS }: Kubectl, args: readonly string[], stdin = ''): Promise<CommandResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(binary, [`--kubeconfig=${kubeconfig}`, ...args], {
      // HOME holds its discovery cache, which is keyed by host and port only and would be stale for the next server on this port.
      env: { HOME: dir },
      stdio: 'pipe',
      timeout: timeoutMs,
      killSignal: 'SIGKILL',
    });
    let stdout = '';
    let stderr = '';
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text;
    });
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text;
    });
    child.on('error', reject);
    child.on('close', (code, signal) => {
      if (signal) stderr += `kubectl was ended by ${signal} (time limit ${timeoutMs} ms)\n`;
      resolve({ code: code ?? 1, stdout, stderr });
    });
    // kubectl may refuse its arguments and go before it reads stdin; the exit code then tells why.
    child.stdin.on('error', () => undefined);
    child.stdin.end(stdin);
  });
}
