// SPDX-License-Identifier: Apache-2.0
import { refusedError, type StepError, transientError } from '../errors/errors.ts';
import { retryAfterMs } from '../http/backoff.ts';

/** Errors of the Web API (Slack, "chat.postMessage", Errors) that are about the token; a repetition changes nothing. */
const TOKEN = [
  'not_authed',
  'invalid_auth',
  'account_inactive',
  'token_revoked',
  'token_expired',
  'missing_scope',
  'no_permission',
  'access_denied',
  'ekm_access_denied',
  'not_allowed_token_type',
  'team_access_not_granted',
];
/** About the channel. */
const CHANNEL = ['channel_not_found', 'not_in_channel', 'is_archived', 'restricted_action', 'restricted_action_thread_locked', 'cannot_reply_to_message'];
/** Slack's own troubles; what became of the request is not known. */
const TROUBLE = ['internal_error', 'fatal_error', 'service_unavailable', 'request_timeout', 'team_added_to_org'];

const MAX_DETAIL = 200;
const DEFAULT_WAIT_MS = 30_000;

/** `ok: false` as an error: transient SLACK_UNAVAILABLE, refused SLACK_UNAUTHORIZED, SLACK_CHANNEL_REFUSED or SLACK_REFUSED. `detail` is what Slack adds. */
export function slackError(what: string, code: string, detail: string, credential: string): StepError {
  const said = `${oneWord(code)}${detail === '' ? '' : ` (${detail.replace(/[^\x20-\x7e]+/g, ' ').slice(0, MAX_DETAIL)})`}`;
  const message = `cannot ${what}: Slack answered ${said}`;
  if (TROUBLE.includes(code) || code === 'ratelimited' || code === 'rate_limited') return transientError('SLACK_UNAVAILABLE', message);
  if (TOKEN.includes(code)) return refusedError('SLACK_UNAUTHORIZED', `${message} (credential: ${credential})`);
  return refusedError(CHANNEL.includes(code) ? 'SLACK_CHANNEL_REFUSED' : 'SLACK_REFUSED', message);
}

/** Slack's rate limit: 429 with Retry-After in seconds. Nothing was done then, so the same request may follow. */
export function slackRateLimit(status: number, headers: Readonly<Record<string, unknown>>, now: number): number | undefined {
  if (status !== 429) return undefined;
  const asked = headers['retry-after'];
  return retryAfterMs(typeof asked === 'string' ? asked : undefined, now) ?? DEFAULT_WAIT_MS;
}

function oneWord(code: string): string {
  return code.replace(/[^\x21-\x7e]+/g, '_').slice(0, 100) || 'no error code';
}
