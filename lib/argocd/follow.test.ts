// SPDX-License-Identifier: Apache-2.0
import { afterEach, describe, expect, it } from 'vitest';
import { refusedError, transientError } from '../errors/errors.ts';
import { createLogger, silentLogger } from '../log/log.ts';
import type { Application } from './application.ts';
import type { ArgoCd } from './argocd.ts';
import { type Follower, type FollowOptions, follow } from './follow.ts';
import { testApp } from './test-app.ts';

const app = (resourceVersion: string): Application => testApp({ metadata: { resourceVersion } });
const forever = (signal: AbortSignal): Promise<void> => new Promise((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));

/** A stream that says nothing and then does this. */
function endingBy(end: (signal: AbortSignal) => Promise<void>): ArgoCd['stream'] {
  return (signal) => ({ [Symbol.asyncIterator]: () => ({ next: async () => ({ done: true, value: await end(signal) }) }) });
}

let open: Follower | undefined;
afterEach(() => open?.close());

function start(argo: Pick<ArgoCd, 'get' | 'stream'>, options: Partial<FollowOptions> = {}): Follower {
  open = follow({ argo, log: silentLogger, signal: new AbortController().signal, pollMs: 5, quietMs: 1000, ...options });
  return open;
}

const versions = async (follower: Follower, count: number): Promise<(string | undefined)[]> => {
  const found: (string | undefined)[] = [];
  for (let index = 0; index < count; index++) found.push((await follower.next(300))?.metadata.resourceVersion);
  return found;
};

describe('follow', () => {
  it('tells states in their order and no older one', async () => {
    const follower = start({
      get: async () => app('10'),
      async *stream(signal) {
        for (const version of ['9', '10', '10', '2', '100']) yield app(version);
        await forever(signal);
      },
    });
    expect(await versions(follower, 4)).toEqual(['9', '10', '100', undefined]);
  });

  it('drops what waits when something newer was learned otherwise', async () => {
    const follower = start({
      get: async () => app('1'),
      async *stream(signal) {
        for (const version of ['1', '2', '3', '8']) yield app(version);
        await forever(signal);
      },
    });
    expect(await versions(follower, 1)).toEqual(['1']);
    follower.seen(app('5'));
    expect(await versions(follower, 1)).toEqual(['8']);
  });

  it.each<[string, ArgoCd['stream']]>([
    ['is refused', endingBy(() => Promise.reject(refusedError('ARGOCD_FORBIDDEN', 'no')))],
    ['breaks', endingBy(() => Promise.reject(new Error('cut')))],
    ['ends', endingBy(async () => undefined)],
  ])('reads instead where the stream %s, and says it once', async (_how, stream) => {
    let version = 0;
    const lines: string[] = [];
    const log = createLogger({ write: (line) => lines.push(line), format: 'text', now: () => new Date() });
    const follower = start({ get: async () => app(`${++version}`), stream }, { log });
    expect(await versions(follower, 3)).toEqual(['1', '2', '3']);
    expect(lines.filter((line) => line.includes('stream')).length).toBeLessThanOrEqual(1);
  });

  it('reads when the stream is silent for too long, as behind a proxy that holds it back', async () => {
    let version = 0;
    const follower = start({ get: async () => app(`${++version}`), stream: endingBy(forever) }, { quietMs: 20 });
    expect(await versions(follower, 2)).toEqual(['1', '2']);
  });

  it('waits for a server that is away, and ends with one that says no', async () => {
    let reads = 0;
    const follower = start({
      async get() {
        reads += 1;
        if (reads < 3) throw transientError('HTTP_UNREACHABLE', 'away');
        if (reads === 3) return app('1');
        throw refusedError('ARGOCD_UNAUTHORIZED', 'the token ended');
      },
      stream: endingBy(() => Promise.reject(new Error('away'))),
    });
    expect(await versions(follower, 1)).toEqual(['1']);
    await expect(follower.next(500)).rejects.toMatchObject({ code: 'ARGOCD_UNAUTHORIZED' });
  });

  it('tells that the application is gone', async () => {
    const follower = start({
      get: async () => app('1'),
      async *stream() {
        yield 'deleted';
      },
    });
    await expect(follower.next(500)).rejects.toMatchObject({ code: 'ARGOCD_APP_MISSING' });
  });

  it('asks nothing before the first question, and nothing after it is closed', async () => {
    let asked = 0;
    const follower = start({
      async get() {
        asked += 1;
        return app('1');
      },
      stream: endingBy(async () => {
        asked += 1;
      }),
    });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(asked).toBe(0);
    await follower.next(100);
    follower.close();
    await new Promise((resolve) => setTimeout(resolve, 20));
    const after = asked;
    await new Promise((resolve) => setTimeout(resolve, 40));
    expect(asked).toBe(after);
    expect(await follower.next(10)).toBeUndefined();
  });
});
