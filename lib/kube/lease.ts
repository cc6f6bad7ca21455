// SPDX-License-Identifier: Apache-2.0
import { isKubeError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { type KubeObject, resource } from './resource.ts';

export type LeaseTimes = {
  /** How long others wait for a holder that says nothing. */
  durationMs: number;
  /** How long a holder goes on without being able to renew. Shorter than `durationMs`, so that there are never two. */
  renewDeadlineMs: number;
  retryMs: number;
};

/** As client-go has them. */
export const LEASE_TIMES: LeaseTimes = { durationMs: 15_000, renewDeadlineMs: 10_000, retryMs: 2_000 };

export type LeaseOptions = {
  /** A client whose requests fail fast: one attempt, a few seconds. */
  client: KubeClient;
  namespace: string;
  name: string;
  identity: string;
  times: LeaseTimes;
  now: () => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
  onError: (error: unknown) => void;
};

export type Lease = {
  /** Resolves when the lease is ours; rejects when `signal` aborts first. */
  acquire: (signal: AbortSignal) => Promise<void>;
  /** Renews until `signal` aborts (then 'stopped') or the lease is lost (then 'lost': stop all work at once). */
  hold: (signal: AbortSignal) => Promise<'stopped' | 'lost'>;
  /** Gives the lease up, so that another does not have to wait for its end. */
  release: () => Promise<void>;
};

type LeaseSpec = { holderIdentity?: string; leaseDurationSeconds?: number; acquireTime?: string; renewTime?: string; leaseTransitions?: number };

const LEASES = resource('coordination.k8s.io/v1', 'leases');

/** What is remembered between two tries: the version of the Lease that was seen last, and when it was new to us. */
type Elector = LeaseOptions & { seen?: { version: string; at: number } };

/**
 * Leader election by a Lease (coordination.k8s.io/v1), with the rules of client-go's leaderelection: the holder renews; others take over when they
 * have seen no renewal for the holder's own duration by their own clock, so that clocks need not agree. Every write carries the version that was read.
 */
export function createLease(options: LeaseOptions): Lease {
  const elector: Elector = { ...options };
  return { acquire: (signal) => acquire(elector, signal), hold: (signal) => hold(elector, signal), release: () => release(elector) };
}

async function acquire(elector: Elector, signal: AbortSignal): Promise<void> {
  const { times, random, sleep } = elector;
  while (!(await attempt(elector))) {
    signal.throwIfAborted();
    await sleep(times.retryMs * (1 + random() * 0.2), signal);
  }
  signal.throwIfAborted();
}

async function hold(elector: Elector, signal: AbortSignal): Promise<'stopped' | 'lost'> {
  const { times, now, sleep } = elector;
  let renewed = now();
  while (!signal.aborted) {
    await sleep(times.retryMs, signal).catch(() => undefined);
    if (signal.aborted) return 'stopped';
    const started = now();
    if (await within(elector, renewed + times.renewDeadlineMs - started, attempt(elector))) renewed = started;
    else if (!signal.aborted && now() - renewed >= times.renewDeadlineMs) return 'lost';
  }
  return 'stopped';
}

/** A request that hangs must not keep a lease alive that others already count as free. */
async function within({ sleep }: Elector, ms: number, done: Promise<boolean>): Promise<boolean> {
  const over = new AbortController();
  const late = sleep(Math.max(0, ms), over.signal).then(
    () => false,
    () => false,
  );
  const answer = await Promise.race([done, late]);
  over.abort();
  return answer;
}

async function release(elector: Elector): Promise<void> {
  const found = await readLease(elector);
  const spec = (found?.['spec'] ?? {}) as LeaseSpec;
  if (!found || spec.holderIdentity !== elector.identity) return;
  await elector.client.update(LEASES, { ...found, spec: { ...spec, holderIdentity: '', leaseDurationSeconds: 1, renewTime: microTime(elector.now()) } });
}

/** A conflict means that somebody else was faster; anything else is told, and tried again. */
async function attempt(elector: Elector): Promise<boolean> {
  try {
    return await tryAcquire(elector);
  } catch (error) {
    if (!isKubeError(error, 'KUBE_CONFLICT', 'KUBE_ALREADY_EXISTS')) elector.onError(error);
    return false;
  }
}

async function tryAcquire(elector: Elector): Promise<boolean> {
  const { client, namespace, name, identity, now } = elector;
  const found = await readLease(elector);
  if (!found) {
    const object = { apiVersion: 'coordination.k8s.io/v1', kind: 'Lease', metadata: { namespace, name }, spec: heldSpec(elector, {}) };
    await client.create(LEASES, object, { namespace });
    return true;
  }
  const version = found.metadata.resourceVersion ?? '';
  if (elector.seen?.version !== version) elector.seen = { version, at: now() };
  const spec = (found['spec'] ?? {}) as LeaseSpec;
  const isFree = !spec.holderIdentity || now() - elector.seen.at > (spec.leaseDurationSeconds ?? 0) * 1000;
  if (spec.holderIdentity !== identity && !isFree) return false;
  await client.update(LEASES, { ...found, spec: heldSpec(elector, spec) });
  return true;
}

async function readLease({ client, namespace, name }: Elector): Promise<KubeObject | undefined> {
  try {
    return await client.get(LEASES, { namespace, name });
  } catch (error) {
    if (isKubeError(error, 'KUBE_NOT_FOUND')) return undefined;
    throw error;
  }
}

function heldSpec({ identity, times, now }: Elector, before: LeaseSpec): LeaseSpec {
  const time = microTime(now());
  const isSame = before.holderIdentity === identity;
  return {
    holderIdentity: identity,
    leaseDurationSeconds: Math.max(1, Math.ceil(times.durationMs / 1000)),
    acquireTime: isSame ? (before.acquireTime ?? time) : time,
    renewTime: time,
    leaseTransitions: (before.leaseTransitions ?? 0) + (isSame || before.holderIdentity === undefined ? 0 : 1),
  };
}

/** Kubernetes' MicroTime. */
function microTime(ms: number): string {
  return `${new Date(ms).toISOString().slice(0, -1)}000Z`;
}
