// SPDX-License-Identifier: Apache-2.0
import { asStepError } from '../../lib/errors/errors.ts';
import { createCache } from '../../lib/kube/cache.ts';
import type { KubeClient } from '../../lib/kube/client.ts';
import { type KubeObject, keyOf } from '../../lib/kube/resource.ts';
import { watchObjects } from '../../lib/kube/watch.ts';
import type { Logger } from '../../lib/log/log.ts';
import { announce, type Change } from './announce.ts';
import { REQUESTER_ANNOTATION } from './api.ts';
import { CUSTOM_RUNS, CustomRun, isDone, isOurs } from './custom-run.ts';
import { readState } from './gate-state.ts';
import type { GateMetrics } from './metrics.ts';
import { CUSTOM_RUN_RESOURCE, reconcile, VOTE_RESOURCE } from './reconcile.ts';
import { createVoteIndex, parseVote } from './vote-index.ts';
import { assertVotesProtected } from './vote-protection.ts';
import { createWorkQueue } from './work-queue.ts';

export type ControllerOptions = {
  client: KubeClient;
  /** One namespace, or undefined for all. */
  namespace: string | undefined;
  concurrency: number;
  resyncMs: number;
  /** Who writes, for events: the pod's name. */
  instance: string;
  metrics: GateMetrics;
  log: Logger;
  now: () => number;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
  onSynced?: () => void;
  silenceMs?: number;
};

/**
 * The control loop: follows CustomRuns and votes, and looks at a gate whenever one of them changes, its time comes, or at the resync. It keeps nothing
 * that is not in the API server, so a restart loses nothing. Runs until `signal` aborts; resolves when all work has ended.
 */
export async function runController(options: ControllerOptions, signal: AbortSignal): Promise<void> {
  const loop = createLoop(options, signal);
  const resync = setInterval(loop.resync, options.resyncMs);
  try {
    await Promise.all([watchRuns(options, loop, signal), watchVotes(options, loop, signal)]);
  } finally {
    clearInterval(resync);
    await loop.queue.stop();
  }
}

type Loop = ReturnType<typeof createLoop>;

function createLoop(options: ControllerOptions, signal: AbortSignal) {
  const { client, metrics, log, now, random } = options;
  const runs = createCache<CustomRun>();
  const votes = createVoteIndex();
  const waitingFor = new Set(['runs', 'votes']);
  const deps = { client, votesOn: votes.votesOn, assertVotesProtected: () => assertVotesProtected(client), now, onWritten };

  async function handle(key: string): Promise<{ requeueAt?: number }> {
    const run = runs.get(key);
    if (!run || waitingFor.size > 0 || signal.aborted) return {};
    const started = performance.now();
    try {
      return await reconcile(run, deps);
    } finally {
      metrics.observe('reconcile_seconds', (performance.now() - started) / 1000);
    }
  }

  async function onWritten(change: Change): Promise<void> {
    const { after, transition } = change;
    log.info(`gate ${keyOf(after)}: ${transition}`, { condition: after.status?.conditions?.[0]?.message });
    if (isDone(after)) metrics.count('decisions_total', transition);
    keep(after);
    for (const error of await announce(change, { client, now, instance: options.instance }))
      log.warn('an event could not be written', { cause: asStepError(error).message });
  }

  function keep(run: CustomRun): void {
    if (isDone(run)) runs.remove(keyOf(run));
    else runs.set(trimmed(run));
  }

  const queue = createWorkQueue({
    handle,
    concurrency: options.concurrency,
    now,
    random,
    onError: (key, thrown, waitMs) => {
      if (signal.aborted) return;
      const error = asStepError(thrown);
      metrics.count('reconcile_errors_total', error.code);
      log.warn(`gate ${key} cannot be brought up to date and is tried again`, {
        code: error.code,
        cause: error.message,
        hint: error.hint,
        wait_ms: Math.round(waitMs),
      });
    },
  });

  function resync(): void {
    for (const run of runs.values()) queue.add(keyOf(run));
  }

  function synced(what: 'runs' | 'votes'): void {
    if (!waitingFor.delete(what) || waitingFor.size > 0) return;
    log.info('all gates are known', { open: runs.size() });
    options.onSynced?.();
    resync();
  }

  metrics.setGauges(() => {
    const open = [...runs.values()].filter((run) => readState(run.status));
    const oldest = Math.min(now(), ...open.map((run) => Date.parse(run.status?.startTime ?? '')).filter(Number.isFinite));
    return { open_gates: open.length, oldest_open_gate_seconds: Math.round((now() - oldest) / 1000), queue_depth: queue.depth(), leader: 1 };
  });
  return { runs, votes, queue, resync, synced, keep };
}

function watchRuns(options: ControllerOptions, { runs, queue, synced }: Loop, signal: AbortSignal): Promise<void> {
  return watchObjects({
    ...watchBasics(options, CUSTOM_RUNS, signal),
    resource: CUSTOM_RUN_RESOURCE,
    select: (object) => openRun(object, options.log),
    onList(objects) {
      const { changed, gone } = runs.replace(objects as CustomRun[]);
      for (const run of gone) queue.forget(keyOf(run));
      for (const run of changed) queue.add(keyOf(run));
      synced('runs');
    },
    onEvent(type, object) {
      const run = type === 'changed' ? openRun(object, options.log) : undefined;
      if (!run) {
        if (runs.remove(keyOf(object))) queue.forget(keyOf(object));
      } else if (runs.set(run)) queue.add(keyOf(run));
    },
  });
}

function watchVotes(options: ControllerOptions, { votes, queue, synced }: Loop, signal: AbortSignal): Promise<void> {
  return watchObjects({
    ...watchBasics(options, 'approvalvotes', signal),
    resource: VOTE_RESOURCE,
    onList(objects) {
      for (const key of votes.replace(objects.map(parseVote).filter((vote) => vote !== undefined))) queue.add(key);
      synced('votes');
    },
    onEvent(type, object) {
      const vote = parseVote(object);
      if (vote) queue.add(type === 'deleted' ? votes.remove(vote) : votes.set(vote));
    },
  });
}

function watchBasics(options: ControllerOptions, name: string, signal: AbortSignal) {
  const { client, namespace, log, sleep, random, metrics, silenceMs } = options;
  const onRestart = (kind: 'watch' | 'relist'): void => metrics.count(kind === 'watch' ? 'watch_restarts_total' : 'relists_total', name);
  return { client, namespace, log, sleep, random, signal, onRestart, ...(silenceMs !== undefined && { silenceMs }) };
}

/** The run as it is kept, or undefined when it is none of ours or done. */
function openRun(object: KubeObject, log: Logger): CustomRun | undefined {
  const parsed = CustomRun.safeParse(object);
  if (!parsed.success) {
    log.warn(`CustomRun ${keyOf(object)} has a shape that cannot be read and is left alone`, { cause: parsed.error.issues[0]?.message });
    return undefined;
  }
  const run = parsed.data;
  if (!isOurs(run) || isDone(run)) return undefined;
  return trimmed(run);
}

/** With ten thousand gates open, labels, owners and managed fields would be most of what is in memory. */
function trimmed({ metadata, spec, status }: CustomRun): CustomRun {
  const { name, namespace, uid, resourceVersion, generation, annotations } = metadata;
  const requester = annotations?.[REQUESTER_ANNOTATION];
  const kept = { name, namespace, uid, resourceVersion, generation, ...(requester !== undefined && { annotations: { [REQUESTER_ANNOTATION]: requester } }) };
  return { metadata: kept, spec, ...(status && { status }) };
}
