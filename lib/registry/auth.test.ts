// SPDX-License-Identifier: Apache-2.0
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf, type ScriptedServer, type SeenRequest, startScriptedServer } from '../http/test-server.ts';
import type { DigestReference } from '../reference/reference.ts';
import type { RegistryOptions } from './client.ts';
import type { Credential } from './credentials.ts';
import { type Bench, pushImage, startBench } from './test-bench.ts';

const PASSWORD: Credential = { kind: 'password', name: 'docker config entry for test', username: 'bot', password: 'hunter2-secret' };
const BASIC = `Basic ${Buffer.from('bot:hunter2-secret').toString('base64')}`;

let bench: Bench;
let tokens: ScriptedServer;
let image: DigestReference;
let guard: (request: FaultRequest) => Fault | undefined;
let valid: Set<string>;
let issued: number;
let now: number;
let tokenAnswer: (request: SeenRequest) => { status: number; body: string };

beforeEach(async () => {
  guard = () => undefined;
  valid = new Set();
  issued = 0;
  now = 1_000_000;
  bench = await startBench({ faults: (request) => guard(request) });
  image = await pushImage(bench.client(), bench.host, 'app/web', 'one', 'v1');
  tokenAnswer = () => {
    issued += 1;
    valid.add(`Bearer token-${issued}`);
    return { status: 200, body: JSON.stringify({ token: `token-${issued}`, expires_in: 300 }) };
  };
  tokens = await startScriptedServer((request, response) => {
    const { status, body } = tokenAnswer(request);
    response.writeHead(status, { 'content-type': 'application/json' }).end(body);
  });
});

afterEach(async () => {
  await bench.close();
  await tokens.close();
});

function client(credential: Credential, more: Partial<RegistryOptions> = {}): ReturnType<Bench['client']> {
  return bench.client({ credentials: () => credential, now: () => now, ...more });
}

function challenge(header: string): Fault {
  return { kind: 'reply', status: 401, headers: { 'www-authenticate': header } };
}

/** The registry takes only tokens that were issued and not revoked. */
function bearerGuard(realm = `${tokens.url}/token`): (request: FaultRequest) => Fault | undefined {
  return ({ headers }) => (valid.has(headers.authorization ?? '') ? undefined : challenge(`Bearer realm="${realm}",service="test, registry",scope="ignored"`));
}

describe('Bearer', () => {
  test('one token serves many requests, asked for with Basic, service and our scope', async () => {
    guard = bearerGuard();
    const registry = client(PASSWORD);
    await Promise.all([registry.resolve(image), registry.manifest(image), registry.referrers(image)]);
    await registry.manifest(image);
    expect(tokens.seen).toHaveLength(1);
    const asked = new URL(tokens.seen[0]?.url ?? '', tokens.url);
    expect(Object.fromEntries(asked.searchParams)).toEqual({ service: 'test, registry', scope: 'repository:app/web:pull' });
    expect(tokens.seen[0]?.headers.authorization).toBe(BASIC);
  });

  test('anonymous gets a token without a credential', async () => {
    guard = bearerGuard();
    await client({ kind: 'anonymous', name: 'anonymous' }).manifest(image);
    expect(tokens.seen[0]?.headers.authorization).toBeUndefined();
  });

  test('a token that may push serves reading too', async () => {
    guard = bearerGuard();
    const registry = client(PASSWORD);
    await registry.deleteManifest({ ...image, digest: `sha256:${'0'.repeat(64)}` });
    await registry.putBlob(image, Buffer.from('new blob'));
    await registry.manifest(image);
    expect(tokens.seen.map(({ url }) => new URL(url, tokens.url).searchParams.get('scope'))).toEqual(['repository:app/web:pull,push,delete']);
  });

  test('attaching evidence takes one login', async () => {
    guard = bearerGuard();
    await client(PASSWORD).pushReferrer(image, { artifactType: 'a/b', layers: [{ mediaType: 'a/b', bytes: Buffer.from('evidence') }] });
    expect(tokens.seen).toHaveLength(1);
  });

  test('a token that is refused in the middle is replaced once', async () => {
    guard = bearerGuard();
    const registry = client(PASSWORD);
    await registry.manifest(image);
    valid.clear();
    await registry.manifest(image);
    expect(tokens.seen).toHaveLength(2);
  });

  test('a token that has run out is not sent', async () => {
    let rejected = 0;
    const check = bearerGuard();
    guard = (request) => {
      const fault = check(request);
      if (fault !== undefined) rejected += 1;
      return fault;
    };
    const registry = client(PASSWORD);
    await registry.manifest(image);
    now += 291_000;
    await registry.manifest(image);
    expect([tokens.seen.length, rejected]).toEqual([2, 1]);
  });

  test('a registry that refuses even a new token is REGISTRY_UNAUTHORIZED with the credential’s name', async () => {
    guard = () => challenge(`Bearer realm="${tokens.url}/token"`);
    const error = await failureOf(client(PASSWORD).manifest(image));
    expect([error.kind, error.code]).toEqual(['refused', 'REGISTRY_UNAUTHORIZED']);
    expect(error.message).toContain('docker config entry for test');
    expect(error.message).not.toContain('hunter2');
  });

  test('an identity token goes by POST as a refresh token', async () => {
    guard = bearerGuard();
    await client({ kind: 'identity-token', name: 'test', token: 'refresh-me' }).manifest(image);
    expect(tokens.seen[0]?.method).toBe('POST');
    expect(Object.fromEntries(new URLSearchParams(tokens.seen[0]?.body.toString()))).toMatchObject({
      grant_type: 'refresh_token',
      refresh_token: 'refresh-me',
      scope: 'repository:app/web:pull',
    });
  });

  test('a registry token is sent as it is', async () => {
    valid.add('Bearer ready-made');
    guard = bearerGuard();
    await client({ kind: 'registry-token', name: 'test', token: 'ready-made' }).manifest(image);
    expect(tokens.seen).toHaveLength(0);
  });

  test.each([
    [401, '{"details":"bad password"}', 'refused', 'REGISTRY_UNAUTHORIZED'],
    [403, '{}', 'refused', 'REGISTRY_DENIED'],
    [200, '{}', 'refused', 'REGISTRY_TOKEN_INVALID'],
    [200, '{"token":"a b"}', 'refused', 'REGISTRY_TOKEN_INVALID'],
    [200, '{"token":"a\\nx: y"}', 'refused', 'REGISTRY_TOKEN_INVALID'],
    [200, 'null', 'refused', 'REGISTRY_TOKEN_INVALID'],
    [200, '<html>', 'refused', 'HTTP_BODY_INVALID'],
    [503, '', 'transient', 'HTTP_SERVER_ERROR'],
  ])('a token server that answers %i %s: %s %s', async (status, body, kind, code) => {
    guard = bearerGuard();
    tokenAnswer = () => ({ status, body });
    const error = await failureOf(client(PASSWORD).manifest(image));
    expect([error.kind, error.code]).toEqual([kind, code]);
    expect(error.message).not.toContain('hunter2');
  });

  test('access_token counts as token', async () => {
    guard = bearerGuard();
    tokenAnswer = () => {
      valid.add('Bearer other');
      return { status: 200, body: '{"access_token":"other"}' };
    };
    await client(PASSWORD).manifest(image);
  });

  test.each([
    ['realm="http://tokens.example.com/t"'],
    ['realm="file:///etc/passwd"'],
    ['realm="https://user:pw@tokens.example.com/"'],
    ['realm="not a url"'],
    ['realm=""'],
    ['service="x"'],
  ])('a realm that is not acceptable gets no credential: %s', async (params) => {
    guard = () => challenge(`Bearer ${params}`);
    const error = await failureOf(client(PASSWORD).manifest(image));
    expect([error.kind, error.code]).toEqual(['refused', 'REGISTRY_REALM_REFUSED']);
  });
});

describe('Basic', () => {
  const basicGuard = ({ headers }: FaultRequest): Fault | undefined => (headers.authorization === BASIC ? undefined : challenge('Basic realm="registry"'));

  test('the credential is sent after the challenge, and at once from then on', async () => {
    let rejected = 0;
    guard = (request) => {
      const fault = basicGuard(request);
      if (fault !== undefined) rejected += 1;
      return fault;
    };
    const registry = client(PASSWORD);
    await registry.manifest(image);
    await registry.manifest(image);
    expect(rejected).toBe(1);
  });

  test.each<Credential>([
    { kind: 'anonymous', name: 'anonymous' },
    { ...PASSWORD, password: 'wrong' },
  ])('%j is refused with its name', async (credential) => {
    guard = basicGuard;
    const error = await failureOf(client(credential).manifest(image));
    expect(error.code).toBe('REGISTRY_UNAUTHORIZED');
    expect(error.message).toContain(credential.name);
  });
});

test.each([401, 403, 404])('a registry that answers %i to somebody whose login a helper keeps gets the way out into the hint', async (status) => {
  guard = () => ({ kind: 'reply', status });
  const credential: Credential = { kind: 'anonymous', name: 'anonymous (helper)', hint: 'put a login into auths' };
  for (const failed of [client(credential).resolve(image), client(credential).putBlob(image, Buffer.from('x'))]) {
    const error = await failureOf(failed);
    expect([error.message.includes('anonymous (helper)'), error.hint]).toEqual([true, 'put a login into auths']);
  }
});

describe('Authorization stays at home', () => {
  test('an upload location and a redirect at another host get none', async () => {
    const other = await startScriptedServer((_request, response) => response.writeHead(201).end());
    const place = other.url.replace('127.0.0.1', 'localhost');
    const check = bearerGuard();
    guard = (request) => {
      const fault = check(request);
      if (fault !== undefined) return fault;
      if (request.method === 'POST') return { kind: 'reply', status: 202, headers: { location: `${place}/upload` } };
      return request.method === 'GET' ? { kind: 'reply', status: 307, headers: { location: `${place}/blob` } } : undefined;
    };
    const registry = client(PASSWORD);
    await registry.putBlob(image, Buffer.from('a new blob'));
    await failureOf(registry.manifest(image));
    expect(other.seen.map(({ method, headers }) => [method, headers.authorization])).toEqual([
      ['PUT', undefined],
      ['GET', undefined],
    ]);
    await other.close();
  });

  test('a 401 of another host is no challenge to answer', async () => {
    const other = await startScriptedServer((_request, response) =>
      response.writeHead(401, { 'www-authenticate': `Bearer realm="${tokens.url}/steal"` }).end(),
    );
    guard = () => ({ kind: 'reply', status: 307, headers: { location: other.url.replace('127.0.0.1', 'localhost') } });
    expect((await failureOf(client(PASSWORD).manifest(image))).code).toBe('REGISTRY_UNAUTHORIZED');
    expect(tokens.seen).toHaveLength(0);
    await other.close();
  });
});
