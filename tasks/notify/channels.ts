// SPDX-License-Identifier: Apache-2.0
import { setTimeout as delay } from 'node:timers/promises';
import { deliverToSlack, type SlackDelivery } from '../../lib/channels/slack.ts';
import { postToSlackWebhook } from '../../lib/channels/slack-webhook.ts';
import { sendEvent } from '../../lib/channels/webhook.ts';
import { inputError } from '../../lib/errors/errors.ts';
import { createForge, type Forge } from '../../lib/forge/forge.ts';
import { forgeOf } from '../../lib/forge/forge-place.ts';
import type { StepDeps } from '../../lib/step/step.ts';
import { type Credentials, checkTransport, credential, credentialUrl } from './credentials.ts';
import type { Notice } from './notice.ts';
import type { ChannelName } from './params.ts';
import { renderComment } from './render-comment.ts';
import { renderEvent, renderLines, renderStatus } from './render-short.ts';
import { renderSlack } from './render-slack.ts';
import type { ToldParams } from './told-params.ts';

/** What a channel did: `how` for the log, and what it gives to the results. */
export type Sent = { how: string; slackTs?: string };
/** Ready to send; or why there is nothing to send. */
export type Ready = { send: () => Promise<Sent> } | { skip: string };

type Context = { params: ToldParams; problems: ReadonlyMap<string, string>; credentials: Credentials; notice: Notice; deps: StepDeps };

/**
 * What the channel will do, with everything that it needs at hand; nothing is sent yet.
 * Throws input CHANNEL_INCOMPLETE, CREDENTIAL_INVALID, CHANNEL_URL_INSECURE, FORGE_UNKNOWN, FORGE_REPOSITORY_INVALID or FORGE_URL_INVALID.
 */
export function prepare(channel: ChannelName, context: Context): Ready {
  for (const param of NEEDS[channel] ?? []) {
    const problem = context.problems.get(param);
    if (problem !== undefined) throw inputError('CHANNEL_INCOMPLETE', `channel ${channel} needs the param ${param}, which ${problem}`);
  }
  return PREPARE[channel](context);
}

const NEEDS: Readonly<Partial<Record<ChannelName, readonly string[]>>> = { status: ['repository', 'revision'], comment: ['repository', 'pull-request'] };

const PREPARE: Readonly<Record<ChannelName, (context: Context) => Ready>> = {
  slack: prepareSlack,
  'slack-webhook': prepareSlackWebhook,
  status: prepareStatus,
  comment: prepareComment,
  webhook: prepareWebhook,
  log: prepareLog,
};

function prepareSlack({ params, credentials, notice, deps }: Context): Ready {
  if (params.slack === undefined) throw incomplete('slack', 'slack');
  const { channel, api, thread, update } = params.slack;
  checkTransport(api, 'slack', params['insecure-registries']);
  const token = credential(credentials, 'slack-token', 'slack');
  const options = {
    ...{ http: deps.http, api, token, log: deps.log, now: deps.now, random: Math.random },
    credential: 'file slack-token',
    sleep: (ms: number) => delay(ms, undefined, { signal: deps.signal }),
  };
  const target = { channel, thread, ts: update, key: `${notice.namespace}/${notice.run}` };
  return {
    async send() {
      const { action, ts }: SlackDelivery = await deliverToSlack(options, target, renderSlack(notice));
      return { how: `${action} message ${ts}`, slackTs: ts };
    },
  };
}

function prepareSlackWebhook({ params, credentials, notice, deps }: Context): Ready {
  const url = credentialUrl(credentials, 'slack-webhook-url', 'slack-webhook', params['insecure-registries']);
  return {
    async send() {
      await postToSlackWebhook(deps.http, url, renderSlack(notice));
      return { how: 'posted; such a webhook cannot change a message, so another run posts anew' };
    },
  };
}

function prepareStatus(context: Context): Ready {
  const { revision } = context.params;
  if (revision === undefined) return { skip: 'there is no revision' };
  const forge = openForge(context, 'status');
  return { send: async () => ({ how: `${await forge.setStatus(revision, renderStatus(context.notice))} at ${revision.slice(0, 12)}` }) };
}

function prepareComment(context: Context): Ready {
  const number = context.params['pull-request'];
  if (number === undefined) return { skip: 'there is no pull-request' };
  const forge = openForge(context, 'comment');
  const { namespace, pipeline } = context.notice;
  return {
    async send() {
      const { action, url } = await forge.upsertComment(number, `<!-- supply-chain-notify ${namespace}/${pipeline} -->`, renderComment(context.notice));
      return { how: `${action} ${url}` };
    },
  };
}

function prepareWebhook({ params, credentials, notice, deps }: Context): Ready {
  const url = credentialUrl(credentials, 'webhook-url', 'webhook', params['insecure-registries']);
  const secret = credential(credentials, 'webhook-secret', 'webhook');
  return {
    async send() {
      const event = renderEvent(notice, deps.now());
      await sendEvent(deps.http, url, secret, event);
      return { how: `sent event ${event.id}` };
    },
  };
}

function prepareLog({ notice, deps }: Context): Ready {
  return {
    async send() {
      for (const line of renderLines(notice)) deps.log.info(line);
      return { how: 'written' };
    },
  };
}

function openForge({ params, credentials, deps }: Context, channel: ChannelName): Forge {
  if (params.repository === undefined) throw incomplete(channel, 'repository');
  const { kind, url, repo } = forgeOf(params.repository, params.forge);
  checkTransport(url, channel, params['insecure-registries']);
  return createForge({ kind, url, repo, token: credential(credentials, 'forge-token', channel), credential: 'file forge-token', http: deps.http });
}

function incomplete(channel: ChannelName, param: string): Error {
  return inputError('CHANNEL_INCOMPLETE', `channel ${channel} needs the param ${param}, and it is empty`);
}
