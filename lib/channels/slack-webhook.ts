// SPDX-License-Identifier: Apache-2.0
import { refusedError } from '../errors/errors.ts';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';
import { slackRateLimit } from './slack-errors.ts';
import type { SlackMessage } from './slack-text.ts';

/**
 * Posts to an incoming webhook (Slack, "Sending messages using incoming webhooks"). Such a URL cannot change a message nor tell whether one arrived: each call posts anew, and a
 * post whose answer got lost is sent again. `url` is a secret. Throws refused SLACK_REFUSED with Slack's word for it, transient HTTP_*.
 */
export async function postToSlackWebhook(http: Http, url: string, message: SlackMessage): Promise<void> {
  const what = 'post to the incoming webhook of Slack';
  const response = await http({
    what,
    method: 'POST',
    url,
    headers: { 'content-type': 'application/json; charset=utf-8' },
    body: Buffer.from(JSON.stringify(message)),
    retryable: true,
    rateLimit: slackRateLimit,
  });
  const credential = 'file slack-webhook-url';
  if (response.status !== 200) throw await refusal(response, what, { code: 'SLACK_REFUSED', credential });
  const said = (await response.body()).toString('utf8').trim();
  if (said !== 'ok') throw refusedError('SLACK_REFUSED', `cannot ${what}: the answer is not the "ok" of Slack (credential: ${credential})`);
}
