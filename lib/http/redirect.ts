// SPDX-License-Identifier: Apache-2.0
import type { IncomingMessage } from 'node:http';
import { refusedError } from '../errors/errors.ts';
import { redactUrl } from '../log/redact.ts';

const REDIRECT_STATUS = new Set([301, 302, 303, 307, 308]);

/**
 * Where a GET or HEAD is sent on to (RFC 9110 section 15.4), or undefined when the answer is no redirect, or the method
 * may not be sent on. User info in the target is dropped. Throws refused HTTP_REDIRECT for a target that is no http(s)
 * URL and for one that leaves TLS.
 */
export function redirectTarget(response: IncomingMessage, method: string, from: URL, what: string): URL | undefined {
  const location = response.headers.location;
  if (!REDIRECT_STATUS.has(response.statusCode ?? 0) || location === undefined) return undefined;
  if (method !== 'GET' && method !== 'HEAD') return undefined;
  const target = URL.parse(location, from.href);
  if (target === null || (target.protocol !== 'https:' && target.protocol !== 'http:')) {
    throw refusedError('HTTP_REDIRECT', `cannot ${what}: ${redactUrl(from.href)} redirects to something that is no http or https URL`);
  }
  target.username = '';
  target.password = '';
  if (from.protocol === 'https:' && target.protocol === 'http:') {
    throw refusedError('HTTP_REDIRECT', `cannot ${what}: ${redactUrl(from.href)} redirects from TLS to plain HTTP at ${target.host}`);
  }
  return target;
}
