// SPDX-License-Identifier: Apache-2.0
import { afterEach, expect, test } from 'vitest';
import { closeAll, failureOf, type Script, serve, testClient } from '../http/test-server.ts';
import { connectGrafeas, type Grafeas, type GrafeasOptions } from './client.ts';
import { CONTENTS, occurrence } from './test-occurrences.ts';

afterEach(closeAll);

const authorization = { bearer: undefined, name: 'none' };
const attestation = occurrence(CONTENTS['signature'] ?? ({} as never));

async function connect(script: Script, options: Partial<GrafeasOptions> = {}): Promise<Grafeas> {
  const { url } = await serve(script);
  return connectGrafeas({ http: testClient(), url, project: 'shop', api: 'auto', authorization, ...options });
}

const json =
  (status: number, body: unknown): Script =>
  (_request, response) =>
    response.writeHead(status, { 'content-type': 'application/json' }).end(JSON.stringify(body));

test.each([
  ['v1', ['/v1/projects/shop/notes?pageSize=1']],
  ['v1beta1', ['/v1/projects/shop/notes?pageSize=1', '/v1beta1/projects/shop/notes?pageSize=1']],
])('finds %s', async (version, expected) => {
  const { url, seen } = await serve((request, response) => response.writeHead(request.url.startsWith(`/${version}/`) ? 200 : 404).end('{}'));
  expect((await connectGrafeas({ http: testClient(), url, project: 'shop', api: 'auto', authorization })).api).toBe(version);
  expect(seen.map((request) => request.url)).toEqual(expected);
});

test('asks nothing when told the version', async () => {
  const { url, seen } = await serve(json(500, {}));
  expect((await connectGrafeas({ http: testClient(), url, project: 'p/locations/l', api: 'v1', authorization })).parent).toBe('projects/p/locations/l');
  expect(seen).toEqual([]);
});

test.each([
  [401, 'GRAFEAS_UNAUTHORIZED'],
  [403, 'GRAFEAS_DENIED'],
  [404, 'GRAFEAS_NOT_FOUND'],
  [400, 'GRAFEAS_REFUSED'],
])('status %i is %s, and the probe does not go on guessing', async (status, code) => {
  const error = await failureOf(connect(json(status, { code: 1, message: 'said so' }), { authorization: { bearer: 'tok-1234567', name: 'file token' } }));
  expect(error).toMatchObject({ kind: 'refused', code });
  expect(error.message).not.toContain('tok-1234567');
  if (status === 401 || status === 403) expect(error.message).toContain('credential: file token');
});

test('a note that is there is fine, and one that cannot be sent twice harmlessly is sent again', async () => {
  const grafeas = await connect((_request, response, count) => response.writeHead(count === 1 ? 503 : count === 2 ? 409 : 200).end('{}'), { api: 'v1beta1' });
  expect(await grafeas.ensureNote(attestation)).toBe(false);
  expect(await grafeas.ensureNote(attestation)).toBe(true);
});

test('an occurrence is never sent twice', async () => {
  const { url, seen } = await serve(json(503, {}));
  const grafeas = await connectGrafeas({ http: testClient(), url, project: 'shop', api: 'v1beta1', authorization });
  expect(await failureOf(grafeas.create([attestation]))).toMatchObject({ kind: 'transient', code: 'HTTP_SERVER_ERROR' });
  expect(seen).toHaveLength(1);
});

test.each([
  ['a list', []],
  ['a text', 'created'],
  ['occurrences that are none', { occurrences: ['x'] }],
])('an answer that is %s is none', async (_, body) => {
  const grafeas = await connect(json(200, body), { api: 'v1beta1' });
  expect(await failureOf(grafeas.create([attestation, attestation]))).toMatchObject({ code: 'GRAFEAS_INVALID' });
});

test('HTML in front of the server is no answer either', async () => {
  const grafeas = await connect((_request, response) => response.end('<html>log in</html>'), { api: 'v1' });
  expect(await failureOf(grafeas.create([attestation]))).toMatchObject({ kind: 'refused', code: 'HTTP_BODY_INVALID' });
});
