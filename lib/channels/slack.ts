// SPDX-License-Identifier: Apache-2.0
import * as z from 'zod';
import { refusedError, StepError } from '../errors/errors.ts';
import { backoffMs } from '../http/backoff.ts';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import type { Logger } from '../log/log.ts';
import { sha256Digest } from '../reference/digest.ts';
import { slackError, slackRateLimit } from './slack-errors.ts';
import type { SlackMessage } from './slack-text.ts';

export type SlackOptions = {
  http: Http;
  /** `https://slack.com/api`, or another installation of it. */
  api: string;
  token: string;
  /** What messages call the token. */
  credential: string;
  log: Logger;
  now: () => Date;
  sleep: (ms: number) => Promise<void>;
  random: () => number;
};

export type SlackTarget = {
  /** ID of the channel; names do not do for chat.update. */
  channel: string;
  /** `ts` of the message to reply to. */
  thread?: string | undefined;
  /** `ts` of the message to change, when it is known. */
  ts?: string | undefined;
  /** What the message is about, the same in every run that has to find it again. */
  key: string;
};

export type SlackDelivery = { ts: string; action: 'posted' | 'updated' | 'kept' };
type Found = { ts: string; content: string } | 'none' | 'unknown';
type Call<T> = {
  what: string;
  method: string;
  query?: Record<string, string>;
  body?: object;
  shape: z.ZodType<T>;
  repeatable: boolean;
  /** Errors of Slack that are an answer as well, and give undefined. */
  answers?: readonly string[];
};

const EVENT_TYPE = 'supply_chain_run';
const MAX_PAGES = 5;
const PAGE = '200';
const LOOK_BACK_MS = 7 * 24 * 60 * 60 * 1000;
const POST_RETRY = { attempts: 3, baseMs: 1000, capMs: 5000 };
const GONE = ['message_not_found', 'cant_update_message', 'edit_window_closed'];
const UNREADABLE = ['missing_scope', 'not_in_channel', 'channel_not_found', 'thread_not_found'];

const Envelope = z.object({
  ok: z.boolean(),
  error: z.string().optional(),
  needed: z.string().optional(),
  response_metadata: z.object({ messages: z.array(z.string()).optional() }).optional(),
});
const Posted = z.object({ ts: z.string() });
const History = z.object({
  messages: z.array(z.object({ ts: z.string(), metadata: z.object({ event_type: z.string(), event_payload: z.record(z.string(), z.unknown()) }).optional() })),
  response_metadata: z.object({ next_cursor: z.string().optional() }).optional(),
});

/**
 * Brings a message into a channel once: changes the one that `ts` names or that an earlier run left (found by its metadata, Slack "Message metadata"), keeps it when it says the
 * same, else posts. When nobody knows what became of a post, it looks before it posts again. Without the right to read the channel it cannot look, says so, and posts.
 * Throws refused SLACK_UNAUTHORIZED, SLACK_CHANNEL_REFUSED or SLACK_REFUSED, transient SLACK_UNAVAILABLE or HTTP_*.
 */
export async function deliverToSlack(options: SlackOptions, target: SlackTarget, message: SlackMessage): Promise<SlackDelivery> {
  const content = sha256Digest(JSON.stringify(message)).slice(7, 23);
  const standing = target.ts === undefined ? await find(options, target) : { ts: target.ts, content: '' };
  if (typeof standing !== 'string') {
    if (standing.content === content) return { ts: standing.ts, action: 'kept' };
    const updated = await update(options, target, standing.ts, message, content);
    if (updated) return updated;
  }
  return post(options, target, message, content);
}

/** The message changed; undefined when it is not there any more, or not ours. */
async function update(client: SlackOptions, target: SlackTarget, ts: string, message: SlackMessage, content: string): Promise<SlackDelivery | undefined> {
  const what = `change message ${ts} in Slack channel ${target.channel}`;
  const body = { channel: target.channel, ts, ...message, metadata: metadata(target, content) };
  const updated = await trySlack(client, { what, method: 'chat.update', body, shape: Posted, repeatable: true, answers: GONE });
  if (updated) return { ts, action: 'updated' };
  client.log.info(`message ${ts} cannot be changed any more, a new one is posted`, { channel: target.channel });
  return undefined;
}

async function post(client: SlackOptions, target: SlackTarget, message: SlackMessage, content: string): Promise<SlackDelivery> {
  const { channel, thread } = target;
  const body = { channel, ...(thread && { thread_ts: thread }), ...message, metadata: metadata(target, content), unfurl_links: false, unfurl_media: false };
  for (let attempt = 1; ; attempt += 1) {
    try {
      const { ts } = await callSlack(client, { what: `post to Slack channel ${channel}`, method: 'chat.postMessage', body, shape: Posted, repeatable: false });
      return { ts, action: 'posted' };
    } catch (error) {
      if (!(error instanceof StepError) || !isUnclear(error) || attempt === POST_RETRY.attempts) throw error;
      client.log.warn(`${error.message}; looking whether it arrived`, { attempt });
      await client.sleep(backoffMs(POST_RETRY, attempt, client.random));
      const found = await find(client, target);
      if (found === 'unknown') throw error;
      if (found !== 'none') return { ts: found.ts, action: 'posted' };
    }
  }
}

/** Whether the request may have been carried out although there was no good answer. */
function isUnclear({ kind, code }: StepError): boolean {
  return kind === 'transient' && code !== 'HTTP_THROTTLED' && code !== 'ABORTED';
}

/** The newest message of ours with this key, of the last week and the last thousand messages; `unknown` when we may not read the channel. */
async function find(client: SlackOptions, { channel, thread, key }: SlackTarget): Promise<Found> {
  const oldest = String(Math.floor((client.now().getTime() - LOOK_BACK_MS) / 1000));
  const method = thread === undefined ? 'conversations.history' : 'conversations.replies';
  let cursor = '';
  for (let page = 1; page <= MAX_PAGES; page += 1) {
    const query = { channel, ...(thread && { ts: thread }), include_all_metadata: 'true', limit: PAGE, oldest, ...(cursor && { cursor }) };
    const history = await trySlack(client, { what: `read Slack channel ${channel}`, method, query, shape: History, repeatable: true, answers: UNREADABLE });
    if (history === undefined) {
      client.log.info(
        'the token may not read the channel, so a message of an earlier run cannot be found: give its ts, or the token the scope channels:history',
        {
          channel,
        },
      );
      return 'unknown';
    }
    const own = history.messages.find(({ metadata: given }) => given?.event_type === EVENT_TYPE && given.event_payload['key'] === key);
    if (own) return { ts: own.ts, content: String(own.metadata?.event_payload['content']) };
    cursor = history.response_metadata?.next_cursor ?? '';
    if (cursor === '') return 'none';
  }
  return 'none';
}

function metadata({ key }: SlackTarget, content: string): object {
  return { event_type: EVENT_TYPE, event_payload: { key, content } };
}

async function callSlack<T>(client: SlackOptions, call: Call<T> & { answers?: undefined }): Promise<T> {
  return (await trySlack(client, call)) as T;
}

async function trySlack<T>({ http, api, token, credential }: SlackOptions, call: Call<T>): Promise<T | undefined> {
  const { what, method, query, body, shape, repeatable, answers = [] } = call;
  const response = await http({
    what,
    method: body === undefined ? 'GET' : 'POST',
    url: `${api}/${method}${query === undefined ? '' : `?${new URLSearchParams(query)}`}`,
    headers: { authorization: `Bearer ${token}`, ...(body && { 'content-type': 'application/json; charset=utf-8' }) },
    retryable: repeatable,
    rateLimit: slackRateLimit,
    ...(body && { body: Buffer.from(JSON.stringify(body)) }),
  });
  if (response.status !== 200) throw await refusal(response, what, { code: 'SLACK_REFUSED', credential });
  const json = await response.json().catch(() => undefined);
  const envelope = Envelope.safeParse(json);
  if (!envelope.success) throw refusedError('SLACK_REFUSED', `cannot ${what}: the answer is not one of Slack's Web API`);
  const { ok, error = '', needed, response_metadata } = envelope.data;
  if (!ok && answers.includes(error)) return undefined;
  if (!ok) throw slackError(what, error, needed ? `needs ${needed}` : (response_metadata?.messages?.join('; ') ?? ''), credential);
  const parsed = shape.safeParse(json);
  if (parsed.success) return parsed.data;
  throw refusedError('SLACK_REFUSED', `cannot ${what}: the answer has another shape than Slack documents`);
}
