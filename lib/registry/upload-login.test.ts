// SPDX-License-Identifier: Apache-2.0
import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { FaultRequest } from '../../cli/services/registry/registry.ts';
import type { Fault } from '../../cli/services/registry/reply.ts';
import { failureOf, type ScriptedServer, startScriptedServer } from '../http/test-server.ts';
import { sha256Digest } from '../reference/digest.ts';
import type { Registry } from './client.ts';
import { type Bench, bytesOf, startBench } from './test-bench.ts';

const content = randomBytes(500_000);
const digest = sha256Digest(content);

let bench: Bench;
let tokens: ScriptedServer;
let valid: Set<string>;
let faults: (request: FaultRequest) => Fault | undefined;
let requests: string[];
/** Scopes that the token server grants; the others make it answer 403. */
let granted: (scopes: string[]) => boolean;
let now: number;

beforeEach(async () => {
  valid = new Set();
  requests = [];
  faults = () => undefined;
  granted = () => true;
  now = 0;
  tokens = await startScriptedServer((request, response, count) => {
    const scopes = new URL(request.url, tokens.url).searchParams.getAll('scope');
    if (!granted(scopes)) {
      response.writeHead(403).end();
      return;
    }
    valid.add(`Bearer token-${count}`);
    response.end(JSON.stringify({ token: `token-${count}`, expires_in: 300 }));
  });
  bench = await startBench({ faults: guard });
});
afterEach(async () => {
  await bench.close();
  await tokens.close();
});

function guard(request: FaultRequest): Fault | undefined {
  requests.push(request.method);
  const fault = faults(request);
  if (fault !== undefined || valid.has(request.headers.authorization ?? '')) return fault;
  return { kind: 'reply', status: 401, headers: { 'www-authenticate': `Bearer realm="${tokens.url}/token",service="test"` } };
}

function client(): Registry {
  return bench.client({ uploadSizes: { above: 100_000, chunk: 200_000 }, now: () => now });
}

const app = (): { registry: string; repository: string } => ({ registry: bench.host, repository: 'app/web' });
const count = (method: string): number => requests.filter((seen) => seen === method).length;
const scopes = (): string[][] => tokens.seen.map(({ url }) => new URL(url, tokens.url).searchParams.getAll('scope'));

/** The tokens are revoked when request number `number` of the method comes. */
function revokeAt(method: string, number: number): void {
  let isDone = false;
  faults = (request) => {
    if (request.method !== method || count(method) !== number || isDone) return undefined;
    isDone = true;
    valid.clear();
    return undefined;
  };
}

test.each([
  ['POST', 1],
  ['PATCH', 1],
  ['PATCH', 3],
  ['PUT', 1],
])('a token that is revoked before %s number %i is replaced, and the upload goes on', async (method, number) => {
  revokeAt(method, number);
  await client().putBlob(app(), content);
  expect(tokens.seen).toHaveLength(2);
  expect(count('PATCH')).toBe(method === 'PATCH' ? 4 : 3);
  expect((await bytesOf(client().blob(app(), { mediaType: 'x/y', digest, size: content.length }))).equals(content)).toBe(true);
});

test('a token that is revoked while the connection is cut is replaced, and the rest is sent', async () => {
  let isCut = false;
  faults = ({ method }) => {
    if (method !== 'PATCH' || count('PATCH') !== 2 || isCut) return undefined;
    isCut = true;
    valid.clear();
    return { kind: 'lost' };
  };
  await client().putBlob(app(), content);
  expect([tokens.seen.length, count('PATCH'), count('POST')]).toEqual([2, 3, 1]);
  expect(await client().hasBlob(app(), digest)).toBe(true);
});

test('a token that runs out during an upload is replaced before the next chunk', async () => {
  faults = ({ method }) => {
    if (method === 'PATCH') now += 150_000;
    return undefined;
  };
  await client().putBlob(app(), content);
  expect([tokens.seen.length, count('PATCH')]).toEqual([2, 3]);
});

test('parallel requests whose token was revoked get one new token', async () => {
  const registry = client();
  await registry.putBlob(app(), Buffer.from('first'));
  valid.clear();
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map((text) => registry.putBlob(app(), Buffer.from(text))));
  expect(tokens.seen).toHaveLength(2);
});

test('a mount asks for the right to read where the blob is', async () => {
  const registry = client();
  await registry.putBlob({ ...app(), repository: 'staging/web' }, content);
  requests = [];
  await registry.putBlob(app(), content, { from: 'staging/web' });
  expect(scopes().at(-1)).toEqual(['repository:app/web:pull,push', 'repository:staging/web:pull']);
  expect(count('PATCH')).toBe(0);
});

test('who may not read there uploads instead', async () => {
  granted = (asked) => !asked.some((scope) => scope.includes('staging'));
  await client().putBlob(app(), content, { from: 'staging/web' });
  expect(await client().hasBlob(app(), digest)).toBe(true);
});

test('who may not push is REGISTRY_DENIED', async () => {
  granted = (asked) => !asked.some((scope) => scope.includes('push'));
  expect((await failureOf(client().putBlob(app(), content, { from: 'staging/web' }))).code).toBe('REGISTRY_DENIED');
});
