// SPDX-License-Identifier: Apache-2.0
import { transientError } from '../../lib/errors/errors.ts';

/** Work of which only so much runs at a time. */
export type Slots = { run<T>(work: () => Promise<T>): Promise<T>; running(): number; waiting(): number };

/** At most `limit` at a time, in the order of arrival. Throws transient OVERLOADED when more than `maxWaiting` wait already. */
export function createSlots({ limit, maxWaiting }: { limit: number; maxWaiting: number }): Slots {
  const queue: (() => void)[] = [];
  let running = 0;
  return {
    async run(work) {
      if (running >= limit) {
        if (queue.length >= maxWaiting)
          throw transientError('OVERLOADED', `${maxWaiting} images wait to be judged already`, { hint: 'try again; add replicas' });
        await new Promise<void>((resolve) => queue.push(resolve));
      } else {
        running += 1;
      }
      try {
        return await work();
      } finally {
        // The next one takes over the place, so that nobody who comes meanwhile can slip in before it.
        const next = queue.shift();
        if (next) next();
        else running -= 1;
      }
    },
    running: () => running,
    waiting: () => queue.length,
  };
}
