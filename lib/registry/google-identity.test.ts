// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, expect, test } from 'vitest';
import { transientError } from '../errors/errors.ts';
import type { HttpRequest, HttpResponse } from '../http/http.ts';
import { failureOf } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { scrub } from '../log/redact.ts';
import { createRegistry, type Registry } from './client.ts';
import { anonymousCredentials, type Credentials } from './credentials.ts';

const HOST = 'europe-docker.pkg.dev';
const METADATA = 'http://metadata.google.internal/computeMetadata/v1/instance/service-accounts/default/token';
const ANY = { repository: 'team/app', digest: `sha256:${'1'.repeat(64)}` };

let requests: HttpRequest[];
let now: number;
let issued: number;
let metadata: () => HttpResponse;

beforeEach(() => {
  requests = [];
  now = 0;
  issued = 0;
  metadata = () => {
    issued += 1;
    return answer(200, JSON.stringify({ access_token: `google-token-${issued}`, expires_in: 3599, token_type: 'Bearer' }), { 'metadata-flavor': 'Google' });
  };
});
afterEach(() => {
  expect(requests.every(({ url }) => !url.startsWith('http:') || url === METADATA)).toBe(true);
});

function answer(status: number, body = '', headers: Record<string, string> = {}): HttpResponse {
  const bytes = Buffer.from(body);
  return { status, headers, body: async () => bytes, json: async () => JSON.parse(body), stream: () => (async function* () {})() };
}

/** The metadata server, a token server that gives what Basic said as the token, and a registry that says which token came. */
async function http(request: HttpRequest): Promise<HttpResponse> {
  requests.push(request);
  const url = new URL(request.url);
  if (url.hostname === 'metadata.google.internal') return metadata();
  const authorization = request.headers?.['authorization'];
  if (url.pathname === '/token') {
    const said = Buffer.from(authorization?.split(' ')[1] ?? '', 'base64').toString();
    return answer(200, JSON.stringify({ token: said || 'nobody', expires_in: 60 }));
  }
  if (authorization === undefined) return answer(401, '', { 'www-authenticate': `Bearer realm="https://${url.host}/token"` });
  return answer(403, JSON.stringify({ errors: [{ code: 'DENIED', message: `for ${authorization.replace('Bearer ', 'holder of ')}` }] }));
}

function client(credentials: Credentials = anonymousCredentials, insecureRegistries: string[] = []): Registry {
  return createRegistry({ http, credentials, insecureRegistries, log: silentLogger, now: () => now });
}

const asked = (): number => requests.filter(({ url }) => url === METADATA).length;

test.each([HOST, 'gcr.io', 'eu.gcr.io', 'US-docker.pkg.dev'])('%s gets the identity of the metadata server when it asks for a login', async (registry) => {
  await failureOf(client().manifest({ registry, ...ANY }));
  const [token] = requests.filter(({ url }) => url.includes('/token?'));
  expect(token?.headers?.['authorization']).toBe(`Basic ${Buffer.from('oauth2accesstoken:google-token-1').toString('base64')}`);
  expect(requests.find(({ url }) => url === METADATA)?.headers).toEqual({ 'metadata-flavor': 'Google' });
});

test.each(['r.example.com', 'gcr.io.example.com', 'notgcr.io', 'pkg.dev', 'evilpkg.dev', 'pkg.dev.example.com', `${HOST}:8443`])(
  '%s does not',
  async (registry) => {
    await failureOf(client().manifest({ registry, ...ANY }));
    expect(asked()).toBe(0);
  },
);

test('a registry that is spoken to in plain HTTP does not', async () => {
  await failureOf(client(anonymousCredentials, [HOST]).manifest({ registry: HOST, ...ANY }));
  expect(asked()).toBe(0);
  requests = [];
});

test('a login of the docker config goes first', async () => {
  const own: Credentials = () => ({ kind: 'password', name: 'test', username: 'bot', password: 'own-password' });
  await failureOf(client(own).manifest({ registry: HOST, ...ANY }));
  expect(asked()).toBe(0);
});

test('a registry that wants no login costs no question', async () => {
  const registry = createRegistry({
    http: async (request) => {
      requests.push(request);
      return answer(404);
    },
    credentials: anonymousCredentials,
    log: silentLogger,
  });
  await failureOf(registry.manifest({ registry: HOST, ...ANY }));
  expect(asked()).toBe(0);
});

test('parallel and later requests share the token until a minute before its end', async () => {
  const registry = client();
  const repositories = ['a', 'b', 'c'].map((repository) => ({ ...ANY, registry: HOST, repository }));
  await Promise.all(repositories.map((ref) => failureOf(registry.manifest(ref))));
  now += 3538_000;
  await failureOf(registry.manifest({ ...ANY, registry: HOST }));
  expect(asked()).toBe(1);
  now += 1000;
  await failureOf(registry.manifest({ ...ANY, registry: HOST }));
  expect(asked()).toBe(2);
});

test('messages name the identity and scrub the token', async () => {
  const error = await failureOf(client().manifest({ registry: HOST, ...ANY }));
  expect([error.kind, error.code]).toEqual(['refused', 'REGISTRY_DENIED']);
  expect(error.message).toContain('identity from the Google metadata server');
  expect(scrub('google-token-1')).toBe('***');
  expect(error.message).not.toContain('google-token-1');
});

test.each<[string, () => HttpResponse]>([
  [
    'cannot be reached',
    () => {
      throw transientError('HTTP_UNREACHABLE', 'no such host');
    },
  ],
  ['has no service account', () => answer(404, '', { 'metadata-flavor': 'Google' })],
  ['is something else', () => answer(200, '<html>')],
])('a metadata server that %s leaves the registry anonymous, asked again after a minute', async (_name, reply) => {
  metadata = reply;
  const registry = client();
  await failureOf(registry.manifest({ registry: HOST, ...ANY }));
  await failureOf(registry.manifest({ registry: HOST, ...ANY, repository: 'other' }));
  expect(requests.filter(({ url }) => url.includes('/token?')).every(({ headers }) => headers?.['authorization'] === undefined)).toBe(true);
  expect(asked()).toBe(1);
  now += 60_000;
  await failureOf(registry.manifest({ registry: HOST, ...ANY, repository: 'third' }));
  expect(asked()).toBe(2);
});

test.each<[string, () => HttpResponse, string]>([
  ['no token', () => answer(200, '{}', { 'metadata-flavor': 'Google' }), 'METADATA_TOKEN_INVALID'],
  ['a token with a line break', () => answer(200, '{"access_token":"a\\nb"}', { 'metadata-flavor': 'Google' }), 'METADATA_TOKEN_INVALID'],
  [
    'no answer for now',
    () => {
      throw transientError('HTTP_SERVER_ERROR', 'status 503');
    },
    'HTTP_SERVER_ERROR',
  ],
])('a metadata server that gives %s is an error', async (_name, reply, code) => {
  metadata = reply;
  expect((await failureOf(client().manifest({ registry: HOST, ...ANY }))).code).toBe(code);
});
