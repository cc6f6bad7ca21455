// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { asStepError, refusedError, type StepError } from '../errors/errors.ts';
import type { Logger } from '../log/log.ts';
import type { Application } from './application.ts';
import type { ArgoCd } from './argocd.ts';

/** Tells the states of an application as they come. */
export type Follower = {
  /** The next state, or undefined when none came within `ms`. Throws refused ARGOCD_APP_MISSING when the application is deleted, and what a read throws for good (401, 403, 404). */
  next(ms: number): Promise<Application | undefined>;
  /** A state that was learned otherwise, so that an older one is not told any more. */
  seen(app: Application): void;
  close(): void;
};

export type FollowOptions = {
  argo: Pick<ArgoCd, 'get' | 'stream'>;
  log: Logger;
  signal: AbortSignal;
  /** Between two reads while there is no stream. */
  pollMs?: number;
  /** Longest trust in a stream that says nothing: proxies hold streams back. */
  quietMs?: number;
};

const POLL_MS = 3000;
const QUIET_MS = 15_000;
/** Argo CD sends the state first and listens for changes then: what changes in between is told to nobody. */
const GAP_MS = 1000;

type Follow = Required<Omit<FollowOptions, 'signal'>> & {
  stop: AbortController;
  queue: Application[];
  newest: string;
  heardAt: number;
  failure: StepError | undefined;
  wake: () => void;
};

/**
 * Follows an application by the stream and, whenever that breaks, ends or is silent, by reading. A stream is opened again after every break; an
 * unreachable server is waited for, as long as the caller goes on asking. Nothing is asked before the first `next`. States older than one already told are left out.
 */
export function follow({ argo, log, signal, pollMs = POLL_MS, quietMs = QUIET_MS }: FollowOptions): Follower {
  const stop = new AbortController();
  const state: Follow = { argo, log, pollMs, quietMs, stop, queue: [], newest: '', heardAt: Date.now(), failure: undefined, wake: () => undefined };
  const abort = (): void => stop.abort();
  signal.addEventListener('abort', abort, { once: true });
  let isPumping = false;
  return {
    next(ms) {
      if (!isPumping) void pump(state);
      isPumping = true;
      return next(state, ms);
    },
    seen(app) {
      const { resourceVersion } = app.metadata;
      state.queue = state.queue.filter((waiting) => isNewer(waiting.metadata.resourceVersion, resourceVersion));
      if (isNewer(resourceVersion, state.newest)) state.newest = resourceVersion;
    },
    close: () => {
      signal.removeEventListener('abort', abort);
      stop.abort();
      state.wake();
    },
  };
}

async function pump(state: Follow): Promise<void> {
  const { signal } = state.stop;
  let told = false;
  while (!signal.aborted) {
    try {
      let isFirst = true;
      for await (const event of state.argo.stream(signal)) {
        if (event === 'deleted') return fail(state, deletedError());
        offer(state, event);
        if (isFirst)
          void delay(GAP_MS, undefined, { signal }).then(
            () => readOnce(state),
            () => undefined,
          );
        isFirst = false;
      }
    } catch (error) {
      if (signal.aborted) return;
      const { code, message } = asStepError(error);
      if (!told) state.log.warn('the stream of Argo CD broke; reading instead until it is there again', { code, cause: message.slice(0, 200) });
      told = true;
    }
    await readOnce(state);
    await delay(state.pollMs, undefined, { signal }).catch(() => undefined);
  }
}

async function readOnce(state: Follow): Promise<void> {
  if (state.stop.signal.aborted) return;
  state.heardAt = Date.now();
  try {
    offer(state, await state.argo.get());
  } catch (error) {
    const failure = asStepError(error);
    if (failure.kind !== 'transient') fail(state, failure);
    else if (!state.stop.signal.aborted) state.log.warn('Argo CD does not answer; asking again', { code: failure.code });
  }
}

async function next(state: Follow, ms: number): Promise<Application | undefined> {
  const end = Date.now() + ms;
  for (;;) {
    if (state.failure) throw state.failure;
    const app = state.queue.shift();
    if (app) return app;
    const now = Date.now();
    if (now >= end || state.stop.signal.aborted) return undefined;
    const quietUntil = state.heardAt + state.quietMs;
    if (now >= quietUntil) await readOnce(state);
    else await sleepUntilWoken(state, Math.min(end, quietUntil) - now);
  }
}

function sleepUntilWoken(state: Follow, ms: number): Promise<void> {
  return new Promise((resolve) => {
    const wake = (): void => {
      clearTimeout(timer);
      state.wake = () => undefined;
      resolve();
    };
    const timer = setTimeout(wake, ms);
    state.wake = wake;
  });
}

function offer(state: Follow, app: Application): void {
  const { resourceVersion } = app.metadata;
  state.heardAt = Date.now();
  if (!isNewer(resourceVersion, state.newest)) return;
  state.newest = resourceVersion;
  state.queue.push(app);
  state.wake();
}

function fail(state: Follow, failure: StepError): void {
  state.failure ??= failure;
  state.stop.abort();
  state.wake();
}

/** Versions are whole numbers that grow (Kubernetes KEP-5504); where one is none, only the order of arrival is known. */
function isNewer(version: string, than: string): boolean {
  if (!/^\d+$/.test(version) || !/^\d+$/.test(than)) return version !== than || version === '';
  return version.length === than.length ? version > than : version.length > than.length;
}

function deletedError(): StepError {
  return refusedError('ARGOCD_APP_MISSING', 'the application was deleted while the step waited for it', {
    hint: 'create the application again, then run the step again',
  });
}
