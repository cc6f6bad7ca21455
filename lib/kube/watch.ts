// SPDX-License-Identifier: Apache-2.0
import { asStepError, refusedError, type StepError } from '../errors/errors.ts';
import { backoffMs } from '../http/backoff.ts';
import type { Logger } from '../log/log.ts';
import { apiError, isKubeError } from './api-error.ts';
import type { KubeClient } from './client.ts';
import { splitLines } from './json-lines.ts';
import { describePlace, type KubeObject, type Resource } from './resource.ts';

export type WatchOptions = {
  client: KubeClient;
  resource: Resource;
  /** One namespace, or undefined for all. */
  namespace?: string | undefined;
  select?: (object: KubeObject) => KubeObject | undefined;
  /** The whole state, after every list. */
  onList: (objects: KubeObject[]) => void;
  /** One change, as it came, before `select`. */
  onEvent: (type: 'changed' | 'deleted', object: KubeObject) => void;
  /** What to count: every new start of the stream, and every list after the first. */
  onRestart?: (kind: 'watch' | 'relist') => void;
  log: Logger;
  signal: AbortSignal;
  sleep: (ms: number, signal: AbortSignal) => Promise<void>;
  random: () => number;
  /** Longest silence on the wire before the connection counts as dead. The API server sends a bookmark about once a minute, so 90 s. */
  silenceMs?: number;
};

const SILENCE_MS = 90_000;
const MIN_WATCH_SECONDS = 300;
const BACKOFF = { attempts: 0, baseMs: 800, capMs: 30_000 };
/** Larger than any object that etcd takes. */
const MAX_EVENT_BYTES = 8 * 1024 * 1024;

type Position = { resourceVersion: string };
/** The stream cannot go on from where it was: what happened since then has to be listed. */
class StaleError extends Error {}

/**
 * Keeps a listener up to date with a collection until `signal` aborts: paged list, then a watch with bookmarks from the version of the list. A
 * stream that ends, breaks, falls silent or holds what is no JSON is taken up from the last version seen; after 410 or any other error event everything
 * is listed again (Kubernetes API concepts, "Efficient detection of changes"). Waits 0.8 to 30 s with full jitter after failures, never ends by itself.
 */
export async function watchObjects(options: WatchOptions): Promise<void> {
  const { signal, onRestart } = options;
  const what = describePlace(options.resource, { namespace: options.namespace });
  let position: Position | undefined;
  let listed = false;
  let failures = 0;
  while (!signal.aborted) {
    try {
      if (!position) {
        if (listed) onRestart?.('relist');
        position = await listOnce(options);
        listed = true;
      }
      const progressed = await follow(options, position);
      failures = progressed ? 0 : failures + 1;
    } catch (thrown) {
      if (signal.aborted) return;
      const isStale = thrown instanceof StaleError || isKubeError(thrown, 'KUBE_GONE');
      if (isStale) position = undefined;
      failures += 1;
      report(options.log, what, thrown, isStale);
    }
    if (signal.aborted) return;
    onRestart?.('watch');
    // A stream that worked and was ended by the server's time limit is opened again at once.
    if (failures > 0) await options.sleep(backoffMs(BACKOFF, Math.min(failures, 10), options.random), signal).catch(() => undefined);
  }
}

async function listOnce({ client, resource, namespace, select, onList }: WatchOptions): Promise<Position> {
  const { items, resourceVersion } = await client.list(resource, { namespace, ...(select && { select }) });
  onList(items);
  return { resourceVersion };
}

/** Reads one stream to its end; whether anything came. `position` moves with what came, so that it is right also after a throw. */
async function follow(options: WatchOptions, position: Position): Promise<boolean> {
  const { client, resource, namespace, random, onEvent } = options;
  const timeoutSeconds = Math.round(MIN_WATCH_SECONDS * (1 + random()));
  const response = await client.watch(resource, {
    namespace,
    resourceVersion: position.resourceVersion,
    timeoutSeconds,
    silenceMs: options.silenceMs ?? SILENCE_MS,
  });
  let progressed = false;
  for await (const line of splitLines(response.stream(), MAX_EVENT_BYTES)) {
    const { type, object } = parseEvent(line);
    if (type === 'ERROR') throw errorEvent(object);
    position.resourceVersion = object.metadata.resourceVersion ?? position.resourceVersion;
    progressed = true;
    if (type !== 'BOOKMARK') onEvent(type === 'DELETED' ? 'deleted' : 'changed', object);
  }
  return progressed;
}

type WatchEvent = { type: string; object: KubeObject };

function parseEvent(line: string): WatchEvent {
  try {
    const event = JSON.parse(line) as WatchEvent | null;
    if (typeof event?.type === 'string' && typeof event.object === 'object' && event.object !== null && (event.object.metadata || event.type === 'ERROR'))
      return event;
  } catch (cause) {
    throw refusedError('KUBE_ANSWER_INVALID', `a watch event of ${line.length} characters is no JSON`, { cause });
  }
  throw refusedError('KUBE_ANSWER_INVALID', 'a watch event has no type or object');
}

function errorEvent(status: KubeObject): Error {
  const code = typeof status['code'] === 'number' ? status['code'] : 0;
  return new StaleError('the watch cannot go on', { cause: apiError('go on with the watch', code, status) });
}

function report(log: Logger, what: string, thrown: unknown, isStale: boolean): void {
  const cause: StepError = asStepError(thrown instanceof StaleError ? thrown.cause : thrown);
  if (isStale) log.info(`${what}: listing again, the watch cannot go on from where it was`, { cause: cause.message });
  else log.warn(`${what}: the watch broke and is taken up again`, { code: cause.code, cause: cause.message });
}
