// SPDX-License-Identifier: Apache-2.0

export type RateLimit = {
  /** Resolves when one more request may be sent. */
  take: () => Promise<void>;
};

export type RateLimitOptions = { perSecond: number; burst: number; now: () => number; sleep: (ms: number) => Promise<void> };

/** A token bucket as Kubernetes clients have it: `burst` requests at once, then `perSecond`, in the order in which they were asked for. */
export function createRateLimit({ perSecond, burst, now, sleep }: RateLimitOptions): RateLimit {
  let tokens = burst;
  let filled = now();
  return {
    async take() {
      const time = now();
      tokens = Math.min(burst, tokens + ((time - filled) / 1000) * perSecond);
      filled = time;
      // Going below zero is the queue: each waiter waits for the one before it.
      tokens -= 1;
      if (tokens < 0) await sleep((-tokens / perSecond) * 1000);
    },
  };
}
