// SPDX-License-Identifier: Apache-2.0
import { sign as signWith, verify } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { closeAll, failureOf } from '../http/test-server.ts';
import { openKeyReference, openPublicKey } from './key-reference.ts';
import { contextWith, type Fault, fakeVault, KEYS, type KeyType, MESSAGE } from './test-services.ts';

let folder: string;
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vault-'));
  await writeFile(join(folder, 'jwt'), 'header.claims.signature\n');
  await writeFile(join(folder, '.vault-token'), 'hvs.from-home\n');
});
afterAll(() => rm(folder, { recursive: true }));
afterEach(closeAll);

const OTHER = signWith('sha256', Buffer.from('another message'), KEYS.p256.privateKey).toString('base64');
const isSign = (url: string): boolean => url.includes('/sign/');
const byRole = (): Record<string, string> => ({ VAULT_ROLE: 'signer', VAULT_JWT_FILE: join(folder, 'jwt') });

async function sign(type: KeyType, fault?: Fault, reference = 'hashivault://release'): Promise<Buffer> {
  const { settings } = await fakeVault(type, fault);
  return (await openKeyReference(reference, contextWith(settings))).sign(MESSAGE);
}

describe('a transit key', () => {
  test.each<[KeyType, string]>([
    ['p256', 'hashivault'],
    ['p384', 'openbao'],
    ['rsa', 'hashivault'],
    ['ed25519', 'openbao'],
  ])('signs: %s of %s', async (type, scheme) => {
    const signature = await sign(type, undefined, `${scheme}://release`);
    expect(verify(KEYS[type].hash, MESSAGE, KEYS[type].publicKey, signature)).toBe(true);
  });

  test.each<[string, Fault, object]>([
    ['of another version', () => ({ data: { signature: 'vault:v2:AAAA' } }), { code: 'KMS_ANSWER_INVALID', message: expect.stringContaining('version 2 did') }],
    ['without a version', () => ({ data: { signature: 'AAAA' } }), { code: 'KMS_ANSWER_INVALID' }],
    [
      'over something else',
      () => ({ data: { signature: `vault:v3:${OTHER}` } }),
      { code: 'KMS_ANSWER_INVALID', message: expect.stringContaining('does not verify') },
    ],
    ['in an answer that is none', () => ({ errors: [] }), { code: 'KMS_ANSWER_INVALID' }],
    ['that the policy forbids', () => 403, { code: 'KMS_REFUSED', message: expect.stringContaining('VAULT_TOKEN'), hint: expect.stringContaining('update') }],
    ['by a sealed Vault', () => 503, { kind: 'transient', code: 'HTTP_SERVER_ERROR' }],
  ])('gives no signature %s', async (_what, fault, expected) => {
    const onSign: Fault = (answer, request) => (isSign(request.url) ? fault(answer, request) : answer);
    expect(await failureOf(sign('p256', onSign))).toMatchObject(expected);
  });

  test.each<[string, Fault, object]>([
    ['none of that name', () => 404, { kind: 'refused', code: 'KMS_REFUSED', hint: expect.stringContaining('TRANSIT_SECRET_ENGINE_PATH') }],
    [
      'one that encrypts',
      () => ({ data: { type: 'aes256-gcm96', latest_version: 1, keys: { '1': 1777777777 } } }),
      { kind: 'input', code: 'KEY_UNSUPPORTED', message: expect.stringContaining('aes256-gcm96') },
    ],
    ['one whose latest version is not told', () => ({ data: { type: 'ecdsa-p256', latest_version: 4, keys: {} } }), { kind: 'input', code: 'KEY_UNSUPPORTED' }],
    [
      'an Ed25519 key of 3 bytes',
      () => ({ data: { type: 'ed25519', latest_version: 1, keys: { '1': { public_key: 'AAAA' } } } }),
      { code: 'KMS_ANSWER_INVALID' },
    ],
    ['no transit engine', () => ({ data: { keys: ['a', 'b'] } }), { kind: 'refused', code: 'KMS_ANSWER_INVALID' }],
  ])('is refused when there is %s', async (_what, fault, expected) => {
    expect(await failureOf(sign('p256', fault))).toMatchObject(expected);
  });

  test.each(['hashivault://', 'hashivault://a/b', 'openbao://../x', 'hashivault://-x', 'hashivault://a?b'])('%s names none', async (reference) => {
    expect(await failureOf(openPublicKey(reference, contextWith({})))).toMatchObject({ kind: 'input', code: 'KEY_REFERENCE_INVALID' });
  });

  test('lies in the engine and namespace of the settings', async () => {
    const { server, settings } = await fakeVault('p256');
    const context = contextWith({ ...settings, TRANSIT_SECRET_ENGINE_PATH: 'team/transit/', VAULT_NAMESPACE: 'eu/shop' });
    await (await openKeyReference('hashivault://release', context)).sign(MESSAGE);
    expect(server.seen.map(({ url }) => url)).toEqual(['/v1/team/transit/keys/release', '/v1/team/transit/sign/release/sha2-256']);
    expect(server.seen[1]?.headers).toMatchObject({ 'x-vault-token': 'hvs.given-token', 'x-vault-namespace': 'eu/shop' });
  });
});

describe('the login', () => {
  const logInWith = async (settings: Record<string, string>, fault?: Fault) => {
    const { server, settings: given } = await fakeVault('p256', fault);
    const context = contextWith({ VAULT_ADDR: given['VAULT_ADDR'] ?? '', ...settings }, { env: { HOME: folder } });
    const signature = async (): Promise<Buffer> => (await openKeyReference('hashivault://release', context)).sign(MESSAGE);
    return { server, signature };
  };

  test.each<[string, () => Record<string, string>, string]>([
    ['the token of the settings', () => ({ VAULT_TOKEN: 'hvs.given', ...byRole() }), 'hvs.given'],
    ['the token that OpenBao calls so', () => ({ BAO_TOKEN: 'hvs.bao' }), 'hvs.bao'],
    ['the role', byRole, 'hvs.login-1'],
    ['the token in the home folder', () => ({}), 'hvs.from-home'],
  ])('is by %s', async (_what, settings, token) => {
    const { server, signature } = await logInWith(settings());
    await signature();
    expect(server.seen.at(-1)?.headers['x-vault-token']).toBe(token);
  });

  test('by a role shows the token of the service account, and is done anew when its token ran out', async () => {
    const fault: Fault = (answer, { url, headers }) => (isSign(url) && headers['x-vault-token'] === 'hvs.login-1' ? 403 : answer);
    const { server, signature } = await logInWith({ ...byRole(), VAULT_AUTH_PATH: 'k8s/build' }, fault);
    await signature();
    expect(server.seen.map(({ url }) => url.replace('/v1/', ''))).toEqual([
      'auth/k8s/build/login',
      'transit/keys/release',
      'transit/sign/release/sha2-256',
      'auth/k8s/build/login',
      'transit/sign/release/sha2-256',
    ]);
    expect(JSON.parse(server.seen[0]?.body.toString() ?? '')).toEqual({ role: 'signer', jwt: 'header.claims.signature' });
  });

  test.each<[string, () => Record<string, string>, Fault | undefined, object]>([
    ['a role that is not bound', byRole, (answer, { url }) => (url.endsWith('/login') ? 400 : answer), { kind: 'refused', code: 'KMS_REFUSED' }],
    ['an answer without a token', byRole, (answer, { url }) => (url.endsWith('/login') ? {} : answer), { kind: 'refused', code: 'KMS_ANSWER_INVALID' }],
    ['a token of two lines', () => ({ VAULT_TOKEN: 'one\ntwo' }), undefined, { kind: 'input', code: 'KMS_SETTING_INVALID' }],
    ['a path that leads elsewhere', () => ({ ...byRole(), VAULT_AUTH_PATH: '../sys' }), undefined, { kind: 'input', code: 'KMS_SETTING_INVALID' }],
    ['an address with a password', () => ({ VAULT_ADDR: 'https://me:secret@vault.example.com' }), undefined, { kind: 'input', code: 'KMS_SETTING_INVALID' }],
  ])('fails with %s', async (_what, settings, fault, expected) => {
    const { signature } = await logInWith(settings(), fault);
    expect(await failureOf(signature())).toMatchObject(expected);
  });

  test.each([
    ['address', {}],
    ['token', { VAULT_ADDR: 'https://vault.example.com' }],
  ])('without %s says what is missing', async (_what, settings) => {
    expect(await failureOf(openPublicKey('openbao://release', contextWith(settings)))).toMatchObject({ kind: 'input', code: 'KMS_SETTING_MISSING' });
  });
});
