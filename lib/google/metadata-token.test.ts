// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import { closeAll, failureOf, type Script, serve, testClient } from '../http/test-server.ts';
import { scrub } from '../log/redact.ts';
import { metadataToken } from './metadata-token.ts';

afterEach(closeAll);

const answering =
  (status: number, body: unknown, headers: Record<string, string> = { 'metadata-flavor': 'Google' }): Script =>
  (_request, response) =>
    response.writeHead(status, headers).end(JSON.stringify(body));

test('the metadata server is asked as Google documents it, and the token is a secret from then on', async () => {
  const { url, seen } = await serve(answering(200, { access_token: 'ya29.abcdefgh', expires_in: 3599, token_type: 'Bearer' }));
  expect(await metadataToken(testClient(), url)).toEqual({ token: 'ya29.abcdefgh', seconds: 3599 });
  expect(seen[0]).toMatchObject({ url: '/computeMetadata/v1/instance/service-accounts/default/token', headers: { 'metadata-flavor': 'Google' } });
  expect(scrub('with ya29.abcdefgh')).toBe('with ***');
});

test('a token without a time of its end counts as ended', async () => {
  const { url } = await serve(answering(200, { access_token: 'ya29.abcdefgh' }));
  expect(await metadataToken(testClient(), url)).toMatchObject({ seconds: 0 });
});

test.each([
  ['404', 404, {}, undefined, 'METADATA_REFUSED'],
  ['a token of two lines', 200, { access_token: 'two\nlines' }, undefined, 'METADATA_TOKEN_INVALID'],
  ['a list', 200, [], undefined, 'METADATA_TOKEN_INVALID'],
  ['an answer without its header', 200, { access_token: 'ya29.abcdefgh' }, {}, 'METADATA_REFUSED'],
])('%s is no token', async (_what, status, body, headers, code) => {
  const { url } = await serve(answering(status, body, headers));
  expect(await failureOf(metadataToken(testClient(), url))).toMatchObject({ kind: 'refused', code });
});
