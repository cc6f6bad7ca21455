// SPDX-License-Identifier: Apache-2.0
import { mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { bugError } from '../errors/errors.ts';
import type { HttpRequest } from '../http/http.ts';
import { closeAll, failureOf, serve, testClient } from '../http/test-server.ts';
import { silentLogger } from '../log/log.ts';
import { fetchKeyBy, isKeyReference, openPublicKey } from './key-reference.ts';
import { type KmsContext, settingsFrom } from './kms-context.ts';
import { podKms } from './pod-kms.ts';
import { contextWith, fakeVault, GOOGLE_KEY, pemOf } from './test-services.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'settings-'));
  await writeFile(join(folder, 'VAULT_ADDR'), 'https://vault.example.com\n');
  await writeFile(join(folder, 'EMPTY'), '\n');
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(closeAll);

test.each([
  ['k8s://build/key', true],
  ['hashivault://key', true],
  ['my-hsm://slot', true],
  ['cosign.pub', false],
  ['/keys/cosign.pub', false],
  ['C:\\keys', false],
])('%s is a reference: %s', (text, expected) => {
  expect(isKeyReference(text)).toBe(expected);
});

test.each([
  '',
  'cosign.key',
  'https://example.com/key',
  'file:///cosign.key',
  'env://KEY',
  'pkcs11://token',
  'UPPER://key',
  'k8s://a b',
  'k8s://',
  '../x://key',
])('there is no key behind "%s"', async (reference) => {
  expect(await failureOf(openPublicKey(reference, contextWith({})))).toMatchObject({ kind: 'input', code: 'KEY_REFERENCE_INVALID' });
});

test('the key of a reference as PEM', async () => {
  const { settings } = await fakeVault('p256');
  expect(await fetchKeyBy(contextWith(settings))('hashivault://release')).toBe(pemOf('p256'));
});

test.each([
  ['the folder first', 'VAULT_ADDR', 'https://vault.example.com'],
  ['the environment, where the folder has none', 'VAULT_TOKEN', 'from-env'],
  ['the environment, where the file is empty', 'EMPTY', 'full'],
  ['nowhere', 'BAO_ADDR', undefined],
])('settings come from %s', async (_where, name, expected) => {
  const { setting } = settingsFrom(folder, { VAULT_ADDR: 'https://other.example.com', VAULT_TOKEN: ' from-env ', EMPTY: 'full', BAO_ADDR: '' });
  expect(await setting(name)).toBe(expected);
});

describe('what a workspace names', () => {
  /** A context with a workspace of these files, and these variables. */
  async function bound(files: Record<string, string>, env: Record<string, string> = {}) {
    const workspace = await mkdtemp(join(folder, 'bound-'));
    for (const [name, text] of Object.entries(files)) await writeFile(join(workspace, name), text);
    return { workspace, context: contextWith({}, { ...settingsFrom(workspace, env), env }) };
  }
  const refused = { kind: 'input', code: 'KMS_SETTING_INVALID' };
  const openVault = (context: KmsContext): Promise<unknown> => failureOf(openPublicKey('hashivault://release', context));

  test.each([
    ['VAULT_TOKEN', {}],
    ['BAO_TOKEN', {}],
    ['VAULT_TOKEN', { BAO_TOKEN: 'hvs.of-the-workspace' }],
  ])('%s of the environment goes to no address of a workspace', async (name, more) => {
    const { server } = await fakeVault('p256');
    const { context } = await bound({ VAULT_ADDR: server.url, ...more }, { [name]: 'hvs.of-the-environment' });
    expect(await openVault(context)).toMatchObject(refused);
    expect(server.seen).toEqual([]);
  });

  test('nor does the token in the home folder', async () => {
    const { server } = await fakeVault('p256');
    const home = await mkdtemp(join(folder, 'home-'));
    await writeFile(join(home, '.vault-token'), 'hvs.from-home');
    const { context } = await bound({ BAO_ADDR: server.url }, { HOME: home });
    expect(await openVault(context)).toMatchObject(refused);
    expect(server.seen).toEqual([]);
  });

  test.each([
    ['both in the workspace', (url: string) => [{ VAULT_ADDR: url, VAULT_TOKEN: 'hvs.x' }, {}]],
    ['both in the environment', (url: string) => [{}, { VAULT_ADDR: url, VAULT_TOKEN: 'hvs.x' }]],
    ['the token in the workspace', (url: string) => [{ VAULT_TOKEN: 'hvs.x' }, { VAULT_ADDR: url }]],
  ])('a token is used with %s', async (_what, places) => {
    const { server } = await fakeVault('p256');
    const [files = {}, env] = places(server.url) as Record<string, string>[];
    const { context } = await bound(files, env);
    expect((await openPublicKey('hashivault://release', context)).name).toBe('hashivault://release');
  });

  test('a file with a token lies in it', async () => {
    const { server } = await fakeVault('p256');
    const { workspace, context } = await bound({ VAULT_ADDR: server.url, VAULT_ROLE: 'signer', VAULT_JWT_FILE: 'jwt', jwt: 'a.b.c' });
    await openPublicKey('hashivault://release', context);
    expect(JSON.parse(server.seen[0]?.body.toString() ?? '')).toEqual({ role: 'signer', jwt: 'a.b.c' });
    await writeFile(join(workspace, 'VAULT_JWT_FILE'), join(workspace, 'jwt'));
    expect((await openPublicKey('hashivault://release', context)).name).toBe('hashivault://release');
  });

  test.each(['/etc/hostname', '../VAULT_ADDR', 'a/../../VAULT_ADDR', '.'])('no file elsewhere is sent anywhere: %s', async (path) => {
    const { server } = await fakeVault('p256');
    const { context } = await bound({ VAULT_ADDR: server.url, VAULT_ROLE: 'signer', VAULT_JWT_FILE: path });
    expect(await openVault(context)).toMatchObject({ kind: 'input' });
    expect(server.seen).toEqual([]);
  });

  test('a link to a file elsewhere is no setting', async () => {
    const { server } = await fakeVault('p256');
    const { workspace, context } = await bound({ VAULT_ADDR: server.url });
    await symlink(join(folder, 'VAULT_ADDR'), join(workspace, 'VAULT_TOKEN'));
    expect(await openVault(context)).toMatchObject({ kind: 'input', code: 'PATH_OUTSIDE' });
    expect(server.seen).toEqual([]);
  });

  const KEY = `gcpkms://${GOOGLE_KEY}/cryptoKeyVersions/7`;
  const ENDPOINT = 'CLOUDSDK_API_ENDPOINT_OVERRIDES_CLOUDKMS';

  test.each(['https://kms.example.com', 'http://cloudkms.googleapis.com', 'https://googleapis.com.example.com', 'https://cloudkms.googleapis.com:1/'])(
    'the token of the pod does not go to %s for it',
    async (url) => {
      const { context } = await bound({ [ENDPOINT]: url });
      expect(await failureOf(openPublicKey(KEY, context))).toMatchObject(refused);
    },
  );

  test('it goes to Google, and a token of the workspace where the workspace says', async () => {
    const sent: HttpRequest[] = [];
    const http = async (request: HttpRequest) => {
      sent.push(request);
      throw bugError('SENT', 'sent');
    };
    const { context: google } = await bound({ [ENDPOINT]: 'https://cloudkms-shop.p.googleapis.com/' });
    expect(await failureOf(openPublicKey(KEY, { ...google, http }))).toMatchObject({ message: 'sent' });
    const { context: own } = await bound({ [ENDPOINT]: 'https://kms.example.com', CLOUDSDK_AUTH_ACCESS_TOKEN_FILE: 'token', token: 'ya29.x' });
    expect(await failureOf(openPublicKey(KEY, { ...own, http }))).toMatchObject({ message: 'sent' });
    expect(sent.map(({ url }) => new URL(url).host)).toEqual(['metadata.google.internal', 'kms.example.com']);
  });

  test.each(['metadata.example.com/x?', 'a b', 'me@metadata.google.internal'])('the metadata server is a host: not "%s"', async (host) => {
    const { context } = await bound({ GCE_METADATA_HOST: host });
    expect(await failureOf(openPublicKey(KEY, context))).toMatchObject(refused);
  });
});

describe('podKms', () => {
  const deps = { http: testClient(), log: silentLogger, now: () => new Date() };

  test('says when there is no cluster around it', async () => {
    expect(await failureOf(podKms(deps, folder, {}).kube(async () => undefined))).toMatchObject({ kind: 'input', code: 'KUBE_NOT_IN_CLUSTER' });
  });

  test('goes to the API server by the token in the folder, which may be that of another service account', async () => {
    const api = await serve((_request, response) => response.end('{"metadata":{"name":"x"}}'));
    const account = await mkdtemp(join(folder, 'account-'));
    // The API server is spoken to by TLS alone, so that this one is not reached; what counts is that the token of the folder was taken.
    for (const [name, text] of Object.entries({ token: 'x.y.z', 'ca.crt': 'no certificate', namespace: 'build' })) await writeFile(join(account, name), text);
    const env = { KUBERNETES_SERVICE_HOST: '127.0.0.1', KUBERNETES_SERVICE_PORT: String(api.port) };
    expect(await failureOf(podKms(deps, account, env).kube(async () => undefined))).toMatchObject({ code: 'CA_BUNDLE_INVALID' });
    expect(await failureOf(podKms(deps, folder, env).kube(async () => undefined))).toMatchObject({ kind: 'input', code: 'FILE_MISSING' });
  });
});
