// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { asStepError } from '../../lib/errors/errors.ts';
import { readBounded } from '../../lib/files/bounded-read.ts';
import { createHttp } from '../../lib/http/http.ts';
import { createKubeClient, type KubeClient, type KubeConnection } from '../../lib/kube/client.ts';
import { inClusterConnection, tokenFromFile } from '../../lib/kube/in-cluster.ts';
import { createLease, type Lease } from '../../lib/kube/lease.ts';
import { createRateLimit } from '../../lib/kube/rate-limit.ts';
import type { Logger } from '../../lib/log/log.ts';
import { startHealthServer } from '../../lib/service/health-server.ts';
import type { Config } from './config.ts';
import { runController } from './controller.ts';
import { createGateMetrics, type GateMetrics } from './metrics.ts';
import { assertVotesProtected } from './vote-protection.ts';

export type ServiceOptions = { config: Config; env: Record<string, string | undefined>; hostname: string; log: Logger; signal: AbortSignal };

/** How long the end of all work may take after SIGTERM before the lease is given up anyway. */
const STOP_MS = 5_000;
const MAX_CA_BYTES = 1024 * 1024;
const PROTECTION_RETRY_MS = 10_000;

const sleep = (ms: number, signal?: AbortSignal): Promise<void> => delay(ms, undefined, signal ? { signal } : {});

/**
 * The service: health server at once, then stands by for the lease, then the control loop while the lease is held. Resolves 'stopped' after `signal`
 * with the lease given up, and 'lost' when the lease was lost: the caller has to end the process at once, because another replica decides now.
 */
export async function runService({ config, env, hostname, log, signal }: ServiceOptions): Promise<'stopped' | 'lost'> {
  const connection = await connect(config, env);
  const instance = config.identity ?? hostname;
  const metrics = createGateMetrics();
  let ready = false;
  const setReady = (value: boolean): void => {
    ready = value;
  };
  const readiness = () => ({ ready, text: ready ? 'ready' : 'not ready' });
  const health = await startHealthServer({ host: config.host, port: config.port, metrics: metrics.text, readiness });
  log.info('approval-gate is up', { port: health.port, identity: instance, server: connection.server });
  const leaseHttp = createHttp({ log, env, ...tlsOf(connection), retry: { attempts: 1, baseMs: 100, capMs: 100 } });
  const lease = leaseOf(config, createKubeClient({ http: leaseHttp, connection }), connection, instance, log);
  try {
    await waitForProtection(createKubeClient({ http: leaseHttp, connection }), log, signal);
    setReady(true);
    await lease.acquire(signal);
    setReady(false);
    log.info('holds the lease and decides', { lease: config['lease-name'] });
    const outcome = await lead({ config, connection, env, log, metrics, instance, signal, lease, onSynced: () => setReady(true) });
    if (outcome === 'stopped')
      await lease.release().catch((error: unknown) => log.warn('the lease could not be given up', { cause: asStepError(error).message }));
    return outcome;
  } catch (error) {
    if (signal.aborted) return 'stopped';
    throw error;
  } finally {
    leaseHttp.close();
    await health.close();
  }
}

type Leading = Pick<ServiceOptions, 'config' | 'env' | 'log' | 'signal'> & {
  connection: KubeConnection;
  metrics: GateMetrics;
  instance: string;
  lease: Lease;
  onSynced: () => void;
};

/** Holds the lease and runs the loop; when either ends, both do. */
async function lead({ config, connection, env, log, metrics, instance, signal, lease, onSynced }: Leading): Promise<'stopped' | 'lost'> {
  const work = new AbortController();
  const stop = AbortSignal.any([signal, work.signal]);
  const http = createHttp({ log, env, signal: stop, ...tlsOf(connection) });
  const rateLimit = createRateLimit({ perSecond: config.qps, burst: config.burst, now: () => performance.now(), sleep: (ms) => sleep(ms) });
  const client = createKubeClient({ http, connection, rateLimit });
  const { namespace, concurrency, resync: resyncMs } = config;
  const controller = runController(
    { client, namespace, concurrency, resyncMs, instance, metrics, log, now: Date.now, sleep, random: Math.random, onSynced },
    stop,
  );
  const outcome = await Promise.race([lease.hold(signal), controller.then(() => 'stopped' as const)]);
  work.abort();
  if (outcome === 'stopped') await Promise.race([controller, sleep(STOP_MS)]);
  http.close();
  return outcome;
}

async function connect(config: Config, env: Record<string, string | undefined>): Promise<KubeConnection> {
  const server = config['api-server'];
  if (server === undefined) return inClusterConnection(env, Date.now);
  const ca = config['ca-file'] && (await readBounded(config['ca-file'], MAX_CA_BYTES, 'CA of the API server')).toString('utf8');
  const token = config['token-file'] && tokenFromFile(config['token-file'], Date.now);
  return { server, namespace: config['lease-namespace'] ?? 'default', ...(ca && { ca }), ...(token && { token }) };
}

function tlsOf({ ca, client }: KubeConnection): { ca?: string; client?: NonNullable<KubeConnection['client']> } {
  return { ...(ca && { ca }), ...(client && { client }) };
}

function leaseOf(config: Config, client: KubeClient, connection: KubeConnection, identity: string, log: Logger): Lease {
  return createLease({
    client,
    namespace: config['lease-namespace'] ?? connection.namespace,
    name: config['lease-name'],
    identity,
    times: { durationMs: config['lease-duration'], renewDeadlineMs: config['renew-deadline'], retryMs: config['retry-period'] },
    now: () => performance.timeOrigin + performance.now(),
    sleep,
    random: Math.random,
    onError: (error) => log.warn('the lease could not be read or written', { cause: asStepError(error).message }),
  });
}

/** Not ready, and no gate opens, as long as votes could be forged. */
async function waitForProtection(client: KubeClient, log: Logger, signal: AbortSignal): Promise<void> {
  for (;;) {
    try {
      return await assertVotesProtected(client);
    } catch (thrown) {
      signal.throwIfAborted();
      const error = asStepError(thrown);
      log.error('gates stay shut until the API server protects votes', { code: error.code, cause: error.message, hint: error.hint });
    }
    await sleep(PROTECTION_RETRY_MS, signal);
  }
}
