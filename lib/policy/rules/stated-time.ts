// SPDX-License-Identifier: Apache-2.0
import type { Statement } from './accepted.ts';

/** Clocks of scanners, logs and this verifier may differ by so much. */
export const SKEW_MS = 5 * 60 * 1000;
export const DAY_MS = 24 * 60 * 60 * 1000;

const RFC_3339 = /^\d{4}-\d{2}-\d{2}(?:[Tt]\d{2}:\d{2}:\d{2}(?:\.\d{1,12})?(?:[Zz]|[+-]\d{2}:\d{2}))?$/;

/** The moment in milliseconds that an RFC 3339 time or date (its first moment in UTC) names, undefined for anything else. */
export function moment(text: string | undefined): number | undefined {
  if (text === undefined || !RFC_3339.test(text)) return undefined;
  const time = Date.parse(text);
  return Number.isNaN(time) ? undefined : time;
}

/** The same of a time alone. Of two things said on one day a date would not tell which is the last word. */
export function instant(text: string | undefined): number | undefined {
  return text !== undefined && text.length > 'YYYY-MM-DD'.length ? moment(text) : undefined;
}

/**
 * Why a thing is too old, or why nobody knows its age; undefined when it is young enough. Its age counts from the time that it states itself. A statement also needs a verified time, which the
 * stated one must not be after: a signer whose clock runs ahead would make old things young. The verified time alone makes nothing young, since anybody can have an old signature logged anew.
 * `statement` is undefined for a file, whose time is its own word alone.
 */
export function whyTooOld(stated: string | undefined, maxDays: number, now: Date, statement: Statement | undefined): string | undefined {
  const at = moment(stated);
  if (stated === undefined || stated === '') return 'states no time, so its age is not known';
  if (at === undefined) return 'states a time that is none (RFC 3339), so its age is not known';
  if (at > now.getTime() + SKEW_MS) return `states a time to come (${new Date(at).toISOString()})`;
  if (statement !== undefined) {
    const verified = statement.map(({ verification }) => verification.time?.at.getTime());
    const latest = Math.max(...verified.map((time) => time ?? Number.NEGATIVE_INFINITY));
    if (latest === Number.NEGATIVE_INFINITY) return 'has no verified time, so its age is its own word alone';
    if (at > latest + SKEW_MS) return `states a time (${new Date(at).toISOString()}) after it was signed (${new Date(latest).toISOString()})`;
  }
  const days = (now.getTime() - at) / DAY_MS;
  return days > maxDays ? `is ${Math.floor(days)} days old, and may be ${maxDays}` : undefined;
}
