// SPDX-License-Identifier: Apache-2.0
import { createPublicKey, generateKeyPairSync, type KeyObject } from 'node:crypto';
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import process from 'node:process';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { closeAll, failureOf, testClient } from '../../lib/http/test-server.ts';
import { createKubeClient } from '../../lib/kube/client.ts';
import { startFakeApiServer } from '../../lib/kube/test-api-server.ts';
import { decryptCosignKey } from '../../lib/sigstore/cosign-key.ts';
import { COSIGN_KEY } from '../../lib/sigstore/test-keys.ts';
import { generateKeys, importKeys, printPublicKey } from './key-commands.ts';
import { publicKeyOf } from './public-key-of.ts';

let folder: string;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'keys-'));
  vi.stubEnv('COSIGN_PASSWORD', COSIGN_KEY.password);
  vi.spyOn(console, 'error').mockReturnValue();
});
afterEach(async () => {
  vi.unstubAllEnvs();
  vi.restoreAllMocks();
  await rm(folder, { recursive: true });
});

const at = (name: string): string => join(folder, name);
const options = (more: object = {}) => ({
  target: undefined,
  'output-key-prefix': at('cosign'),
  force: false,
  'password-file': undefined,
  kubeconfig: undefined,
  context: undefined,
  type: 'ecdsa-p256' as const,
  ...more,
});
const spki = (key: KeyObject): string => key.export({ format: 'pem', type: 'spki' }).toString();

describe('keys generate', () => {
  test('writes an encrypted key that only its owner reads, and its public half', async () => {
    await generateKeys(options());
    expect((await stat(at('cosign.key'))).mode & 0o777).toBe(0o600);
    const privateKey = await decryptCosignKey(await readFile(at('cosign.key'), 'utf8'), COSIGN_KEY.password, 'key');
    expect(spki(createPublicKey(privateKey))).toBe(await readFile(at('cosign.pub'), 'utf8'));
    expect(privateKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'prime256v1' });
  });

  test('takes the password of a file before that of the environment, without its line break', async () => {
    await writeFile(at('password'), 'from file\n');
    await generateKeys(options({ 'password-file': at('password'), type: 'ecdsa-p384' }));
    const privateKey = await decryptCosignKey(await readFile(at('cosign.key'), 'utf8'), 'from file', 'key');
    expect(privateKey.asymmetricKeyDetails).toMatchObject({ namedCurve: 'secp384r1' });
  });

  test.each(['cosign.key', 'cosign.pub'])('replaces no %s, unless it is forced', async (name) => {
    await writeFile(at(name), 'old');
    expect(await failureOf(generateKeys(options()))).toMatchObject({ kind: 'input', code: 'KEY_EXISTS', message: expect.stringContaining(name) });
    expect(await readFile(at(name), 'utf8')).toBe('old');
    await generateKeys(options({ force: true }));
    expect(await readFile(at(name), 'utf8')).not.toBe('old');
  });

  test('asks nobody for a password where nobody is', async () => {
    vi.stubEnv('COSIGN_PASSWORD', undefined);
    expect(await failureOf(generateKeys(options()))).toMatchObject({ kind: 'input', code: 'KEY_PASSWORD_MISSING' });
  });

  test('makes no key of a KMS', async () => {
    expect(await failureOf(generateKeys(options({ target: 'hashivault://release' })))).toMatchObject({ kind: 'input', code: 'KEY_REFERENCE_INVALID' });
  });
});

describe('keys import', () => {
  const EC = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 });
  const ED25519 = generateKeyPairSync('ed25519');

  test.each([
    ['PKCS#8', EC, 'pkcs8'],
    ['SEC1', EC, 'sec1'],
    ['PKCS#1', RSA, 'pkcs1'],
    ['PKCS#8 of Ed25519', ED25519, 'pkcs8'],
  ] as const)('encrypts a key in %s', async (_what, { privateKey, publicKey }, type) => {
    await writeFile(at('plain.pem'), privateKey.export({ format: 'pem', type: type as 'pkcs8' }));
    await importKeys({ ...options(), key: at('plain.pem') });
    expect(await publicKeyOf(at('cosign.key'))).toBe(spki(publicKey));
    expect(await readFile(at('cosign.pub'), 'utf8')).toBe(spki(publicKey));
    expect(await readFile(at('cosign.key'), 'utf8')).toMatch(/^-----BEGIN ENCRYPTED SIGSTORE PRIVATE KEY-----\n/);
  });

  test.each([
    ['a public key', spki(EC.publicKey), 'KEY_INVALID'],
    ['an encrypted key', EC.privateKey.export({ format: 'pem', type: 'pkcs8', cipher: 'aes-256-cbc', passphrase: 'x' }).toString(), 'KEY_INVALID'],
    ['no key', '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n', 'KEY_INVALID'],
    ['a key that nobody verifies', generateKeyPairSync('ed448').privateKey.export({ format: 'pem', type: 'pkcs8' }).toString(), 'KEY_UNSUPPORTED'],
  ])('refuses %s', async (_what, pem, code) => {
    await writeFile(at('plain.pem'), pem);
    expect(await failureOf(importKeys({ ...options(), key: at('plain.pem') }))).toMatchObject({ kind: 'input', code });
  });
});

describe('keys public', () => {
  const print = async (key: string): Promise<string> => {
    await printPublicKey({ key, 'password-file': undefined, outfile: at('out.pub'), kubeconfig: undefined, context: undefined });
    return readFile(at('out.pub'), 'utf8');
  };

  test.each([
    ['what cosign encrypted', COSIGN_KEY.privatePem],
    ['the public half', COSIGN_KEY.publicPem],
  ])('of %s', async (_what, pem) => {
    await writeFile(at('key'), pem);
    expect(await print(at('key'))).toBe(COSIGN_KEY.publicPem);
  });

  test('of a wrong password there is none', async () => {
    vi.stubEnv('COSIGN_PASSWORD', 'wrong');
    await writeFile(at('key'), COSIGN_KEY.privatePem);
    expect(await failureOf(print(at('key')))).toMatchObject({ kind: 'input', code: 'KEY_PASSWORD_WRONG' });
  });
});

test('a Secret gets a key pair with a password that nobody has to know', async () => {
  vi.stubEnv('COSIGN_PASSWORD', undefined);
  const api = await startFakeApiServer();
  const written: string[] = [];
  vi.spyOn(process.stdout, 'write').mockImplementation((text) => Boolean(written.push(String(text))));
  const client = createKubeClient({ http: testClient(), connection: { server: api.url } });
  await generateKeys(options({ target: 'k8s://build/signing-key' }), (_cluster, work) => work(client));
  const data = api.get('/api/v1/namespaces/build/secrets/signing-key')?.['data'] as Record<string, string>;
  const entry = (name: string): string => Buffer.from(data[name] ?? '', 'base64').toString();
  expect(entry('cosign.password').length).toBeGreaterThanOrEqual(32);
  const privateKey = await decryptCosignKey(entry('cosign.key'), entry('cosign.password'), 'key');
  expect([written.join(''), entry('cosign.pub')]).toEqual([spki(createPublicKey(privateKey)), spki(createPublicKey(privateKey))]);
  await closeAll();
  await api.close();
});
