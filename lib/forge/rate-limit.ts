// SPDX-License-Identifier: Apache-2.0
import { retryAfterMs } from '../http/backoff.ts';

/** GitHub, "Rate limits for the REST API": without a header to go by, wait at least a minute. */
const DEFAULT_MS = 60_000;

/**
 * Milliseconds to wait when the answer is a rate limit, else undefined. GitHub says so with 403 or 429 and `retry-after` (secondary limit) or
 * `x-ratelimit-remaining: 0` with `x-ratelimit-reset` (epoch seconds); GitLab with 429 and `ratelimit-reset`. `now` in ms since the epoch.
 */
export function rateLimitWaitMs(status: number, headers: Readonly<Record<string, unknown>>, now: number): number | undefined {
  if (status !== 403 && status !== 429) return undefined;
  const text = (name: string): string | undefined => (typeof headers[name] === 'string' ? headers[name] : undefined);
  const asked = retryAfterMs(text('retry-after'), now);
  if (asked !== undefined) return asked;
  const spent = text('x-ratelimit-remaining') === '0' || text('ratelimit-remaining') === '0';
  const reset = text('x-ratelimit-reset') ?? text('ratelimit-reset');
  if (spent && reset !== undefined && /^\d{1,11}$/.test(reset)) return Math.max(0, Number(reset) * 1000 - now);
  return status === 429 || spent ? DEFAULT_MS : undefined;
}
