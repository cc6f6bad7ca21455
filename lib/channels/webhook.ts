// SPDX-License-Identifier: Apache-2.0
import { createHmac } from 'node:crypto';
import type { Http } from '../http/http.ts';
import { refusal } from '../http/refusal.ts';

/** CloudEvents 1.0, structured mode. `id` is the same for the same event, so that a receiver can tell a repetition. */
export type CloudEvent = {
  specversion: '1.0';
  id: string;
  source: string;
  type: string;
  subject?: string;
  time: string;
  datacontenttype: 'application/json';
  data: object;
};

/** `sha256=` and the HMAC-SHA256 of the body in hex, as the header `X-Signature` carries it. */
export function signatureOf(body: Buffer, secret: string): string {
  return `sha256=${createHmac('sha256', secret).update(body).digest('hex')}`;
}

/** Sends an event, signed. `url` and `secret` are secrets. Sent again when no answer came. Throws refused WEBHOOK_REFUSED, transient HTTP_*. */
export async function sendEvent(http: Http, url: string, secret: string, event: CloudEvent): Promise<void> {
  const what = 'send the event to the webhook';
  const body = Buffer.from(JSON.stringify(event));
  const headers = { 'content-type': 'application/cloudevents+json; charset=utf-8', 'x-signature': signatureOf(body, secret) };
  const response = await http({ what, method: 'POST', url, headers, body, retryable: true });
  if (response.status < 200 || response.status > 299) throw await refusal(response, what, { code: 'WEBHOOK_REFUSED', credential: 'file webhook-secret' });
}
