// SPDX-License-Identifier: Apache-2.0

/** `attempts` counts the first try too; waits are in milliseconds. */
export type RetryPolicy = { attempts: number; baseMs: number; capMs: number };

export const DEFAULT_RETRY: RetryPolicy = { attempts: 6, baseMs: 400, capMs: 20_000 };

/**
 * Milliseconds to wait after failed attempt number `attempt` (1 = the first): "full jitter", a uniform draw between 0
 * and the exponential step, so that many TaskRuns that failed together do not come back together.
 */
export function backoffMs(policy: RetryPolicy, attempt: number, random: () => number): number {
  const step = Math.min(policy.capMs, policy.baseMs * 2 ** (attempt - 1));
  return Math.floor(random() * step);
}

/**
 * Milliseconds asked for by a Retry-After header, or undefined when it is absent or malformed.
 * Both forms of RFC 9110 section 10.2.3: seconds, and an HTTP date relative to `now` (ms epoch).
 */
export function retryAfterMs(value: string | undefined, now: number): number | undefined {
  const text = value?.trim();
  if (text === undefined) return undefined;
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000;
  if (!/^[A-Za-z]{3,9}, .{1,40} GMT$/.test(text)) return undefined;
  const at = Date.parse(text);
  return Number.isNaN(at) ? undefined : Math.max(0, at - now);
}
