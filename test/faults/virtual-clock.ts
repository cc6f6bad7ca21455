// SPDX-License-Identifier: Apache-2.0
import { setImmediate as nextTurn } from 'node:timers/promises';

/** Time that passes by waiting alone, nearly: ten minutes of it take no time. In milliseconds since the epoch. */
export type VirtualClock = { now(): number; sleep(ms: number): Promise<void> };

/** A clock that begins now, and goes on a millisecond whenever somebody looks, so that no two events have the same time. Who waits at the same time as others waits the same time. */
export function createClock(): VirtualClock {
  let time = Date.now();
  return {
    now: () => ++time,
    async sleep(ms) {
      const until = time + Math.ceil(ms);
      await nextTurn();
      time = Math.max(time, until);
    },
  };
}
