// SPDX-License-Identifier: Apache-2.0
import { verify } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { closeAll, failureOf, testClient } from '../http/test-server.ts';
import { createKubeClient, type KubeClient } from '../kube/client.ts';
import { type FakeApiServer, startFakeApiServer } from '../kube/test-api-server.ts';
import { scrub } from '../log/redact.ts';
import { COSIGN_KEY } from '../sigstore/test-keys.ts';
import { openKeyReference, openPublicKey } from './key-reference.ts';
import type { KmsContext } from './kms-context.ts';
import { writeKeySecret } from './kube-secret.ts';
import { contextWith, MESSAGE } from './test-services.ts';

const PATH = '/api/v1/namespaces/build/secrets/signing-key';
const REFERENCE = 'k8s://build/signing-key';
const { privatePem, publicPem, password } = COSIGN_KEY;
const PAIR = { 'cosign.key': privatePem, 'cosign.pub': publicPem, 'cosign.password': password };

let api: FakeApiServer;
let client: KubeClient;
let context: KmsContext;
beforeEach(async () => {
  api = await startFakeApiServer();
  client = createKubeClient({ http: testClient(), connection: { server: api.url } });
  context = contextWith({}, { kube: (work) => work(client) });
});
afterEach(async () => {
  await closeAll();
  await api.close();
});

function put(entries: Record<string, string>, more: object = {}): void {
  const data = Object.fromEntries(Object.entries(entries).map(([name, text]) => [name, Buffer.from(text).toString('base64')]));
  api.put(PATH, { apiVersion: 'v1', kind: 'Secret', data, ...more });
}

describe('a key in a Secret', () => {
  test('signs, and its password is a secret', async () => {
    put(PAIR);
    const key = await openKeyReference(REFERENCE, context);
    expect(verify('sha256', MESSAGE, publicPem, await key.sign(MESSAGE))).toBe(true);
    expect(key.name).toBe(REFERENCE);
    expect(scrub(`with ${password}`)).toBe('with ***');
    expect(api.seen).toEqual([`GET ${PATH}`]);
  });

  test('verifies with its public half alone', async () => {
    put({ 'cosign.pub': publicPem });
    expect((await openPublicKey(REFERENCE, context)).key.export({ format: 'pem', type: 'spki' })).toBe(publicPem);
  });

  test.each<[string, Record<string, string> | undefined, object]>([
    ['no Secret', undefined, { kind: 'refused', code: 'KUBE_NOT_FOUND' }],
    [
      'no private key in it',
      { 'cosign.pub': publicPem },
      { kind: 'input', code: 'KEY_MISSING', message: 'there is no cosign.key of the Secret build/signing-key' },
    ],
    ['a wrong password', { ...PAIR, 'cosign.password': 'wrong' }, { kind: 'input', code: 'KEY_PASSWORD_WRONG' }],
    ['something else', { ...PAIR, 'cosign.key': 'no key' }, { kind: 'input', code: 'KEY_INVALID' }],
  ])('signs nothing with %s', async (_what, entries, expected) => {
    if (entries) put(entries);
    expect(await failureOf(openKeyReference(REFERENCE, context))).toMatchObject(expected);
  });

  test('that may not be read is told with the right that is missing', async () => {
    put(PAIR);
    api.trouble({
      answer: (response) => response.writeHead(403).end(JSON.stringify({ kind: 'Status', reason: 'Forbidden', message: 'secrets "signing-key" is forbidden' })),
    });
    expect(await failureOf(openKeyReference(REFERENCE, context))).toMatchObject({ code: 'KUBE_FORBIDDEN', message: expect.stringContaining('signing-key') });
  });

  test.each(['k8s://signing-key', 'k8s://a/b/c', 'k8s://build/', 'k8s://../x', 'k8s://Build/key'])('%s names none', async (reference) => {
    expect(await failureOf(openPublicKey(reference, context))).toMatchObject({ kind: 'input', code: 'KEY_REFERENCE_INVALID' });
  });
});

describe('writeKeySecret', () => {
  const pair = { privatePem, publicPem, password };
  const write = (force = false): Promise<void> => writeKeySecret(client, 'build/signing-key', pair, { force });

  test('makes a Secret that signs', async () => {
    await write();
    expect(api.get(PATH)).toMatchObject({ type: 'Opaque' });
    await expect(openKeyReference(REFERENCE, context)).resolves.toMatchObject({ name: REFERENCE });
  });

  test('keeps a key pair that is there, unless it is forced', async () => {
    put({ ...PAIR, 'cosign.key': 'old' });
    expect(await failureOf(write())).toMatchObject({ kind: 'input', code: 'KEY_EXISTS' });
    await write(true);
    await expect(openKeyReference(REFERENCE, context)).resolves.toMatchObject({ name: REFERENCE });
  });

  test('puts the pair beside what else is there', async () => {
    put({ VAULT_ADDR: 'https://vault.example.com' });
    await write();
    expect(Object.keys((api.get(PATH)?.['data'] as object) ?? {}).sort()).toEqual(['VAULT_ADDR', 'cosign.key', 'cosign.password', 'cosign.pub']);
  });

  test('leaves an immutable one, which cosign made', async () => {
    put(PAIR, { immutable: true });
    expect(await failureOf(write(true))).toMatchObject({ kind: 'input', code: 'KEY_EXISTS', message: expect.stringContaining('immutable') });
  });
});
