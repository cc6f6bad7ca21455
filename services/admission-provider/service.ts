// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay, setInterval } from 'node:timers/promises';
import { asStepError } from '../../lib/errors/errors.ts';
import { createHttp, type Http } from '../../lib/http/http.ts';
import { type Logger, silentLogger } from '../../lib/log/log.ts';
import { createRegistry } from '../../lib/registry/client.ts';
import { type Readiness, startHealthServer } from '../../lib/service/health-server.ts';
import type { VerdictValue } from '../../lib/verify/verdict-value.ts';
import { answerKeys } from './answer-keys.ts';
import type { Config } from './config.ts';
import { createJudging, type Judging, type Said } from './judging.ts';
import { createRegistries } from './logins.ts';
import { type Material, readCa, readMaterial } from './material.ts';
import { createProviderMetrics, type ProviderMetrics } from './metrics.ts';
import { createPolicyState, type PolicyState } from './policy-state.ts';
import type { ProviderResponse } from './protocol.ts';
import { type ProviderServer, startProviderServer } from './provider-server.ts';
import { createSlots, type Slots } from './slots.ts';
import { readTlsFiles, type TlsFiles } from './tls-files.ts';

export type ServiceOptions = {
  config: Config;
  env: Record<string, string | undefined>;
  log: Logger;
  signal: AbortSignal;
  /** Told when both servers listen. */
  onListening?: (ports: { provider: number; health: number }) => void;
};

const MIB = 1024 * 1024;
/** A registry that keeps silent this long is asked once more or given up: admission has seconds, not minutes. */
const SILENCE_MS = 3_000;
const RETRY = { attempts: 2, baseMs: 100, capMs: 200 };

type Parts = { config: Config; log: Logger; metrics: ProviderMetrics; policy: PolicyState; slots: Slots; signal: AbortSignal };

/** The service, until `signal`: then it is not ready any more, sends clients to other replicas, and ends. Throws when it cannot start: certificates, client CA, ports. */
export async function runService({ config, env, log, signal, onListening }: ServiceOptions): Promise<void> {
  const metrics = createProviderMetrics();
  const slots = createSlots({ limit: config.concurrency, maxWaiting: config.waiting });
  const ca = await readCa(config['registry-ca']);
  // Each retry would be a line, and a registry that is down would be one for every image; what is wrong stands in the answers and the metrics.
  const http = createHttp({ log: silentLogger, env, retry: RETRY, ...(ca !== undefined && { ca }) });
  const policy = createPolicyState({
    read: () => readMaterial(placesOf(config)),
    open: (material) => openJudging(material, { http, config, log, metrics, slots }),
    log,
    onError: (code) => metrics.count('reload_errors_total', code),
  });
  await policy.reload();
  let tls = await readTls(config);
  const parts = { config, log, metrics, policy, slots, signal };
  const server = await startServer(parts, tls);
  const readiness = (): Readiness => readinessOf(policy, tls, signal);
  const health = await startHealthServer({ host: config.host, port: config['health-port'], metrics: metrics.text, readiness });
  metrics.setGauges(() => ({
    policy_good: policy.status().good ? 1 : 0,
    certificate_expires_seconds: Math.round((tls.expires - Date.now()) / 1000),
    cache_entries: keptBy(policy).entries,
    cache_bytes: keptBy(policy).bytes,
    judgements_running: slots.running(),
    judgements_waiting: slots.waiting(),
  }));
  log.info('admission-provider is up', { port: server.port, health: health.port, stage: config.stage });
  onListening?.({ provider: server.port, health: health.port });
  signal.addEventListener('abort', server.drain, { once: true });
  try {
    await follow(parts, server, tls, (fresh) => {
      tls = fresh;
    });
    log.info('stopping: sends clients to other replicas', { seconds: config.drain / 1000 });
    await delay(config.drain);
  } finally {
    await server.close();
    await health.close();
    http.close();
  }
}

function placesOf(config: Config): Parameters<typeof readMaterial>[0] {
  return {
    policyFolder: config['policy-folder'],
    policy: config.policy,
    summaryPolicy: config['summary-policy'],
    trustedRoot: config['trusted-root'],
    dockerConfig: config['docker-config'],
    namespaceLogins: config['namespace-logins'],
    stage: config.stage,
  };
}

function readTls(config: Config): Promise<TlsFiles> {
  return readTlsFiles({ cert: config['tls-cert'], key: config['tls-key'], clientCa: config['client-ca'] });
}

type Opening = Pick<Parts, 'config' | 'log' | 'metrics' | 'slots'> & { http: Http };

/** Registry clients of its own for each revision, because the credentials are part of it. */
function openJudging(material: Material, { http, config, log, metrics, slots }: Opening): Judging {
  const patient: Http = (request) => http({ timeoutMs: SILENCE_MS, ...request });
  const registryOf = createRegistries(material.logins, (credentials) =>
    createRegistry({ http: patient, credentials, insecureRegistries: config['insecure-registries'], log }),
  );
  const options = {
    stage: config.stage,
    registries: config.registries,
    passTtlMs: config['pass-ttl'],
    failTtlMs: config['fail-ttl'],
    tagTtlMs: config['tag-ttl'],
    maxEntries: config['cache-entries'],
    maxBytes: config['cache-mib'] * MIB,
    workLimitMs: config['work-limit'],
    maxEvidenceBytes: config['evidence-mib'] * MIB,
  };
  return createJudging(material, options, {
    registryOf,
    slots,
    now: Date.now,
    onWay: (_what, way) => metrics.count('lookups_total', way),
    onJudged: (seconds) => metrics.observe('judgement_seconds', seconds),
  });
}

function startServer({ config, metrics, policy }: Parts, tls: TlsFiles): Promise<ProviderServer> {
  const route =
    <T>(deadlineMs: number, say: (judging: Judging, key: string) => Promise<Said<T>>, name: (value: T) => string) =>
    async (keys: string[]): Promise<ProviderResponse> => {
      const onFault = (code: string): void => metrics.count('faults_total', code);
      const answer = await answerKeys(keys, async (key) => say(policy.judging(), key), { deadlineMs, onFault });
      for (const item of answer.response.items) metrics.count('keys_total', 'error' in item ? 'error' : name(item.value as T));
      if (answer.response.systemError !== '') metrics.count('keys_total', 'fault', keys.length);
      return answer;
    };
  return startProviderServer({
    host: config.host,
    port: config.port,
    tls,
    clientName: config['client-name'],
    routes: {
      '/validate': route<VerdictValue>(
        config.deadline,
        (judging, key) => judging.judge(key),
        ({ verdict }) => verdict,
      ),
      '/summary': route<VerdictValue>(
        config['summary-deadline'],
        (judging, key) => judging.summarise(key),
        ({ verdict }) => verdict,
      ),
      '/mutate': route<string>(
        config['mutate-deadline'],
        (judging, key) => judging.pin(key),
        () => 'pinned',
      ),
    },
    onRequest(result, seconds) {
      metrics.count('requests_total', result);
      metrics.observe('request_seconds', seconds);
    },
    onClientRefused: (reason) => metrics.count('clients_refused_total', reason),
    now: () => performance.now(),
  });
}

/** Reads all files again from time to time, until `signal`. Mounted Secrets and ConfigMaps change by a swap of links, of which a watch on the files would hear nothing. */
async function follow(
  { config, log, metrics, policy, signal }: Parts,
  server: ProviderServer,
  first: TlsFiles,
  onRotated: (tls: TlsFiles) => void,
): Promise<void> {
  let revision = first.revision;
  try {
    for await (const _ of setInterval(config.reload, undefined, { signal })) {
      await policy.reload();
      try {
        const fresh = await readTls(config);
        if (fresh.revision === revision) continue;
        server.rotate(fresh);
        revision = fresh.revision;
        onRotated(fresh);
        log.info('has a new certificate or client CA', { expires: new Date(fresh.expires).toISOString() });
      } catch (thrown) {
        const { code, message } = asStepError(thrown);
        metrics.count('reload_errors_total', code);
        log.error('goes on with the certificate and client CA that it had', { code, cause: message });
      }
    }
  } catch (error) {
    if (!signal.aborted) throw error;
  }
}

/** A policy that breaks while pods run leaves them ready: without endpoints Gatekeeper would only say that nobody answers, and now it says what is wrong. */
function readinessOf(policy: PolicyState, tls: TlsFiles, signal: AbortSignal): Readiness {
  const { good, everGood, problem } = policy.status();
  const expired = tls.expires <= Date.now();
  const problems = [signal.aborted && 'stopping', expired && 'the certificate has expired', !good && `nothing is admitted: ${problem}`].filter(Boolean);
  return { ready: !signal.aborted && !expired && everGood, text: problems.length === 0 ? 'ready' : problems.join('\n') };
}

function keptBy(policy: PolicyState): { entries: number; bytes: number } {
  return policy.status().good ? policy.judging().kept() : { entries: 0, bytes: 0 };
}
