// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import { closeAll, failureOf, serve, testClient } from '../http/test-server.ts';
import { type CloudEvent, sendEvent, signatureOf } from './webhook.ts';

afterEach(closeAll);

const EVENT: CloudEvent = {
  specversion: '1.0',
  id: '1',
  source: '/s',
  type: 't',
  time: '2026-01-01T00:00:00Z',
  datacontenttype: 'application/json',
  data: { a: 'ü' },
};

test('the signature is the one that openssl makes', () => {
  // printf 'The quick brown fox jumps over the lazy dog' | openssl dgst -sha256 -hmac key
  const known = 'sha256=f7bc83f430538424b13298e6aa6fb143ef4d59a14946175997479dbc2d1a3cd8';
  expect(signatureOf(Buffer.from('The quick brown fox jumps over the lazy dog'), 'key')).toBe(known);
});

test('an event is sent with the signature of its bytes, again after a bad answer', async () => {
  const server = await serve((_request, response, count) => void response.writeHead(count === 1 ? 503 : 202).end());
  await sendEvent(testClient(), `${server.url}/in`, 'secret-8841', EVENT);
  expect(server.seen).toHaveLength(2);
  const { headers = {}, body = Buffer.alloc(0) } = server.seen[1] ?? {};
  expect(JSON.parse(body.toString())).toEqual(EVENT);
  expect(headers).toMatchObject({ 'content-type': 'application/cloudevents+json; charset=utf-8', 'x-signature': signatureOf(body, 'secret-8841') });
  expect(signatureOf(body, 'another')).not.toBe(headers['x-signature']);
});

test.each([301, 400, 401, 404, 410])('status %i is a refusal', async (status) => {
  const server = await serve((_request, response) => void response.writeHead(status, { location: 'http://127.0.0.1:9/' }).end('{"message":"no such hook"}'));
  const error = await failureOf(sendEvent(testClient(), `${server.url}/in`, 'secret-8841', EVENT));
  expect(error).toMatchObject({ kind: 'refused', code: 'WEBHOOK_REFUSED' });
  expect(error.message).toContain('no such hook');
});
